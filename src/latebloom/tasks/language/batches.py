"""Rows of unequal length as training batches: shuffled per member, padded no further than the step needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.data import Batch, Data, Place
from latebloom.randomness import stream
from latebloom.tasks.language.text import PAD

WINDOW = 64  # batches among which rows are sorted by length
ROUND = 4  # padded lengths are multiples of this where rows are not sorted, so that few shapes occur


@dataclass(frozen=True, eq=False)
class Table:
    """Token rows of one corpus, start and end symbols included; `counts_from` is the first place that counts."""

    tokens: Int[np.ndarray, "row pos"]
    source: Int[np.ndarray, " row"]  # place of the last token of the source; 0 where a row has none
    counts_from: Int[np.ndarray, " row"]

    @property
    def lengths(self) -> Int[np.ndarray, " row"]:
        """Places of each row that are not padding."""
        return (self.tokens != PAD).sum(1) - 1

    def weight(self, rows: np.ndarray, width: int) -> Float[np.ndarray, "row pos"]:
        """1 where a place counts in the loss."""
        places = np.arange(width)
        return ((self.tokens[rows, 1 : width + 1] != PAD) & (places >= self.counts_from[rows, None])).astype(float)


def evaluation(tables: Sequence[Table], place: Place) -> Batch:
    """Each member's table as one fixed batch; a table all members share is stored once."""
    shared = all(table is tables[0] for table in tables)
    used = tables[:1] if shared else tables
    own = np.arange(len(used[0].tokens))
    tokens = np.stack([table.tokens for table in used]).astype(np.int64)
    width = tokens.shape[-1] - 1
    weight = np.stack([table.weight(own, width) for table in used])
    source = np.stack([table.source for table in used])
    parts = (
        torch.as_tensor(tokens[..., :-1], device=place.device),
        torch.as_tensor(tokens[..., 1:], device=place.device),
        torch.as_tensor(weight, dtype=place.dtype, device=place.device),
        torch.as_tensor(source, device=place.device),
    )
    inputs, targets, counted, ends = [part.expand(len(tables), *part.shape[1:]) for part in parts]
    return Batch(inputs, targets, counted, memo={"source": ends})


class TextBatches(Data):
    """Fixed evaluation splits and, at each step, every member's own mini-batch: a function of its seed and the epoch.

    `batch(step).memo["source"]` [member, batch] is the place where each row's source ends. With `bucketed`, rows of
    similar length share a batch: each window of `WINDOW` shuffled batches is sorted by length and the batches'
    order shuffled, alike for all members, so that they are long at the same steps.
    """

    def __init__(
        self,
        splits: dict[str, Batch],
        tables: Sequence[Table],
        batch_size: int,
        seeds: Sequence[int],
        place: Place,
        bucketed: bool = False,
    ) -> None:
        super().__init__(splits)
        self.tables, self.batch_size, self.seeds = list(tables), batch_size, list(seeds)
        self.place, self.bucketed = place, bucketed
        lengths = {id(table): table.lengths for table in tables}
        self.lengths = [lengths[id(table)] for table in tables]
        self._orders: dict[tuple[int, int], np.ndarray] = {}

    def rows(self, member: int, step: int) -> Int[np.ndarray, " batch"]:
        """Row numbers of one member's batch; the last, shorter batch of an epoch is left out."""
        length = len(self.lengths[member])
        size = min(self.batch_size, length)
        epoch, place = divmod(step, length // size)
        if (member, epoch) not in self._orders:
            self._orders = {key: order for key, order in self._orders.items() if key[0] != member}
            self._orders[member, epoch] = self._order(member, epoch, size)
        return self._orders[member, epoch][place]

    def _order(self, member: int, epoch: int, size: int) -> Int[np.ndarray, "step batch"]:
        """Row numbers of every batch of an epoch."""
        lengths = self.lengths[member]
        order = stream(self.seeds[member], "order", epoch).permutation(len(lengths))
        order = order[: len(order) // size * size]
        if not self.bucketed:
            return order.reshape(-1, size)
        batches = []
        for number, first in enumerate(range(0, len(order), WINDOW * size)):
            window = order[first : first + WINDOW * size]
            window = window[np.argsort(lengths[window], kind="stable")].reshape(-1, size)
            batches.append(window[stream(0, "order of lengths", epoch, number).permutation(len(window))])
        return np.concatenate(batches)

    def batch(self, step: int) -> Batch:
        """The batch of one step, [member, batch, pos], as long as its longest row, rounded up unless `bucketed`."""
        rows = [self.rows(member, step) for member in range(len(self.seeds))]
        longest = max(int(own[row].max()) for own, row in zip(self.lengths, rows, strict=True))
        unit = 1 if self.bucketed else ROUND
        width = min(-(-longest // unit) * unit, self.tables[0].tokens.shape[1] - 1)
        size = max(len(row) for row in rows)
        tokens = np.full((len(rows), size, width + 1), PAD, dtype=np.int64)
        weight = np.zeros((len(rows), size, width))
        source = np.zeros((len(rows), size), dtype=np.int64)
        for member, (table, own) in enumerate(zip(self.tables, rows, strict=True)):
            tokens[member, : len(own)] = table.tokens[own, : width + 1]
            weight[member, : len(own)] = table.weight(own, width)
            source[member, : len(own)] = table.source[own]
        device = self.place.device
        whole = torch.from_numpy(tokens).to(device)
        counted = torch.from_numpy(weight).to(device, self.place.dtype)
        memo: dict[str, Tensor] = {"source": torch.from_numpy(source).to(device)}
        return Batch(whole[..., :-1], whole[..., 1:], counted, memo=dict(memo))


def text_data(
    tables: Sequence[Mapping[str, Table]], batch_size: int, seeds: Sequence[int], place: Place, bucketed: bool
) -> TextBatches:
    """Batches of every member's table `train`; its other tables become fixed splits [member, row, pos]."""
    splits = {name: evaluation([own[name] for own in tables], place) for name in tables[0] if name != "train"}
    return TextBatches(splits, [own["train"] for own in tables], batch_size, seeds, place, bucketed)
