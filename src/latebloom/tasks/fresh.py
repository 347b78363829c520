"""What tasks of endless sequences share: training sequences drawn anew at every step, and a fixed test split."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from latebloom.data import Data, Place
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import Task
from latebloom.tasks.rows import FreshBatches, to_batch

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]  # inputs, targets, weight, one sequence a row


class FreshTask(Task):
    """Sequences without end. A subclass says how to draw them."""

    batch_size: int = Field(256, ge=1, description="sequences in a training step")
    n_test: int = Field(1024, ge=1, description="sequences of the test split")
    test_seed: int | None = vary(None, description="which test sequences; None: the member's own seed")

    @abstractmethod
    def draw(self, noise: np.random.Generator, rows: int) -> Rows:
        """`rows` training sequences."""

    def draw_test(self, noise: np.random.Generator, rows: int) -> Rows:
        """`rows` test sequences; the same kind as in training unless a task says otherwise."""
        return self.draw(noise, rows)

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Split `test` [member, n_test, pos, ...]; fresh training sequences at every step."""
        own = [member for member in members if isinstance(member, FreshTask)]
        tables = [
            task.draw_test(stream(seed if task.test_seed is None else task.test_seed, "test"), task.n_test)
            for task, seed in zip(own, seeds, strict=True)
        ]
        inputs, targets, weight = (np.stack(part) for part in zip(*tables, strict=True))

        def draw(member: int, noise: np.random.Generator, rows: int) -> Rows:
            return own[member].draw(noise, rows)

        return FreshBatches({"test": to_batch(inputs, targets, weight, place)}, draw, self.batch_size, seeds, place)
