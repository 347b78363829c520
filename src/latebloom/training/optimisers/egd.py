"""Egalitarian gradient descent (Saheb Pasand & Dohmatob 2025): every singular direction of the gradient moves alike."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.training.optimisers.base import OPTIMISERS, Hyper, Optimiser, Params, State, wide
from latebloom.training.optimisers.roles import first_layer
from latebloom.training.optimisers.sgd import SGD

FLOOR = 1e-6  # below this a singular value is divided by the floor and not by itself (authors' code)


def equalised(matrix: Float[Tensor, "*batch row col"]) -> Float[Tensor, "*batch row col"]:
    """(G G^T)^(-1/2) G = U V^T, by SVD with singular values floored at 1e-6; NaN for a matrix that is not finite."""
    # One matrix that is not finite makes LAPACK refuse the whole batch; a diverged member must not stop the others.
    finite = matrix.isfinite().all(-1, keepdim=True).all(-2, keepdim=True)
    u, s, vh = torch.linalg.svd(torch.where(finite, matrix, 0), full_matrices=False)
    out = (u * (s / s.clamp(min=FLOOR)).unsqueeze(-2)) @ vh
    return torch.where(finite, out, torch.nan)


@dataclass(frozen=True)
class EGD:
    """SGD with the first layer's gradient equalised.

    As in the authors' code the L2 term is part of the loss, so it is inside the matrix that is equalised. Theirs
    leaves biases without decay; here biases decay as in the `sgd` row, so that the two rows differ in one thing.
    First layers of two tables (one an input) are stacked: together they act on both one-hot inputs side by side.
    Their code goes back to plain SGD when test accuracy passes 0.95; an optimiser sees no test set, so ours does not.
    """

    base: SGD = field(default_factory=SGD)
    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """The velocities of SGD."""
        first_layer(params)  # a model without one is refused before training, not at its first step
        return self.base.init(params, window)

    def update(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> None:
        """One step in place."""
        decay = hyper["weight_decay"]
        full = {name: torch.addcmul(grad, params[name], wide(decay, grad)) for name, grad in grads.items()}
        parts = first_layer(grads)
        stacked = equalised(torch.cat([full[name] for name in parts], 1))
        rows = [full[name].shape[1] for name in parts]
        full |= dict(zip(parts, stacked.split(rows, 1), strict=True))
        self.base.update(params, full, state, {**hyper, "weight_decay": torch.zeros_like(decay)}, step)


OPTIMISERS.register("egd")(Optimiser(EGD(), about="SGD; all singular values of the first layer's gradient made 1."))
