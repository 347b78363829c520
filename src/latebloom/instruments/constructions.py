"""Linear-attention weights written down: one gradient step (Prop. 1), steps stacked, precondition-then-step (Prop. 2).

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2). Heads of size d on channels of width d, no biases, no
normalisation, no scaling; a token's prediction is read from its first channel. Float64.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.polynomial import Polynomial
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.linear_attention import Products, products

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of a stack in TransformerLens's layout, for `blocks.{layer}.attn.W_Q` and so on of each layer."""

    W_Q: Float[Tensor, "layer head d_model d_head"]
    W_K: Float[Tensor, "layer head d_model d_head"]
    W_V: Float[Tensor, "layer head d_model d_head"]
    W_O: Float[Tensor, "layer head d_head d_model"]

    def layers(self) -> list[Products]:
        """The products of each layer, for `linear_attention.run`."""
        return [products(*own) for own in zip(self.W_Q, self.W_K, self.W_V, self.W_O, strict=True)]

    def parameters(self) -> dict[str, Float[Tensor, "member head ..."]]:
        """One member's parameters by TransformerLens's names, for `latebloom.models.Decoder` or a run's start."""
        return {
            f"blocks.{layer}.attn.{name}": getattr(self, name)[layer][None]
            for layer in range(len(self.W_Q))
            for name in ("W_Q", "W_K", "W_V", "W_O")
        }

    def padded(self, n_heads: int, d_head: int) -> "Weights":
        """The same computation with more and wider heads; the added ones are zero. Raises if it does not fit."""
        heads, own = self.W_Q.shape[1], self.W_Q.shape[3]
        if n_heads < heads or d_head < own:
            raise LatebloomError(
                f"{n_heads} heads of size {d_head} cannot hold {heads} heads of size {own}: "
                f"use n_heads >= {heads} and d_head >= {own}."
            )
        wide = (0, d_head - own, 0, 0, 0, n_heads - heads)
        tall = (0, 0, 0, d_head - own, 0, n_heads - heads)
        pad = torch.nn.functional.pad
        return Weights(pad(self.W_Q, wide), pad(self.W_K, wide), pad(self.W_V, wide), pad(self.W_O, tall))


Reads = dict[int, float | Tensor]  # channel -> number times the identity, or a matrix [d, d] acting on rows


def _head(d: int, channels: int, query: Reads, key: Reads, value: Reads, out: Reads) -> list[Tensor]:
    """One head's four weights from what each projection reads, and what the output writes."""

    def reading(reads: Reads) -> Tensor:
        weight = torch.zeros(channels, d, d, dtype=torch.float64)
        for channel, factor in reads.items():
            weight[channel] = factor if isinstance(factor, Tensor) else factor * torch.eye(d, dtype=torch.float64)
        return weight.flatten(0, 1)

    return [reading(query), reading(key), reading(value), reading(out).T]


def _stack(layers: Sequence[Sequence[list[Tensor]]]) -> Weights:
    parts = [[torch.stack([head[i] for head in layer]) for layer in layers] for i in range(4)]
    return Weights(*(torch.stack(part) for part in parts))


def one_step(d: int, rate: float, start: Float[Tensor, "d d"] | None = None) -> Weights:
    """Proposition 1 on tokens [Phi_0 s_t, s_t, s_{t-1}]: channel 0 becomes (Phi_0 - rate grad L_t(Phi_0)) s_t exactly.

    `start` is Phi_0, or 0; the token must hold Phi_0 s_t already. One layer, one head.
    """
    back = 0.0 if start is None else -start.double().T
    return _stack([[_head(d, 3, query={1: 1.0}, key={2: 1.0}, value={1: 1.0, 2: back}, out={0: rate})]])


