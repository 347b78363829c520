"""Fitted curves while somebody moves points: a trained one-dimensional mixture, its specialists, and the references.

`load` reads networks once; `predict` answers for any points and queries. The context goes through all networks once,
and every query behind it sees that context and itself alone, so that hundreds of queries cost little more than one.
"""

import contextlib
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike

from latebloom.baselines.least_squares import LeastSquares
from latebloom.baselines.mixture_posterior import MixturePosterior
from latebloom.baselines.nearest import NearestNeighbours
from latebloom.baselines.one_context import answer
from latebloom.errors import LatebloomError
from latebloom.models import Decoder, Parameters
from latebloom.runs.run import Run
from latebloom.studies.model_selection.claims.references import optimum
from latebloom.tasks import InContextFunctions
from latebloom.tasks.functions import layout as layouts
from latebloom.training.experiment import Experiment

Curve = Float[np.ndarray, " query"]
FARTHEST = 1e12  # of points and queries: networks work in float32, where squares beyond 1e38 are infinite


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Networks of one shape that were trained on functions of one number, the mixture first."""

    task: InContextFunctions  # of the mixture
    model: Decoder
    names: tuple[str, ...]  # what each was trained on
    parameters: Parameters  # name -> [network, ...]
    seed: int

    @property
    def most(self) -> int:
        """Points that a context may hold: one pair of the trained length is the query."""
        return self.task.points - 1


@dataclass(frozen=True)
class Fit:
    """What everybody says of the queries, and what the exact posterior makes of the points."""

    curves: dict[str, Curve]  # networks by what they were trained on; then references
    classes: dict[str, float]  # posterior probability of each class of the mixture, where the exact optimum has them


def load(*runs: Run, seed: int = 0, step: int | None = None) -> Snapshot:
    """The networks of one seed in runs of the testbed, at a kept step (None: the last); the first run's mixture first.

    What several runs were trained on is taken from the first. Raises `LatebloomError` for runs of other tasks or with
    several networks of the seed for one mixture, for networks of unequal shapes, and for a seed that is not there.
    """
    found: dict[str, tuple[Experiment, Parameters]] = {}
    for run in runs:
        if not isinstance(run, Run):
            raise LatebloomError(f"{run!r} is no run: give what latebloom.run or latebloom.load(name) returns.")
        here: dict[str, tuple[Experiment, Parameters]] = {}
        for row in run.members().to_dict("records"):
            own = Experiment.parse(run.specification(int(row["member"])))
            if own.seed != seed or not isinstance(own.task, InContextFunctions) or row["diverged"]:
                continue
            if own.task.mixture in here:
                raise LatebloomError(
                    f"{run.label} has several networks of seed {seed} trained on {own.task.mixture!r}, which differ in "
                    "other settings: open a run with one of them."
                )
            here[own.task.mixture] = own, run.parameters(int(row["member"]), step)
        found |= {mixture: own for mixture, own in here.items() if mixture not in found}
    labels = ", ".join(run.label for run in runs) or "no run"
    if not found:
        raise LatebloomError(f"There are no networks of seed {seed} that learn functions in context in {labels}.")
    first = next(iter(found.values()))[0]
    task, model = cast(InContextFunctions, first.task), first.model
    if task.d != 1 or not isinstance(model, Decoder) or task.name_class:
        raise LatebloomError(
            f"{labels}: curves are drawn for decoders on functions of one number without a named class; task.d = "
            f"{task.d}. Use model_selection.testbed."
        )
    unlike = [name for name, (own, _) in found.items() if own.model != model or _format(own.task) != _format(task)]
    if unlike:
        raise LatebloomError(f"{labels}: the network trained on {unlike[0]!r} has another shape than the first.")
    tables = [parameters for _, parameters in found.values()]
    stacked = {name: torch.stack([table[name] for table in tables]) for name in tables[0]}
    return Snapshot(task, model, tuple(found), stacked, seed)


def _format(task: object) -> tuple[object, ...]:
    own = cast(InContextFunctions, task)
    return own.d, own.points, own.layout, own.name_class


def predict(snapshot: Snapshot, x: ArrayLike, y: ArrayLike, query: ArrayLike) -> Fit:
    """Curves through points (x, y) [n] at queries [query]: networks, exact optimum, least squares, three neighbours.

    The optimum is left out where it has no closed form (networks, trees). Raises `LatebloomError` for points that do
    not pair up, are not finite or too far away, or are more than a network was trained on.
    """
    if not isinstance(snapshot, Snapshot):
        raise LatebloomError(f"{snapshot!r} is no snapshot: give what load(run) of this module returns.")
    points, labels, asked = _checked(snapshot, x, y, query)
    curves = dict(
        zip((f"trained on {name}" for name in snapshot.names), _networks(snapshot, points, labels, asked), strict=True)
    )
    context, seen, where = (torch.from_numpy(part) for part in (points[:, None], labels, asked[:, None]))
    exact = None
    if (best := _optimum(snapshot.task)) is not None:
        exact = answer(best, context, seen, where)
        curves[f"optimum of {snapshot.task.mixture}"] = exact.mean.numpy()
    curves["least squares"] = (where @ LeastSquares().weights(context, seen)).numpy()
    curves["3 nearest points"] = NearestNeighbours(3)(context, seen, where).numpy()
    names = [component.text for component in snapshot.task.trained.components]
    if exact is None or len(names) != len(exact.classes):  # combinations of unknown share are several classes
        return Fit(curves, {})
    return Fit(curves, dict(zip(names, exact.classes.tolist(), strict=True)))


def _optimum(task: InContextFunctions) -> MixturePosterior | None:
    with contextlib.suppress(LatebloomError):  # some classes have no closed form
        return optimum(task)
    return None


def _checked(
    snapshot: Snapshot, x: ArrayLike, y: ArrayLike, query: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        points, labels, asked = (np.asarray(part, dtype=np.float64) for part in (x, y, query))
    except (TypeError, ValueError) as error:
        raise LatebloomError(f"x, y and query must be rows of numbers: {error}") from None
    if points.ndim != 1 or points.shape != labels.shape or asked.ndim != 1 or not asked.size:
        raise LatebloomError(
            f"x of shape {points.shape}, y of shape {labels.shape}, query of shape {asked.shape}: x and y must be rows "
            "of equal length, query a row of at least one number."
        )
    for name, part in (("x", points), ("y", labels), ("query", asked)):
        bad = np.flatnonzero(~(np.abs(part) <= FARTHEST))  # nan is bad too
        if bad.size:
            raise LatebloomError(
                f"{name}[{bad[0]}] = {part[bad[0]]}: points and queries must be finite, between -{FARTHEST:g} and "
                f"{FARTHEST:g}."
            )
    if len(points) > snapshot.most:
        raise LatebloomError(
            f"{len(points)} points are more than the {snapshot.most} that this network was trained on: take points "
            "away, or train with more (task.points)."
        )
    return points, labels, asked


@torch.no_grad()
def _networks(snapshot: Snapshot, x: np.ndarray, y: np.ndarray, query: np.ndarray) -> list[Curve]:
    """Every network's answers: one sequence of the context and, behind it, all queries at the place of the next x."""
    layout, seen = snapshot.task.layout, 2 * len(x)
    context = layouts.sequence(x[None, :, None], y[None], layout)[0]
    behind = layouts.sequence(query[:, None, None], np.zeros((len(query), 1)), layout)[:, 0]
    precision = next(iter(snapshot.parameters.values())).dtype
    tokens = torch.from_numpy(np.concatenate([context, behind])).to(precision)
    positions = torch.cat([torch.arange(seen), torch.full((len(query),), seen)])
    count = len(snapshot.names)
    visible = torch.eye(len(tokens), dtype=torch.bool)
    visible[:, :seen] = torch.ones(len(tokens), seen, dtype=torch.bool).tril()
    rows, shown = (part.expand(count, 1, *part.shape) for part in (tokens, visible))
    out = snapshot.model.forward(snapshot.parameters, rows, positions=positions, seen=shown)
    return [curve.double().numpy() for curve in out[:, 0, seen:, 0]]
