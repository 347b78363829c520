"""Functions learned in context: errors by number of pairs beside the references, and points that a person moves.

Networks on functions of one number run in the page (web/src/math/decoder.ts), those of a seed together: the mixture,
what has seen combinations, and the specialists of the neighbouring run.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from latebloom.baselines.line_or_sinusoid import SinusoidHypotheses
from latebloom.errors import LatebloomError
from latebloom.runs.home import run_folders
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.model_selection.claims.references import CLEAN, hypotheses
from latebloom.studies.model_selection.figures.icl import references
from latebloom.tasks import InContextFunctions
from latebloom.tasks.functions import Combination, Line, Sinusoid
from latebloom.tasks.functions.task import split_name
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack
from latebloom.view.views.base import VIEWS, Maker, View
from latebloom.view.views.curves import packs as curve_packs
from latebloom.view.weights import film, runs_in_page, settings_of

TESTBEDS = ("model_selection.testbed", "model_selection.testbed_specialists")
MOST_BYTES = 1_200_000  # of the networks that the first picture needs; earlier snapshots come when they are asked for


Networks = Sequence[tuple[Run, int, Experiment]]  # each in its run, the first gives the format


def fits(member: Experiment) -> bool:
    """Runs of networks that learn functions in context."""
    return isinstance(member.task, InContextFunctions)


def packs(logged: Logged) -> Mapping[str, Maker]:
    """Curves; `pairs`: errors by number of pairs; networks that run in the page: `points-<seed>`, `earlier-<seed>`."""
    made = dict(curve_packs(logged))
    if any(column.endswith("_by_pairs") for column in logged.frame.columns):
        made["pairs"] = partial(pairs_pack, logged)
    neighbours = _neighbours(logged)
    for seed in sorted({own.seed for n, own in logged.specifications.items() if playable(logged.run, n, own)}):
        networks = networks_of(logged, seed, neighbours)
        first, earlier = snapshots_of(networks)
        if first:
            made[f"points-{seed}"] = partial(points_pack, networks, first)
        if earlier:
            made[f"earlier-{seed}"] = partial(points_pack, networks, earlier)
    return made


def playable(run: Run, member: int, own: Experiment) -> bool:
    """Whether a network's points can be moved in the page: lines and sinusoids, weights kept, a decoder."""
    task = own.task
    return (
        isinstance(task, InContextFunctions)
        and task.d == 1
        and not task.name_class
        and runs_in_page(own.model)
        and bool(run.snapshot_steps(member))
        and all(_known(component.function) for component in task.trained.components)
    )


def _known(function: object) -> bool:
    if isinstance(function, Combination):
        return isinstance(function.first, Line) and isinstance(function.second, Sinusoid)
    return isinstance(function, Line | Sinusoid)


def pairs_pack(logged: Logged) -> bytes:
    """Squared error over the variance of the class, [step, member, pairs] for each tested class.

    The document has what needs no training: the exact optimum of the first mixture and, of linear functions, Lasso and
    least squares. The variance is that under the inputs drawn, for all of them; measured was under standard inputs. NaN
    where a member was not measured, and before the last place where inputs set that one apart.
    """
    tasks = {member: cast(InContextFunctions, own.task) for member, own in logged.specifications.items()}
    first = next(iter(tasks.values()))
    tested = first.tested.components
    texts = [component.text for component in tested]
    columns = {text: f"{split_name(text)}_by_pairs" for text in texts}
    known = logged.frame.dropna(subset=[name for name in columns.values() if name in logged.frame])
    steps = np.unique(known["step"].to_numpy())
    order = {int(member): place for place, member in enumerate(logged.members["member"])}
    arrays: dict[str, np.ndarray] = {"steps": steps.astype(np.int32)}
    for number, (component, name) in enumerate(zip(tested, columns.values(), strict=True)):
        table = np.full((len(steps), len(order), first.points), np.nan, dtype=np.float32)
        for step, member, values in zip(known["step"], known["member"], known[name], strict=True):
            table[np.searchsorted(steps, step), order[int(member)], : len(values)] = values
        table *= component.function.variance / component.function.variance_under(component.inputs)
        if component.inputs.query_only:
            table[..., :-1] = np.nan
        arrays[f"errors{number}"] = table
    document = {
        "classes": texts,
        "mixtures": [tasks[member].mixture for member in order],
        "references": [_references(first, text) for text in texts],
        "points": first.points,
    }
    return pack(document, arrays)


def _references(task: InContextFunctions, text: str) -> dict[str, list[float]]:
    """Errors of what needs no training, as far as the class has it."""
    found = references(task, text, task.mixture)
    return {name: [float(value) for value in curve] for name, curve in found.items() if np.isfinite(curve).all()}


