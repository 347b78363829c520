"""Muon (Jordan et al. 2024): momentum on hidden matrices, orthogonalised by Newton-Schulz; AdamW for the rest."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.training.optimisers.adam import Adam
from latebloom.training.optimisers.base import OPTIMISERS, Hyper, Optimiser, Params, State, wide, zeros
from latebloom.training.optimisers.roles import hidden_matrices

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # steepest at 0; singular values end near 1, not at 1
ITERATIONS = 5


def newton_schulz(matrix: Float[Tensor, "*batch row col"]) -> Float[Tensor, "*batch row col"]:
    """Nearly U V^T of G: X <- a X + (b A + c A^2) X with A = X X^T, five times, from X = G / |G|_F.

    In the dtype of `matrix` (the authors' code rounds to bfloat16, which saves time on GPUs only).
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix  # A then has the smaller of the two sizes; the result is the same
    shape = x.shape
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)  # 1e-7: authors' code; a zero gradient stays zero
    x = x.reshape(-1, *shape[-2:])
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.view(shape)
    return x.mT if tall else x


@dataclass(frozen=True)
class Muon:
    """v <- mu v + (1 - mu) g;  u = NS(mu v + (1 - mu) g);  w <- (1 - lr wd) w - lr max(1, d_out / d_in)^(1/2) u.

    The published code keeps weights [out, in], ours are [in, out]: its rows are our columns. `lr` moves the hidden
    matrices (a spectral norm per step), `lr_rest` all that goes to AdamW; `momentum` is mu, 0.95 in the publication.
    """

    rest: Adam = field(default_factory=lambda: Adam("decoupled"))
    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """Velocity of every hidden matrix; Adam's moments of the rest."""
        hidden = set(hidden_matrices(params))
        state = zeros({name: value for name, value in params.items() if name in hidden}, "velocity")
        return state | self.rest.init({name: value for name, value in params.items() if name not in hidden}, window)

    def update(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> None:
        """One step in place."""
        hidden = hidden_matrices(grads)
        for name in hidden:
            weight, grad, velocity = params[name], grads[name], state[f"velocity/{name}"]
            momentum, lr = wide(hyper["momentum"], weight), wide(hyper["lr"], weight)
            velocity.lerp_(grad, 1 - momentum)
            direction = newton_schulz(torch.lerp(grad, velocity, momentum))
            d_in, d_out = weight.shape[-2:]
            weight.mul_(1 - lr * wide(hyper["weight_decay"], weight))
            weight.addcmul_(direction, lr, value=-(max(1.0, d_out / d_in) ** 0.5))
        others = {name: grad for name, grad in grads.items() if name not in hidden}
        if others:
            self.rest.update(params, others, state, {**hyper, "lr": hyper["lr_rest"]}, step)


OPTIMISERS.register("muon")(Optimiser(Muon(), about="Orthogonalised momentum on hidden matrices, AdamW on the rest."))
