"""Products with rows of bits, formed by lookup: the method of four Russians (Arlazarov et al. 1970), for one factor.

Inputs are cut into words of six. A word has 64 patterns, so a table of all patterns times their six rows of weights
holds every partial sum there can be, and a row's product is the sum of one table row for each of its words. Backwards,
rows are first summed by pattern. For 30 bits that is 5 additions a row instead of 30.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.data import Batch
from latebloom.models.bags import Bags, even_bags, namers, sums, worth_sorting

BITS = 6  # of a word; with 5 or 8 it takes about as long
FEWEST_ROWS = 256  # below, forming the tables costs more than it saves


@dataclass(frozen=True)
class Words:
    """Rows of bits as words."""

    inputs: int
    patterns: Float[Tensor, "pattern bit"]  # the values of the bits in each pattern
    of_rows: Bags  # for each data row, its words' rows of the table
    rows_of: Bags  # for each row of the table, the data rows that have it

    def times(self, first: Float[Tensor, "member inputs d_mlp"]) -> Float[Tensor, "member batch d_mlp"]:
        """X @ first; a row of `first` beyond the bits is added to every sum."""
        members, given, width = first.shape
        count = -(-self.inputs // BITS)
        weights = first.new_zeros(members, count * BITS, width)
        weights[:, : self.inputs] = first[:, : self.inputs]
        table = self.patterns @ weights.view(members, count, BITS, width)
        if given > self.inputs:
            table[:, 0] += first[:, self.inputs :]
        return sums(table.view(-1, width), self.of_rows).view(members, -1, width)

    def transposed_times(
        self, by_pre: Float[Tensor, "member batch d_mlp"], with_one: bool
    ) -> Float[Tensor, "member inputs d_mlp"]:
        """X.T @ by_pre, and with it the sum of all rows if asked."""
        members, _, width = by_pre.shape
        table = sums(by_pre.reshape(-1, width), self.rows_of).view(members, -1, 2**BITS, width)
        bits = (self.patterns.mT @ table).view(members, -1, width)[:, : self.inputs]
        return torch.cat([bits, table[:, 0].sum(1, keepdim=True)], 1) if with_one else bits


def words(batch: Batch) -> Words | None:
    """The rows as words, kept in the batch's memo; None where that does not pay or inputs take more than two values."""
    if batch.inputs.shape[1] < FEWEST_ROWS or not worth_sorting(batch, batch.inputs.dtype):
        return None
    if "words" not in batch.memo:
        batch.memo["words"] = _cut(batch.inputs)
    found: Words | None = batch.memo["words"]
    return found


def _cut(inputs: Float[Tensor, "member batch inputs"]) -> Words | None:
    low, high = inputs.min(), inputs.max()
    if not bool(((inputs == low) | (inputs == high)).all()):
        return None
    members, rows, width = inputs.shape
    count = -(-width // BITS)
    powers = 2 ** torch.arange(BITS, device=inputs.device)
    bits = torch.nn.functional.pad((inputs > low).long(), (0, count * BITS - width))
    own = (bits.view(members, rows, count, BITS) * powers).sum(-1)
    begin = torch.arange(members * count, device=inputs.device).view(members, 1, count) * 2**BITS
    places = (own + begin).view(-1, count)
    entries, offsets = namers(places.reshape(-1), members * count * 2**BITS)
    patterns = torch.arange(2**BITS, device=inputs.device)[:, None] // powers % 2
    return Words(
        inputs=width,
        patterns=torch.where(patterns.bool(), high, low),
        of_rows=even_bags(places),
        rows_of=(entries // count, offsets),
    )
