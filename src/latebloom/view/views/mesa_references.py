"""What the page says of a linear system without training: the study's references, the costly ones fitted on less."""

from functools import lru_cache
from typing import Any

from torch import Tensor

from latebloom.baselines import chebyshev
from latebloom.baselines.chebyshev import Scalars
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.claims.deep import STEPS, solved
from latebloom.studies.mesa_optimization.claims.networks import (
    PENALTY,
    Network,
    Places,
    by_place,
    half_error,
    one_step,
    ridge_of,
    rows_of,
    sees_all,
)
from latebloom.studies.mesa_optimization.figures import references as study
from latebloom.studies.mesa_optimization.figures.context import STEPS as NUMBERS
from latebloom.tasks import LinearDynamics

SOLVED, ROUNDS = 64, 120  # sequences and rounds of a fit of solver steps, which is the costly one


def references(net: Network) -> tuple[dict[str, Places], int]:
    """Loss at each place by the name of the predictor; and how many states those read that read several."""
    found = study.references(net, ("ridge",))
    rows = {"ridge, newest pair left out": found.lagged["ridge"], **found.fair}
    if sees_all(net.specification):
        rows[study.SOLVER] = by_place(net, solved(net, scalars(net.task)))
    return rows, found.window


def solver_losses(net: Network) -> dict[str, Any]:
    """Mean loss over places of some numbers of solver steps, of one gradient step and of ridge."""

    def mean(outputs: Tensor) -> float:
        return half_error(outputs, net.test[2])

    return {
        "steps": list(NUMBERS),
        "loss": [mean(solved(net, scalars(net.task, steps))) for steps in NUMBERS],
        "one gradient step": mean(one_step(net)),
        "ridge": mean(ridge_of(net)),
    }


def scalars(task: LinearDynamics, steps: int = STEPS) -> Scalars:
    """The solver's numbers for systems of this kind, fitted on sequences of their own; found once for all members."""
    return _scalars(task.model_dump_json(), steps)


@lru_cache(maxsize=64)
def _scalars(task: str, steps: int) -> Scalars:
    made = LinearDynamics.model_validate_json(task)
    _, states, targets = rows_of(made, made.sequences(stream(0, "references"), SOLVED))
    return chebyshev.fitted_scalars(states, targets, steps, PENALTY, rounds=ROUNDS)
