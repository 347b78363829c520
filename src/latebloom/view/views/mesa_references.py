"""What can be said of a linear system without training, on some of a member's test sequences: losses by place."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latebloom.baselines import chebyshev, descent
from latebloom.baselines.chebyshev import Scalars
from latebloom.baselines.pairs import loss_by_place
from latebloom.baselines.ridge import ridge
from latebloom.instruments import compressed
from latebloom.randomness import stream
from latebloom.tasks import LinearDynamics
from latebloom.training.experiment import Experiment

PENALTY = 1e-3  # of the source's ridge controls
SHOWN, FITTED, FORMULA = 256, 1024, 256  # test sequences; those on which a rate, and twelve numbers, are fitted
SOLVED, ROUNDS = 64, 40  # sequences and rounds of a fit of solver steps, which is the costly one
SOLVER = 6
STEPS = (1, 2, 3, 4, 6)


@dataclass(frozen=True, eq=False)
class Rows:
    """Sequences in float64: tokens [batch, pos, d_token], states and next states [batch, pos, d]."""

    tokens: Tensor
    states: Tensor
    targets: Tensor

    def first(self, count: int) -> "Rows":
        """The first `count` sequences."""
        return Rows(self.tokens[:count], self.states[:count], self.targets[:count])


def rows_of(task: LinearDynamics, made: Any) -> Rows:
    """Sequences as a network gets them."""
    tokens, targets, _ = task.rows(made)
    return Rows(*(torch.from_numpy(np.array(part, dtype=float)) for part in (tokens, made.seen[:, :-1], targets)))


def shown_rows(own: Experiment, count: int = SHOWN) -> Rows:
    """A member's first test sequences."""
    assert isinstance(own.task, LinearDynamics)
    return rows_of(own.task, own.task.test_sequences(own.seed)).first(count)


def other_rows(own: Experiment) -> Rows:
    """Sequences of the same systems on which references choose their numbers; never those of a test split."""
    assert isinstance(own.task, LinearDynamics)
    return rows_of(own.task, own.task.sequences(stream(own.seed, "references"), FITTED))


def sees_all(own: Experiment) -> bool:
    """Whether the references were made for its systems: linear ones whose whole state is seen."""
    return isinstance(own.task, LinearDynamics) and own.task.n_hidden is None


def best_rate(own: Experiment) -> float:
    """The rate of one gradient step from 0 with the least loss, found on other sequences."""
    other = other_rows(own)
    return float(descent.best_rate(other.states, other.targets))


def references(own: Experiment) -> dict[str, np.ndarray]:
    """Name -> loss at each place [pos]; empty for systems that these were not made for."""
    if not isinstance(own.task, LinearDynamics):
        return {}
    rows = shown_rows(own)
    x, y = rows.states, rows.targets
    said: dict[str, Tensor] = {"zero": torch.zeros_like(y)}
    if sees_all(own):
        other = other_rows(own).first(FORMULA)
        said["one gradient step"] = descent.one_step(x, y, best_rate(own))
        table = compressed.fit_one_layer(other.states, other.targets)
        said["best of 12 numbers"] = compressed.one_layer(x, table)
        said[f"{SOLVER} solver steps"] = chebyshev.chebyshev(x, y, scalars(own), PENALTY)
        said["ridge, newest pair left out"] = ridge(x, y, PENALTY, lagged=True)
    said["ridge"] = ridge(x, y, PENALTY)
    return {name: loss_by_place(outputs, y).numpy() for name, outputs in said.items()}


def solver_losses(own: Experiment) -> dict[str, Any]:
    """Mean loss over places of 1, 2, 3, 4 and 6 solver steps, of one gradient step and of ridge."""
    rows = shown_rows(own)
    x, y = rows.states, rows.targets

    def mean(outputs: Tensor) -> float:
        return float(loss_by_place(outputs, y).mean())

    steps = {n: mean(chebyshev.chebyshev(x, y, scalars(own, n), PENALTY)) for n in STEPS}
    return {
        "steps": list(steps),
        "loss": list(steps.values()),
        "one gradient step": mean(descent.one_step(x, y, best_rate(own))),
        "ridge": mean(ridge(x, y, PENALTY)),
    }


def scalars(own: Experiment, steps: int = SOLVER) -> Scalars:
    """The solver's numbers for systems of this kind, fitted on sequences of their own; found once for all members."""
    assert isinstance(own.task, LinearDynamics)
    return _scalars(own.task.model_dump_json(), steps)


@lru_cache(maxsize=64)
def _scalars(task: str, steps: int) -> Scalars:
    made = LinearDynamics.model_validate_json(task)
    other = rows_of(made, made.sequences(stream(0, "references"), SOLVED))
    return chebyshev.fitted_scalars(other.states, other.targets, steps, PENALTY, rounds=ROUNDS)
