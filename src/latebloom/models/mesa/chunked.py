"""All places of a chunk from one Cholesky factor: the chunkwise-parallel exact solve.

Let A be the matrix at the border before a chunk, c_i what is left of it after place i, and K the chunk's keys as
rows. Then A_i = c_i A + sum over s <= i of (c_i / c_s) k_s k_s^T, and by the Woodbury identity

    A_i^{-1} b = (1 / c_i) [A^{-1} b - A^{-1} K_i^T M_i^{-1} K_i A^{-1} b],     M = diag(c) + K A^{-1} K^T,

where K_i are the first i rows of K and M_i the leading i x i block of M. The Cholesky factor of a leading block is the
leading block of the Cholesky factor, so L L^T = M serves every place, and with D = L^{-1} K A^{-1}

    A_i^{-1} b = (1 / c_i) [A^{-1} b - D_i^T D_i b],     D_i the first i rows of D.

So all places of a chunk take three matrix products: this is recursive least squares a block at a time.

The identity subtracts nearly equal numbers where a chunk forgets almost everything (c_i small) or where its keys
outweigh A. One step of iterative refinement repairs the second; chunks with c below a floor are solved place by place
instead. A static Lambda does not scale with c, so together with forget factors it is always solved place by place; the
factors of all places are kept for the gradient as long as they fit a few megabytes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from latebloom.models.mesa.cholesky import all_factors, factor, lower_inverse, solve_places, solve_with, whitened
from latebloom.models.mesa.system import System

# Less than this left of a border at a chunk's end, and the chunk is solved place by place.
FLOOR = {torch.float32: 1e-2, torch.float64: 1e-5}


@dataclass(frozen=True)
class Chunked:
    """The chunkwise-parallel solver; `refinements`: steps of iterative refinement."""

    refinements: int = 1

    def solve(self, system: System, rhs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The solutions [row, chunk, pos, d_head], and the factors."""
        if system.ridge is not None and system.chunks.gated:
            lower = all_factors(system)
            if lower is not None:
                return solve_with(lower, rhs), (lower,)
            everywhere = torch.ones(system.key.shape[:2], dtype=torch.bool, device=rhs.device)
            return solve_places(system, rhs, everywhere).view_as(rhs), ()
        factors = self._factors(system)
        return self._solve(system, rhs, *factors), factors

    def solve_again(
        self, system: System, rhs: Tensor, kept: tuple[Tensor, ...], query: Tensor, solution: Tensor
    ) -> Tensor:
        """The solutions for a second right-hand side, with the factors of the first."""
        if len(kept) == 1:  # the factor of every place
            return solve_with(kept[0], rhs)
        return self._solve(system, rhs, *kept) if kept else self.solve(system, rhs)[0]

    def _solve(self, system: System, rhs: Tensor, left: Tensor, inverse: Tensor, innovation: Tensor) -> Tensor:
        x = _once(rhs, left, inverse, innovation)
        for _ in range(self.refinements):
            x = x + _once(rhs - system.apply(x), left, inverse, innovation)
        steep = (left == 0).any(-1)
        return x.masked_scatter(steep[..., None, None], solve_places(system, rhs, steep)) if steep.any() else x

    @staticmethod
    def _factors(system: System) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers c (zero in chunks that need another way), A^{-1} and D."""
        root, across = whitened(system)
        left = system.chunks.since
        flat = left[..., -1:] >= FLOOR[left.dtype]
        lower, sound = factor(across.mT @ across + torch.where(flat, left, 1).diag_embed())
        innovation = lower_inverse(lower) @ (across.mT @ root)
        return torch.where(flat & sound[..., None], left, 0), root.mT @ root, innovation


def _once(rhs: Tensor, left: Tensor, inverse: Tensor, innovation: Tensor) -> Tensor:
    """The last line of the derivation above, for all places of all chunks."""
    past = torch.ones(innovation.shape[-2], innovation.shape[-2], dtype=rhs.dtype, device=rhs.device).tril()
    seen = (rhs @ innovation.mT) * past  # [i, s]: place i sees the keys s <= i
    return (rhs @ inverse - seen @ innovation) / left[..., None]
