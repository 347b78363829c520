"""Conjugate gradients for all places at once: MesaNet's way (arXiv 2506.05233).

The only expensive part of an iteration is A_t p_t for all t, which is chunkwise gated linear attention with the keys as
values; no A_t is ever built, and Lambda may be static under any forget factors. In exact arithmetic d_head iterations
are enough. Start: b / diag(A_t). The gradient comes from a second run on G_t^T e_t and is that of a run that has
converged.

The published run is for a fixed number of iterations (30), or until ||r|| <= tolerance ||r_0|| at every place. Where
it ends with the tolerance missed, or after a fixed number with over a hundredth of a query unsolved, a warning says so.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.mesa.cholesky import check
from latebloom.models.mesa.recursive import MesaWarning
from latebloom.models.mesa.system import System

UNSOLVED = 0.01  # with a fixed number of iterations, a larger share of a query left over is said


class Found(NamedTuple):
    """A solution, the iterations it took, the largest ||r|| / ||b|| that is left, and whether all places are done."""

    x: Float[Tensor, "*place d_head"]
    iterations: int
    residual: float
    done: bool


@dataclass(frozen=True)
class Conjugate:
    """The conjugate-gradient solver: at most `iterations`, and no more for places that reached `tolerance`."""

    iterations: int = 30
    tolerance: float | None = None

    def solve(self, system: System, rhs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The solutions for all t; nothing needs keeping."""
        if system.ridge is None:  # only a regulariser that decays can have died out
            check(system)
        found = conjugate_gradients(system.apply, rhs, system.diagonal(), self.iterations, self.tolerance)
        warn_unsolved(found, self.tolerance)
        return found.x, ()

    def solve_again(
        self, system: System, rhs: Tensor, kept: tuple[Tensor, ...], query: Tensor, solution: Tensor
    ) -> Tensor:
        """The solutions for a second right-hand side."""
        return self.solve(system, rhs)[0]


def warn_unsolved(found: Found, tolerance: float | None) -> None:
    """Says so where a run ended before it was done."""
    if found.residual > UNSOLVED if tolerance is None else not found.done:
        limit = UNSOLVED if tolerance is None else tolerance
        warnings.warn(
            f"Conjugate gradients stopped after {found.iterations} iterations with a residual of {found.residual:.1e} "
            f"of the query (tolerance {limit:.1e}): outputs and gradients are off by about as much times the "
            "condition number. Raise `iterations`, enlarge Lambda, or use form='chunked'.",
            MesaWarning,
            3,
        )


def conjugate_gradients(
    apply: Callable[[Tensor], Tensor],
    rhs: Float[Tensor, "*place d_head"],
    diagonal: Float[Tensor, "*place d_head"],
    iterations: int,
    tolerance: float | None = None,
) -> Found:
    """Solves A x = b for every place; `apply` multiplies by the positive definite A, whose diagonal is given.

    A place that has reached its tolerance, or the rounding of its own b, is left alone while others go on.
    """
    x = rhs / diagonal
    r = rhs - apply(x)
    p, size = r, _squared(r)
    scale = _squared(rhs)
    eps = torch.finfo(rhs.dtype).eps
    goal = torch.maximum((eps**2) * scale, (tolerance or 0.0) ** 2 * size)
    used = 0
    for used in range(1, iterations + 1):
        going = size > goal
        if not bool(going.any()):
            used -= 1
            break
        product = apply(p)
        # Where p A p is not positive, rounding has won and a step would not help.
        curvature = (p * product).sum(-1, keepdim=True)
        step = torch.where(going & (curvature > 0), size / curvature, 0)
        x, r = x + step * p, r - step * product
        new = _squared(r)
        p = r + torch.where(going, new / size, 0) * p
        size = new
    left = torch.where(scale > 0, size / scale, 0).amax().sqrt() if rhs.numel() else size.sum()
    return Found(x, used, float(left), not bool((size > goal).any()))


def _squared(x: Tensor) -> Tensor:
    return x.square().sum(-1, keepdim=True)
