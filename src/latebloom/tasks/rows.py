"""Choosing train and test rows for each member, padded to one rectangle, and mini-batches of them."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.data import Batch, Data, Place
from latebloom.randomness import stream


def rectangle(rows: Sequence[np.ndarray]) -> tuple[Int[np.ndarray, "member batch"], Float[np.ndarray, "member batch"]]:
    """Row numbers of unequal length as one array, padded with row 0 at weight 0."""
    length = max(len(own) for own in rows)
    index = np.zeros((len(rows), length), dtype=np.int64)
    weight = np.zeros((len(rows), length))
    for member, own in enumerate(rows):
        index[member, : len(own)] = own
        weight[member, : len(own)] = 1.0
    return index, weight


def to_batch(inputs: np.ndarray, targets: np.ndarray, weight: np.ndarray, place: Place) -> Batch:
    """Arrays [member, batch, ...] as a batch on the device; real numbers take the floating type of the place."""

    def kind(array: np.ndarray) -> torch.dtype:
        return torch.int64 if array.dtype.kind in "iu" else place.dtype

    return Batch(
        inputs=torch.as_tensor(inputs, dtype=kind(inputs), device=place.device),
        targets=torch.as_tensor(targets, dtype=kind(targets), device=place.device),
        weight=torch.as_tensor(weight, dtype=place.dtype, device=place.device),
    )


Draw = Callable[[int, np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]]


class FreshBatches(Data):
    """Training rows that are drawn anew at every step, and fixed splits to measure on.

    `draw(member, generator, rows)` gives one member's inputs, targets and weight, one row or sequence each. What a
    member is given depends on its own seed and on the step alone.
    """

    def __init__(
        self, splits: dict[str, Batch], draw: Draw, batch_size: int, seeds: Sequence[int], place: Place
    ) -> None:
        super().__init__(splits)
        self.draw, self.batch_size, self.seeds, self.place = draw, batch_size, list(seeds), place

    def batch(self, step: int) -> Batch:
        """The batch of one step, [member, batch_size, ...]."""
        own = [self.draw(m, stream(seed, "batch", step), self.batch_size) for m, seed in enumerate(self.seeds)]
        inputs, targets, weight = (np.stack(part) for part in zip(*own, strict=True))
        return dataclasses.replace(to_batch(inputs, targets, weight, self.place), once=True)


class MiniBatches(Data):
    """Fixed splits, trained on in shuffled batches: every epoch has its own order, a function of seed and epoch."""

    def __init__(self, splits: dict[str, Batch], batch_size: int, seeds: Sequence[int]) -> None:
        super().__init__(splits)
        self.batch_size = batch_size
        self.seeds = list(seeds)
        self.lengths = [int(n) for n in splits["train"].weight.sum(1)]
        self._order: dict[tuple[int, int], Tensor] = {}

    def _rows(self, member: int, step: int) -> Tensor:
        """Row numbers of one member's batch; the last, shorter batch of an epoch is left out."""
        size, length = min(self.batch_size, self.lengths[member]), self.lengths[member]
        epoch, place = divmod(step, length // size)
        if (member, epoch) not in self._order:
            self._order = {key: order for key, order in self._order.items() if key[0] != member}
            order = stream(self.seeds[member], "order", epoch).permutation(length)
            self._order[member, epoch] = torch.from_numpy(order)
        return self._order[member, epoch][place * size : (place + 1) * size]

    def batch(self, step: int) -> Batch:
        """The batch of one step, [member, batch_size, ...]."""
        train = self.splits["train"]
        index, weight = rectangle([self._rows(m, step).numpy() for m in range(len(self.seeds))])
        rows = torch.from_numpy(index).to(train.targets.device)
        members = torch.arange(len(self.seeds), device=rows.device)[:, None]
        own = torch.from_numpy(weight).to(train.weight)
        return Batch(train.inputs[members, rows], train.targets[members, rows], own, once=True)
