"""Which pictures a run gets: decided by the classes it is tested on, not by its name."""

from pathlib import Path

from latebloom.runs.run import Run
from latebloom.studies.drawing import curves
from latebloom.studies.drawing.logged import Logged, said
from latebloom.studies.drawing.pictures import Named, draw_pictures
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.experiments import linear, testbed
from latebloom.studies.model_selection.figures.gallery import draw_gallery
from latebloom.studies.model_selection.figures.icl import draw_icl
from latebloom.studies.model_selection.figures.probe import draw_probe
from latebloom.studies.model_selection.figures.sweeps import draw_extremes, draw_nonzeros, draw_shares
from latebloom.studies.model_selection.live import load
from latebloom.tasks import InContextFunctions

FAINT = "Faint: one seed. Bold: median over seeds."


def draw_run(run: Run, out: Path, member: int = 0) -> list[Path]:
    """Every picture that fits the run, as PNG and SVG; the gallery shows one member's seed: see `draw_pictures`."""
    return draw_pictures(run, out, member, _pictures)


def _pictures(run: Run, logged: Logged, member: int) -> Named:
    who, below = f"{run.experiment}, scale {run.scale}", f"{FAINT} Run: {run.label}"
    if logged.last_step:
        yield "curves", curves.draw_learning(logged, who, below)
    if not all(isinstance(each.task, InContextFunctions) for each in logged.specifications.values()):
        return
    groups = {mixture: own for mixture, own in networks.arms(run).items() if own} if logged.all_begun else {}
    if not groups:
        return
    yield "icl", draw_icl(_by_arm(groups, logged), f"{who}: what is learned in context", below)
    for mixture in (linear.MIXTURE, testbed.MIXTURE):
        first = groups[mixture][0] if mixture in groups else None
        if isinstance(first, networks.Trained) and not first.task.name_class:
            told = f"Seed {first.seed}. Run: {run.label}"
            yield "probe", draw_probe(first, f"{who}: the class, read by a linear probe", told)
    if {linear.MIXTURE, linear.DENSE, linear.SPARSE} <= set(groups):
        yield "nonzeros", draw_nonzeros(groups, f"{who}: from sparse to dense", below)
    task = logged.specifications[member].task
    if testbed.MIXTURE in groups and isinstance(task, InContextFunctions) and _one_a_seed(groups):
        yield "shares", draw_shares(groups, f"{who}: sums of a line and a sinusoid", below)
        yield "extremes", draw_extremes(groups[testbed.MIXTURE], f"{who}: sinusoids outside the trained range", below)
        snapshot = load(*_with_specialists(run), seed=logged.specifications[member].seed)
        told = f"Seed {snapshot.seed}, {snapshot.most} points. Run: {run.label}"
        yield "gallery", draw_gallery(snapshot, f"{who}: fitted curves", told)


def _by_arm(groups: dict[str, list[networks.Network]], logged: Logged) -> dict[str, list[networks.Network]]:
    """Groups of one mixture taken apart by whatever else varies: what is left differs in its seed alone."""
    others = {
        member: [said(name, value) for name, value in arm.settings.items() if name != "mixture"]
        for arm in logged.arms
        for member in arm.members
    }
    found: dict[str, list[networks.Network]] = {}
    for mixture, group in groups.items():
        for network in group:
            more = others[network.member] if isinstance(network, networks.Trained) else []
            found.setdefault(", ".join([mixture, *more]), []).append(network)
    return found


def _one_a_seed(groups: dict[str, list[networks.Network]]) -> bool:
    """Whether networks of one mixture differ in their seeds alone, not in width or rate as well."""
    return all(len({network.seed for network in group}) == len(group) for group in groups.values())


def _with_specialists(run: Run) -> list[Run]:
    """The run, and those of its specialists that lie in the same home, are finished, and have one network a seed."""
    folder = run.path.parent.parent / "model_selection.testbed_specialists"
    beside = [Run(path.parent) for path in sorted(folder.glob(f"{run.scale}-*/run.json"))]
    return [run, *(other for other in beside if other.finished and _one_a_seed(networks.arms(other)))]
