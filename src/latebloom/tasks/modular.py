"""Arithmetic of two residues modulo p: the operations of the grokking literature.

A row is the pair ``a b``; the label is the result, a residue. Training rows are a random share of the table; the
rest is the test set.

Examples, p = 7:

>>> for operation in OPERATIONS:
...     print(operation, "3 5 ->", int(ModularArithmetic(p=7, operation=operation).answer(torch.tensor([3, 5]))))
add 3 5 -> 1
subtract 3 5 -> 5
multiply 3 5 -> 1
divide 3 5 -> 2
square_sum 3 5 -> 0
cubic 3 5 -> 0

since 3 + 5 = 1 * 7 + 1; 3 - 5 = -1 * 7 + 5; 3 * 5 = 2 * 7 + 1; 2 * 5 = 3 + 7; 9 + 15 + 25 = 7 * 7;
27 + 75 + 3 = 15 * 7.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Batch, Data, Place, Signature
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.rows import MiniBatches, rectangle, to_batch


def _divide(a: Tensor, b: Tensor, p: int) -> Tensor:
    inverse = torch.tensor([pow(x, -1, p) if x else 0 for x in range(p)], device=b.device)
    return a * inverse[b]


OPERATIONS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "add": lambda a, b, p: a + b,
    "subtract": lambda a, b, p: a - b,
    "multiply": lambda a, b, p: a * b,
    "divide": _divide,  # a / b, b not 0 (Power et al. 2022)
    "square_sum": lambda a, b, p: a * a + a * b + b * b,
    "cubic": lambda a, b, p: a * a * a + a * b * b + a,  # does not generalise (Power et al. 2022, Gromov 2023)
}
SYMMETRIC = {"add", "multiply", "square_sum"}


@TASKS.register("modular")
class ModularArithmetic(Task):
    """`operation` on residues a, b modulo p, from a fixed random share of the table."""

    kind: Literal["modular"] = "modular"
    p: int = Field(67, ge=3, description="modulus")
    operation: Literal["add", "subtract", "multiply", "divide", "square_sum", "cubic"] = Field(
        "add", description="square_sum: aa + ab + bb; cubic: aaa + abb + a"
    )
    pairs: Literal["ordered", "unordered"] = Field("ordered", description="all (a, b), or only a <= b")
    train_fraction: float = vary(0.4, gt=0, lt=1, description="share of rows to train on")
    n_train: int | None = vary(None, ge=1, description="rows to train on, instead of a share")
    split_seed: int | None = vary(None, description="which split; None: the member's own seed")
    label_noise: float = vary(0.0, ge=0, le=1, description="share of training labels replaced by random ones")
    random_labels: bool = vary(False, description="every label random: a pure memoriser (Varma et al. 2023)")
    batch_size: int | None = Field(None, ge=1, description="rows in a training step; None: all")

    @model_validator(mode="after")
    def _check(self) -> "ModularArithmetic":
        if self.pairs == "unordered" and self.operation not in SYMMETRIC:
            raise ValueError(
                f"task.pairs = 'unordered' needs an operation with f(a, b) = f(b, a): {', '.join(sorted(SYMMETRIC))}; "
                f"task.operation = {self.operation!r} is not. Use task.pairs=ordered."
            )
        if self.operation == "divide" and any(self.p % q == 0 for q in range(2, int(self.p**0.5) + 1)):
            raise ValueError(f"task.operation = 'divide' needs a prime modulus; task.p = {self.p} is not prime.")
        rows = self.table_rows
        if not 1 <= self.train_rows < rows:
            raise ValueError(
                f"{self.train_rows} training rows of {rows} leave nothing to "
                f"{'test' if self.train_rows else 'train on'}: task.n_train must be 1 to {rows - 1}, "
                f"or task.train_fraction between {1 / rows:.4f} and {1 - 1 / rows:.4f}."
            )
        return self

    @property
    def train_rows(self) -> int:
        """How many rows of the table are trained on."""
        return self.n_train if self.n_train is not None else int(self.train_fraction * self.table_rows)

    @property
    def table_rows(self) -> int:
        """How many admissible pairs there are; counted without making them, since the table grows as p squared."""
        if self.pairs == "unordered":
            return self.p * (self.p + 1) // 2
        return self.p * (self.p - 1) if self.operation == "divide" else self.p * self.p

    @property
    def signature(self) -> Signature:
        """Two symbols in, p logits out."""
        return Signature(n_inputs=2, n_outputs=self.p, d_vocab=self.p)

    def table(self) -> Int[np.ndarray, "row 2"]:
        """Every admissible pair: a is the outer loop, b the inner one."""
        a, b = np.divmod(np.arange(self.p * self.p), self.p)
        keep = np.ones_like(a, dtype=bool)
        if self.pairs == "unordered":
            keep &= a <= b
        if self.operation == "divide":
            keep &= b != 0
        return np.stack([a[keep], b[keep]], axis=1)

    def answer(self, inputs: Int[Tensor, "*rows 2"]) -> Int[Tensor, "*rows"]:
        """The exact result, a residue."""
        result: Tensor = OPERATIONS[self.operation](inputs[..., 0], inputs[..., 1], self.p) % self.p
        return result

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of the train and the test set; a smaller train set is a subset of a larger one."""
        order = stream(seed if self.split_seed is None else self.split_seed, "split").permutation(len(self.table()))
        return order[: self.train_rows], order[self.train_rows :]

    def train_labels(self, exact: np.ndarray, seed: int) -> np.ndarray:
        """Labels to train on: the exact ones, a share of them replaced by random ones where noise is asked for."""
        share = 1.0 if self.random_labels else self.label_noise
        noise = stream(seed, "labels")
        replace = noise.random(len(exact)) < share
        random = noise.integers(0, self.p, len(exact))
        return np.where(replace, random, exact)

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Splits `train` and `test` [member, row, 2]; with label noise also `clean` (train rows, exact labels)."""
        own = [member for member in members if isinstance(member, ModularArithmetic)]
        table = self.table()
        exact = self.answer(torch.from_numpy(table)).numpy()
        halves = [task.split(seed) for task, seed in zip(own, seeds, strict=True)]
        splits: dict[str, Batch] = {}
        for half, name in enumerate(("train", "test")):
            index, weight = rectangle([pair[half] for pair in halves])
            labels = exact[index]
            if name == "train" and any(task.label_noise or task.random_labels for task in own):
                splits["clean"] = to_batch(table[index], labels, weight, place)
                labels = labels.copy()
                for task, row, seed in zip(own, labels, seeds, strict=True):
                    # Its own rows only: with the padding, the draws would depend on who else is in the population.
                    row[: task.train_rows] = task.train_labels(row[: task.train_rows], seed)
            splits[name] = to_batch(table[index], labels, weight, place)
        return Data(splits) if self.batch_size is None else MiniBatches(splits, self.batch_size, seeds)
