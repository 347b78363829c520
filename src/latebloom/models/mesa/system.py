"""The linear systems behind a mesa layer: A_t x_t = b_t for every place t, with A_t = H_t + Lambda."""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.mesa.chunks import Chunks


@dataclass(frozen=True)
class System:
    """All A_t of all rows, without holding any of them: keys in chunks and the Gram matrix at their borders.

    Attributes:
        chunks: how the sequence is cut and how it is forgotten.
        key: keys, [row, chunk, pos, d_head].
        gram: H before every chunk, H_t = gamma_t H_{t-1} + k_t k_t^T. A decaying regulariser is part of the first one.
        last: H after the last place.
        ridge: the static diagonal Lambda, [row, d_head], or None where the regulariser decays with H.
        log_gamma: logarithms of the forget factors, [row, pos], or None.
    """

    chunks: Chunks
    key: Float[Tensor, "row chunk pos d_head"]
    gram: Float[Tensor, "row chunk d_head d_head"]
    last: Float[Tensor, "row d_head d_head"]
    ridge: Float[Tensor, "row d_head"] | None
    log_gamma: Float[Tensor, "row pos"] | None

    @classmethod
    def build(
        cls,
        key: Float[Tensor, "row pos d_head"],
        log_gamma: Float[Tensor, "row pos"] | None,
        gram: Float[Tensor, "row d_head d_head"],
        ridge: Float[Tensor, "row d_head"] | None,
        size: int,
    ) -> "System":
        """The systems of sequences of keys that begin with the Gram matrix `gram`."""
        chunks = Chunks.cut(key, log_gamma, size)
        cut = chunks.split(key)
        return cls(chunks, cut, *chunks.states(cut, cut, gram), ridge, log_gamma)

    def apply(self, x: Float[Tensor, "row chunk pos d_head"]) -> Float[Tensor, "row chunk pos d_head"]:
        """A_t x_t for all t: linear attention whose values are the keys."""
        product = self.chunks.recall(x, self.key, self.key, self.gram)
        return product if self.ridge is None else torch.addcmul(product, self.ridge[:, None, None], x)

    def diagonal(self) -> Float[Tensor, "row chunk pos d_head"]:
        """The diagonal of every A_t."""
        border = self.gram.diagonal(dim1=-2, dim2=-1)[:, :, None]
        found = self.chunks.since[..., None] * border + self.chunks.within @ self.key.square()
        return found if self.ridge is None else found + self.ridge[:, None, None]


class Solver(Protocol):
    """How A_t x_t = b_t is solved for all t. The two right-hand sides are the queries and, for gradients, G_t^T e_t."""

    def solve(self, system: System, rhs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The solutions [row, chunk, pos, d_head], and what to keep for `solve_again`."""
        ...

    def solve_again(
        self, system: System, rhs: Tensor, kept: tuple[Tensor, ...], query: Tensor, solution: Tensor
    ) -> Tensor:
        """The solutions for a second right-hand side; `query` and `solution` are those of the first."""
        ...
