"""Sequences cut into chunks, so that sums over the past become a few matrix products and one short scan.

A state S_t = gamma_t S_{t-1} + a_t b_t^T is kept at the borders of chunks only. Inside a chunk its effect on a
place t is what is left of the border's state, plus a product of two small matrices (gated linear attention in chunks).
All functions here take [row, pos, ...] or, once cut, [row, chunk, pos, ...]; a row is one sequence of one head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Chunks:
    """How sequences are cut, and how much survives between two places of a chunk.

    Attributes:
        length: places of a sequence.
        size: places of a chunk; the last chunk is filled up with zeros, which change no sum.
        within: [row, chunk, pos, pos]: what is left at place t (third axis) of what place s added; zero where s > t.
        since: [row, chunk, pos]: what is left after place t of the state before the chunk.
        gated: False where nothing is ever forgotten; then the row and chunk axes above are 1.
    """

    length: int
    size: int
    within: Float[Tensor, "row chunk pos pos"]
    since: Float[Tensor, "row chunk pos"]
    gated: bool

    @classmethod
    def cut(
        cls, like: Float[Tensor, "row pos d_head"], log_gamma: Float[Tensor, "row pos"] | None, size: int
    ) -> "Chunks":
        """Chunks of at most `size` places for sequences as long as `like`; `log_gamma` None means no forgetting."""
        length = like.shape[1]
        size = min(size, length)
        if log_gamma is None:
            ones = torch.ones(1, 1, size, size, dtype=like.dtype, device=like.device)
            return cls(length, size, ones.tril(), ones[..., 0], False)
        padded = torch.nn.functional.pad(log_gamma, (0, -length % size))  # a logarithm of 0 forgets nothing
        total = padded.unflatten(1, (-1, size)).cumsum(2)
        # Masked before the exponential: above the diagonal it could overflow.
        past = torch.ones(size, size, dtype=torch.bool, device=like.device).tril()
        spans = (total[..., :, None] - total[..., None, :]).masked_fill(~past, -torch.inf)
        return cls(length, size, spans.exp(), total.exp(), True)

    @property
    def tail(self) -> Float[Tensor, "row chunk pos 1"]:
        """What is left at the chunk's end of what each place added."""
        return self.within[..., -1, :, None]

    @property
    def total(self) -> Float[Tensor, "row chunk 1 1"]:
        """What is left after the whole chunk of the state before it."""
        return self.since[..., -1, None, None]

    def split(self, x: Float[Tensor, "row length d"]) -> Float[Tensor, "row chunk pos d"]:
        """A sequence in chunks."""
        missing = -self.length % self.size
        x = torch.nn.functional.pad(x, (0, 0, 0, missing)) if missing else x
        return x.unflatten(1, (-1, self.size))

    def join(self, x: Float[Tensor, "row chunk pos d"]) -> Float[Tensor, "row length d"]:
        """The chunks as one sequence again."""
        return x.flatten(1, 2)[:, : self.length]

    def states(
        self, a: Float[Tensor, "row chunk pos d"], b: Float[Tensor, "row chunk pos e"], start: Float[Tensor, "row d e"]
    ) -> tuple[Float[Tensor, "row chunk d e"], Float[Tensor, "row d e"]]:
        """The state before each chunk, and the last state."""
        added = (a * self.tail).mT @ b if self.gated else a.mT @ b
        return self._scan(added.unbind(1), self.total.unbind(1), start)

    def states_back(
        self, a: Float[Tensor, "row chunk pos d"], b: Float[Tensor, "row chunk pos e"], end: Float[Tensor, "row d e"]
    ) -> tuple[Float[Tensor, "row chunk d e"], Float[Tensor, "row d e"]]:
        """After each chunk, the sum over all later places t of a_t b_t^T times what is left at t of the state there.

        This is how a gradient by the state gathers; `end` is the gradient by the last state. Second: that by the first.
        """
        added = (a * self.since[..., None]).mT @ b if self.gated else a.mT @ b
        return self._scan(added.unbind(1)[::-1], self.total.unbind(1)[::-1], end, back=True)

    def _scan(
        self, added: Sequence[Tensor], total: Sequence[Tensor], state: Tensor, back: bool = False
    ) -> tuple[Tensor, Tensor]:
        """State <- total state + added, chunk by chunk; the state before each, in the order of time, and the last."""
        seen = []
        for j, new in enumerate(added):
            seen.append(state)
            state = torch.addcmul(new, total[j], state) if self.gated else state + new
        return torch.stack(seen[::-1] if back else seen, 1), state

    def recall(
        self,
        query: Float[Tensor, "row chunk pos d"],
        key: Float[Tensor, "row chunk pos d"],
        value: Float[Tensor, "row chunk pos e"],
        states: Float[Tensor, "row chunk d e"],
    ) -> Float[Tensor, "row chunk pos e"]:
        """Gated causal linear attention: sum over s <= t of what is left of (query_t . key_s) value_s."""
        near = ((query @ key.mT) * self.within) @ value
        far = query @ states
        return torch.addcmul(near, self.since[..., None], far) if self.gated else near + far