def snapshots_of(networks: Networks) -> tuple[list[int], list[int]]:
    """Steps at which all networks were kept: those of the first picture, the last among them, and those before."""
    shared = sorted(set.intersection(*(set(run.snapshot_steps(member)) for run, member, _ in networks)))
    model, signature = networks[0][2].model, networks[0][2].task.signature
    one = 2 * len(networks) * sum(int(np.prod(shape.dims)) for shape in model.shapes(signature).values())
    count = max(1, MOST_BYTES // one)
    return shared[-count:], shared[:-count]


def points_pack(networks: Networks, steps: Sequence[int]) -> bytes:
    """The networks at some snapshots, weights [snapshot, ...] under `<number>/`.

    The document says what each was trained on, and has the classes of the exact optimum of the first.
    """
    first = networks[0][2]
    task = cast(InContextFunctions, first.task)
    arrays = {"steps": np.array(steps, dtype=np.int32)}
    for number, (run, member, _) in enumerate(networks):
        arrays |= film(run, member, steps, f"{number}/")
    document = {
        "settings": settings_of(first.model, task.signature),
        "networks": [cast(InContextFunctions, own.task).mixture for _, _, own in networks],
        "seeds": [own.seed for _, _, own in networks],
        "points": task.points,
        "layout": task.layout,
        "classes": classes_of(task),
    }
    return pack(document, arrays)


def classes_of(task: InContextFunctions) -> list[dict[str, Any]]:
    """The hypotheses of the exact optimum, as web/src/math/posterior.ts reads them: one row a class of known share.

    Each has the name of its component, prior weight, noise variance, the range and number of its frequencies, and the
    prior deviations of a sinusoid and of a line (0: it has none).
    """
    rows = []
    for component, weight in zip(task.trained.components, task.trained.weights, strict=True):
        families = hypotheses(component.function)
        for own in families:
            spread = own.variances(1)[:, 0].sqrt().tolist()
            row: dict[str, Any] = {
                "name": component.text,
                "weight": weight / len(families),
                "noise": max(component.function.noise_variance, CLEAN),
            }
            if isinstance(own, SinusoidHypotheses):
                row |= {"low": own.low, "high": own.high, "grid": own.grid}
                row |= {"sinusoid": spread[0], "line": spread[2] if len(spread) > 2 else 0.0}
            else:
                row |= {"low": 0.0, "high": 0.0, "grid": 1, "sinusoid": 0.0, "line": spread[0]}
            rows.append(row)
    return rows


def networks_of(logged: Logged, seed: int, neighbours: Networks) -> Networks:
    """The networks of a seed, unlike in what they were trained on, mixtures first.

    Those of the neighbouring run of the testbed come along where their shape and format are the same. Specialists have
    one seed: theirs stand beside every seed.
    """
    own = [(logged.run, member, spec) for member, spec in logged.specifications.items() if spec.seed == seed]
    own = [entry for entry in own if playable(*entry)]
    found: dict[str, tuple[Run, int, Experiment]] = {}
    those_beside = sorted(neighbours, key=lambda entry: (entry[2].seed != seed, entry[2].seed))
    for entry in [*own, *those_beside]:
        if _format(entry[2]) == _format(own[0][2]):
            found.setdefault(cast(InContextFunctions, entry[2].task).mixture, entry)
    return sorted(found.values(), key=lambda entry: _alone(entry[2]))


def _alone(own: Experiment) -> bool:
    return len(cast(InContextFunctions, own.task).trained.components) == 1


def _neighbours(logged: Logged) -> Networks:
    """Networks of the runs beside."""
    found: list[tuple[Run, int, Experiment]] = []
    for other in beside(logged.run):
        try:
            members = [(other, n, Experiment.parse(other.specification(n))) for n in range(len(other.members()))]
            found += [entry for entry in members if playable(*entry)]
        except (LatebloomError, KeyError):  # a damaged neighbour must not hide this run
            continue
    return found


def beside(run: Run) -> list[Run]:
    """The other runs of the testbed at this scale."""
    if run.experiment not in TESTBEDS:
        return []
    found = []
    for path in run_folders(run.path.parents[1]):
        if path == run.path or path.parent.name not in TESTBEDS:
            continue
        try:
            other = Run(path)
        except (LatebloomError, KeyError):  # as above
            continue
        if other.scale == run.scale:
            found.append(other)
    return found


def _format(own: Experiment) -> tuple[object, ...]:
    task = cast(InContextFunctions, own.task)
    return own.model, own.training.steps, task.points, task.layout, task.scaling, task.low, task.high


VIEWS.register("model_selection")(
    View(
        name="model_selection",
        title="Points and predictions",
        about="Put points and drag them: networks, specialists and the exact optimum redraw what they expect.",
        fits=fits,
        packs=packs,
        beside=beside,
    )
)
