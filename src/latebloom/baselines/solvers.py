"""Iterative solvers that precondition the query: x_t becomes about A_t^-1 x_t, and one gradient step then is ridge.

A_t = X X' + penalty over the visible pairs; the prediction from a preconditioned query u is sum_j y_j (x_j . u).
Source: Proposition 2 and section 4.2 of von Oswald et al. 2023 (arXiv 2309.05858 v2), and the released controls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.pairs import attended, visible
from latebloom.baselines.predictor import positive


@dataclass(frozen=True, eq=False)
class Gram:
    """A_t at every place at once, never written out: applying it is one causal linear attention."""

    inputs: Float[Tensor, "*lead pos d"]
    penalty: float
    lagged: bool = False
    normalised: bool = True  # divided by its Frobenius norm, as in the release, so that no eigenvalue is above 1

    def __post_init__(self) -> None:
        if self.normalised:  # before the first pair the norm is that of the penalty alone
            positive("Gram", penalty=self.penalty)

    def apply(self, vectors: Float[Tensor, "*lead pos d"]) -> Float[Tensor, "*lead pos d"]:
        """A_t v_t, or A_t v_t / ||A_t||."""
        product = attended(vectors, self.inputs, self.inputs, self.lagged) + self.penalty * vectors
        return product / self.scale

    @property
    def scale(self) -> Float[Tensor, "*lead pos 1"]:
        """||A_t||_F where normalised, else ones."""
        if not self.normalised:
            return torch.ones_like(self.inputs[..., :1])
        mask = visible(self.inputs.shape[-2], self.lagged, self.inputs.device).to(self.inputs.dtype)
        squares = (self.inputs @ self.inputs.mT).square()
        # ||X X'||^2 is the sum of all squared products of visible inputs; the penalty adds two terms.
        gram = ((mask @ squares) * mask).sum(-1)
        trace = self.inputs.square().sum(-1) @ mask.mT
        d = self.inputs.shape[-1]
        return (gram + 2 * self.penalty * trace + d * self.penalty**2).sqrt()[..., None]


Coefficient = float | Tensor


def richardson(
    gram: Gram, queries: Float[Tensor, "*lead pos d"], rates: Sequence[Coefficient], momenta: Sequence[Coefficient] = ()
) -> Float[Tensor, "*lead pos d"]:
    """Second-order Richardson for A_t u = x_t from u = x_t: u <- u + rate (x_t - A u) + momentum (u - last u).

    One step for each rate; momenta default to 0. Of a normalised A the solution is divided by ||A||, so that it solves
    the plain system. Coefficients may be tensors [..., pos, 1].
    """
    u, last = queries, queries
    for rate, momentum in zip(rates, momenta or [0.0] * len(rates), strict=True):
        u, last = u + rate * (queries - gram.apply(u)) + momentum * (u - last), u
    return u / gram.scale


def neumann(gram: Gram, queries: Float[Tensor, "*lead pos d"], steps: int) -> Float[Tensor, "*lead pos d"]:
    """The Neumann series of A^-1 x_t cut after power `steps`: u <- x_t + (I - A) u. Converges if A is normalised."""
    return richardson(gram, queries, [1.0] * steps)


def chebyshev_schedule(low: Coefficient, high: Coefficient, steps: int) -> tuple[list[Coefficient], list[Coefficient]]:
    """Rates and momenta whose polynomial is least on [low, high]: eigenvalue bounds, numbers or [..., pos, 1].

    The error falls at least by 1 / T_steps((high + low) / (high - low)), asymptotically by
    (sqrt(k) - 1) / (sqrt(k) + 1) a step with k = high / low (Golub & Varga 1961).
    """
    centre, half = (high + low) / 2, (high - low) / 2
    rates: list[Coefficient] = [1 / centre]
    momenta: list[Coefficient] = [0.0]
    rho = half / centre
    for _ in range(1, steps):
        # Written without a division by `half`, which is 0 where there is only one eigenvalue.
        rest = 2 * centre - half * rho
        rates.append(2 / rest)
        momenta.append(half * rho / rest)
        rho = half / rest
    return rates[:steps], momenta[:steps]


def eigenvalue_bounds(gram: Gram) -> tuple[Float[Tensor, "*lead pos 1"], Float[Tensor, "*lead pos 1"]]:
    """Smallest and largest eigenvalue of A_t (as normalised) at every place; writes the matrices out."""
    outer = gram.inputs[..., :, None] * gram.inputs[..., None, :]
    mask = visible(gram.inputs.shape[-2], gram.lagged, gram.inputs.device).to(gram.inputs.dtype)
    values = torch.linalg.eigvalsh(torch.einsum("tj,...jab->...tab", mask, outer)) + gram.penalty
    return values[..., :1] / gram.scale, values[..., -1:] / gram.scale


def optimal_rate(low: Coefficient, high: Coefficient) -> Coefficient:
    """The best constant rate of first-order Richardson on [low, high]; error factor (k - 1) / (k + 1) a step."""
    return 2 / (low + high)


def exact(gram: Gram, queries: Float[Tensor, "*lead pos d"]) -> Float[Tensor, "*lead pos d"]:
    """A_t^-1 x_t by direct solves, place by place so that wide inputs fit in memory; what the solvers approach."""
    d, pos = queries.shape[-1], queries.shape[-2]
    matrix = gram.penalty * torch.eye(d, dtype=queries.dtype, device=queries.device).expand(*queries.shape[:-2], d, d)
    out = []
    for t in range(pos):
        newest = t - 1 - int(gram.lagged)
        if newest >= 0:
            x = gram.inputs[..., newest, :]
            matrix = matrix + x[..., :, None] * x[..., None, :]
        out.append(torch.linalg.solve(matrix, queries[..., t, :]))
    return torch.stack(out, -2)
