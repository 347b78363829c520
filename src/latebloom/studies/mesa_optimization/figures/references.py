"""What can be had without training, place by place: from every pair that may be used, and without the newest one.

Every baseline of the study on one network's test sequences; its settings are chosen on other sequences of the same
systems. Where a system is partly seen, inputs are the last few states, as many as do best on those sequences.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines import chebyshev, descent, solvers
from latebloom.baselines.kalman import kalman
from latebloom.baselines.pairs import attended, loss_by_place, stack_past
from latebloom.baselines.ridge import best_setting, least_squares, ridge, softmax_kernel
from latebloom.studies.mesa_optimization.claims.deep import FIT_ON, STEPS
from latebloom.studies.mesa_optimization.claims.networks import PENALTY, Network, Places, by_place, formula, zero

FEW = 512  # test sequences of least squares, which takes every prefix of each apart
SHARPNESS = tuple(map(float, np.geomspace(1e-2, 4, 20)))  # up to the source's 4; below 0.01 a kernel is a mean
RATES = tuple(map(float, np.geomspace(0.5, 8, 12)))  # of Richardson's steps, where no eigenvalue is above 1
PENALTIES = tuple(map(float, np.geomspace(1e-3, 10, 9)))  # of ridge on several states
WIDEST = 3  # times the least number of states that determines a partly seen system
NEUMANN, RICHARDSON, SOLVER = (f"{STEPS} {kind} steps" for kind in ("Neumann", "Richardson", "solver"))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Inputs and next states of a network's test sequences, and of the others on which settings are chosen."""

    x: Float[Tensor, "batch pos d_in"]
    y: Float[Tensor, "batch pos d"]
    other_x: Float[Tensor, "batch pos d_in"]
    other_y: Float[Tensor, "batch pos d"]
    window: int = 1  # states in an input
    penalty: float = PENALTY

    @classmethod
    def of(cls, net: Network, window: int = 1, penalty: float = PENALTY) -> "Pairs":
        """Those of a network; an input holds the last `window` states."""
        (_, x, y), (_, other_x, other_y) = net.test, net.other
        return cls(stack_past(x, window), y, stack_past(other_x, window), other_y, window, penalty)

    def best(self, say: Callable[[Tensor, Tensor, float], Tensor], grid: Sequence[float]) -> Tensor:
        """What a predictor says on the test sequences with the setting that does best on other ones."""
        x, y = self.other_x[:FIT_ON], self.other_y[:FIT_ON]
        setting, _ = best_setting(lambda value: say(x, y, value), y, grid)
        return say(self.x, self.y, setting)


@dataclass(frozen=True, eq=False)
class References:
    """Losses at each place by the name of the predictor."""

    fair: dict[str, Places]  # with every pair that has been seen
    lagged: dict[str, Places]  # without the newest one, as the released controls; those alone that pairs are shown to
    window: int  # states that a predictor reads at once


def references(net: Network, in_context: Collection[str] | None = None) -> References:
    """All that are known for a network's systems, which are linear: fully or partly seen.

    Of `IN_CONTEXT`, some of which take long, only those of the names `in_context`, if any are given.
    """
    hidden = net.task.n_hidden
    fair = {"zero": by_place(net, zero(net))}
    if hidden is None:
        pairs = Pairs.of(net)
        fair["best of 12 numbers"] = by_place(net, formula(net))
    else:
        least = -(-hidden // net.task.n_seen)
        pairs = chosen(net, range(1, min(WIDEST * least, net.task.length) + 1))
        fair["ridge, last state alone"] = by_place(net, _ridge(chosen(net, [1]), False))
        fair["Kalman filter (told W, C)"] = by_place(net, filtered(net))
    fair["one gradient step"] = by_place(net, _gradient_step(pairs))
    asked = {name: say for name, say in IN_CONTEXT.items() if in_context is None or name in in_context}
    told = {lag: {name: _loss(pairs, say(pairs, lag)) for name, say in asked.items()} for lag in (False, True)}
    return References(fair | told[False], told[True], pairs.window)


def chosen(net: Network, windows: Iterable[int]) -> Pairs:
    """Inputs of as many states, and the penalty, with which ridge has the least loss on other sequences."""
    x, y = (part[:FIT_ON] for part in net.other[1:])

    def loss(choice: tuple[int, float]) -> float:
        window, penalty = choice
        return float(loss_by_place(ridge(stack_past(x, window), y, penalty), y).mean())

    return Pairs.of(net, *min(((window, penalty) for window in windows for penalty in PENALTIES), key=loss))


def filtered(net: Network) -> Tensor:
    """What the Kalman filter says, told what made each sequence: no linear predictor is better, unless states clip."""
    task = net.task
    made = task.test_sequences(net.seed)
    assert made.readout is not None, "only partly seen systems have a C"
    variance = task.start_size**2 / (3 if task.start == "uniform" else 1)
    w, c = (torch.from_numpy(part[: net.few].copy()) for part in (made.dynamics, made.readout))
    return kalman(net.test[1], w, c, task.noise, task.noise_of_seeing, variance)


def _loss(pairs: Pairs, said: Tensor) -> Places:
    """At each place, over the sequences that were asked."""
    return np.asarray(loss_by_place(said, pairs.y[: len(said)]).numpy())


def _gradient_step(pairs: Pairs) -> Tensor:
    return descent.one_step(pairs.x, pairs.y, float(descent.best_rate(pairs.other_x, pairs.other_y)))


def _kernel(pairs: Pairs, lagged: bool) -> Tensor:
    return pairs.best(lambda x, y, sharpness: softmax_kernel(x, y, sharpness, lagged), SHARPNESS)


def _neumann(pairs: Pairs, lagged: bool) -> Tensor:
    query = solvers.neumann(solvers.Gram(pairs.x, pairs.penalty, lagged), pairs.x, STEPS)
    return attended(query, pairs.x, pairs.y, lagged)


def _richardson(pairs: Pairs, lagged: bool) -> Tensor:
    def say(x: Tensor, y: Tensor, rate: float) -> Tensor:
        query = solvers.richardson(solvers.Gram(x, pairs.penalty, lagged), x, [rate] * STEPS)
        return attended(query, x, y, lagged)

    return pairs.best(say, RATES)


def _solver(pairs: Pairs, lagged: bool) -> Tensor:
    other = pairs.other_x[:FIT_ON], pairs.other_y[:FIT_ON]
    scalars = chebyshev.fitted_scalars(*other, STEPS, pairs.penalty, lagged)
    return chebyshev.chebyshev(pairs.x, pairs.y, scalars, pairs.penalty, lagged)


def _least_squares(pairs: Pairs, lagged: bool) -> Tensor:
    return least_squares(pairs.x[:FEW], pairs.y[:FEW], lagged)


def _ridge(pairs: Pairs, lagged: bool) -> Tensor:
    return ridge(pairs.x, pairs.y, pairs.penalty, lagged)


IN_CONTEXT: dict[str, Callable[[Pairs, bool], Tensor]] = {
    "softmax kernel": _kernel,
    NEUMANN: _neumann,
    RICHARDSON: _richardson,
    SOLVER: _solver,
    "least squares": _least_squares,
    "ridge": _ridge,
}
