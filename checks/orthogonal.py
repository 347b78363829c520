"""Muon as its author wrote it (Jordan et al. 2024), each head's part of an attention matrix by itself."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

HEADS = 4


def nearly_orthogonal(matrix: Tensor) -> Tensor:
    """Five Newton-Schulz steps towards U V' of the singular value decomposition of matrices [..., row, column]."""
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (x.square().sum((-2, -1), keepdim=True).sqrt() + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.mT if tall else x


class Orthogonal(torch.optim.Optimizer):
    """Nesterov momentum 0.95, orthogonalised; matrices [out, in] with more rows than columns move further.

    A group's `heads` says how its matrices fall into heads: along "rows", along "columns", or not at all ("").
    """

    def __init__(self, groups: Sequence[dict[str, object]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "heads": ""})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step."""
        for group in self.param_groups:
            for weight in group["params"]:
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 0.05)
                ahead = parts(weight.grad.lerp(momentum, 0.95), group["heads"])
                further = math.sqrt(max(1.0, ahead.shape[-2] / ahead.shape[-1]))
                parts(weight, group["heads"]).sub_(nearly_orthogonal(ahead), alpha=group["lr"] * further)


def parts(matrix: Tensor, heads: str) -> Tensor:
    """A view of a matrix as one matrix for each head."""
    if heads == "rows":
        return matrix.unflatten(0, (HEADS, -1))
    return matrix.unflatten(1, (HEADS, -1)).transpose(0, 1) if heads == "columns" else matrix