def stacked_steps(d: int, rates: Sequence[float]) -> Weights:
    """A step of Proposition 1 in every layer, on tokens [0, s_t, s_t, s_{t-1}]; two heads a layer.

    Channel 1 holds the error that is left of the pair ending here; each layer reduces it and adds to the prediction.
    Without a causal mask this is gradient descent with one step a layer. With it, it is not: an earlier pair's error
    was reduced by earlier pairs only (the bias the source quotes from Ding et al. 2023).
    """
    layers = []
    for rate in rates:
        predict = _head(d, 4, query={2: 1.0}, key={3: 1.0}, value={1: 1.0}, out={0: rate})
        reduce = _head(d, 4, query={3: 1.0}, key={3: 1.0}, value={1: 1.0}, out={1: -rate})
        layers.append([predict, reduce])
    return _stack(layers)


def preconditioned_step(d: int, rates: Sequence[float], momenta: Sequence[float] = (), penalty: float = 0.0) -> Weights:
    """Proposition 2 on tokens [0, s_t, s_t, s_{t-1}]: a layer for each solver step, then one gradient step.

    Channel 0 becomes sum_j s_{j+1} (s_j . u), with u from u = s_t by u <- u + rate (s_t - A u) + momentum (u - last u),
    A = S S' + penalty: second-order Richardson. As printed, the step adds s_t and multiples of u, which linear
    attention cannot: all it writes contains S S'. What it can reach is every polynomial in S S' whose value at 0 is 1,
    one degree a layer, through u <- u - a S S' u + b S S' s_t. So the solver's polynomial is taken apart into such
    layers, and its value at 0 goes into the last one. Equal up to rounding (about 1e-9 relative at ten Chebyshev
    steps); one head a layer. The coefficients are the same at every place: a norm of A that changes along the sequence
    cannot be divided by. Raises `LatebloomError` if the polynomial is 0 at 0 or rates and momenta differ in number.
    """
    momenta = list(momenta) or [0.0] * len(rates)
    if len(momenta) != len(rates):
        raise LatebloomError(f"{len(rates)} rates and {len(momenta)} momenta: give one of each for every solver step.")
    polynomial = solver_polynomial(rates, momenta, penalty)
    at_zero = float(polynomial(0.0))
    if abs(at_zero) < 1e-12:
        raise LatebloomError("This solver's polynomial is 0 at 0, so no stack of linear attention computes it.")
    if len(rates) and not abs(float(np.mean(rates))) > 0:
        raise LatebloomError(f"The mean of the rates {list(rates)} must not be 0: every layer divides by it.")
    layers = [
        [_head(d, 4, query={1: -own, 2: fresh}, key={3: 1.0}, value={3: 1.0}, out={1: 1.0})]
        for own, fresh in _layers_of(polynomial / at_zero, float(np.mean(rates)) if len(rates) else 1.0, len(rates))
    ]
    layers.append([_head(d, 4, query={1: at_zero}, key={3: 1.0}, value={2: 1.0}, out={0: 1.0})])
    return _stack(layers)


def solver_polynomial(rates: Sequence[float], momenta: Sequence[float], penalty: float = 0.0) -> Polynomial:
    """P with u = p(S S') s_t after the steps of second-order Richardson from u = s_t; about 1 / (x + penalty)."""
    matrix, one = Polynomial([penalty, 1.0]), Polynomial([1.0])
    now, last = one, one
    for rate, momentum in zip(rates, momenta, strict=True):
        now, last = now + rate * (one - matrix * now) + momentum * (now - last), now
    return now


def _layers_of(polynomial: Polynomial, node: float, count: int) -> list[tuple[float, float]]:
    """(a, b) of each layer, first layer first: p_k = p_{k-1} (1 - a x) + b x, from p_0 = 1 to the polynomial.

    Any a not 0 will do: p_k - b x vanishes at 1/a for one b. All take the mean rate here, which keeps 1 - a x small
    where the solver does.
    """
    found = []
    for _ in range(count):
        own = node
        fresh = float(polynomial(1 / own)) * own
        polynomial = (polynomial - Polynomial([0.0, fresh])) // Polynomial([1.0, -own])
        found.append((own, fresh))
    return found[::-1]
