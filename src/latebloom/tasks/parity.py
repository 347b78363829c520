"""Parity of k bits among n: sparse parity on a fixed training set.

A row is n random bits (0 or 1, or -1 and +1); the label is the parity of the first k; the other n - k distract.

Examples, k = 3:

>>> parity = SparseParity(n=6, k=3, n_train=20, n_test=20)
>>> for bits in ([1, 0, 0, 1, 1, 1], [1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0]):
...     print(*bits, "->", int(parity.answer(torch.tensor(bits))))
1 0 0 1 1 1 -> 1
1 1 0 0 0 0 -> 0
1 1 1 0 1 0 -> 1
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Data, Place, Signature
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.rows import MiniBatches, rectangle, to_batch


@TASKS.register("parity")
class SparseParity(Task):
    """Parity of the first k of n bits, learned from `n_train` fixed rows, tested on `n_test` others."""

    kind: Literal["parity"] = "parity"
    n: int = Field(30, ge=1, description="bits in a row")
    k: int = Field(3, ge=1, description="bits that count")
    n_train: int = vary(1200, ge=1, description="training rows")
    n_test: int = Field(5000, ge=1, description="test rows")
    bits: Literal["01", "+-1"] = Field("01", description="how a bit is written")
    split_seed: int | None = vary(None, description="which rows; None: the member's own seed")
    label_noise: float = vary(0.0, ge=0, le=1, description="share of training labels flipped; at 0.5 all are random")
    batch_size: int | None = Field(None, ge=1, description="rows in a training step; None: all")

    @model_validator(mode="after")
    def _check(self) -> "SparseParity":
        if self.k > self.n:
            raise ValueError(f"task.k = {self.k} bits cannot be chosen from task.n = {self.n}: k must be at most n.")
        if self.n <= 24 and self.n_train + self.n_test > 2**self.n:
            raise ValueError(
                f"task.n_train + task.n_test = {self.n_train + self.n_test} rows, but {self.n} bits have only "
                f"{2**self.n} different rows: raise task.n or ask for fewer rows."
            )
        return self

    @property
    def signature(self) -> Signature:
        """As many numbers in as bits, two logits out (one for each parity)."""
        return Signature(n_inputs=self.n, n_outputs=2)

    def answer(self, inputs: Tensor) -> Tensor:
        """The exact parity, 0 or 1, of rows [..., n]."""
        return (inputs[..., : self.k] > 0).sum(-1) % 2

    def rows(self, seed: int) -> np.ndarray:
        """Train rows first, then test rows, all different, as 0 and 1: [n_train + n_test, n].

        Test rows come from their own stream, so they do not depend on the number of training rows.
        """
        own = seed if self.split_seed is None else self.split_seed
        test = _distinct(stream(own, "test"), self.n_test, self.n, set())
        train = _distinct(stream(own, "train"), self.n_train, self.n, {row.tobytes() for row in test})
        return np.concatenate([train, test])

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Splits `train` [member, n_train, n] and `test` [member, n_test, n]."""
        own = [member for member in members if isinstance(member, SparseParity)]
        tables = [task.rows(seed) for task, seed in zip(own, seeds, strict=True)]
        splits = {}
        for name in ("train", "test"):
            cuts = [slice(0, t.n_train) if name == "train" else slice(t.n_train, None) for t in own]
            index, weight = rectangle([np.arange(len(t[cut])) for t, cut in zip(tables, cuts, strict=True)])
            bits = np.stack([t[cut][i] for t, cut, i in zip(tables, cuts, index, strict=True)])
            labels = self.answer(torch.from_numpy(bits)).numpy()
            if name == "train":
                labels = np.stack([_flip(t, y, s) for t, y, s in zip(own, labels, seeds, strict=True)])
            values = bits.astype(np.float64) if self.bits == "01" else 2.0 * bits - 1.0
            splits[name] = to_batch(values, labels, weight, place)
        return Data(splits) if self.batch_size is None else MiniBatches(splits, self.batch_size, seeds)


def _flip(task: SparseParity, labels: np.ndarray, seed: int) -> np.ndarray:
    """Labels with a share of them flipped at random."""
    return np.where(stream(seed, "labels").random(len(labels)) < task.label_noise, 1 - labels, labels)


def _distinct(generator: np.random.Generator, count: int, n: int, taken: set[bytes]) -> np.ndarray:
    """`count` different random bit rows [count, n], none of them in `taken`."""
    kept: list[np.ndarray] = []
    while len(kept) < count:
        for row in generator.integers(0, 2, (count, n), dtype=np.int8):
            if len(kept) < count and (key := row.tobytes()) not in taken:
                taken.add(key)
                kept.append(row)
    return np.stack(kept)
