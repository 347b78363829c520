"""Which pictures a run gets: decided by the classes it is tested on, not by its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latebloom.errors import LatebloomError
from latebloom.runs.run import Run
from latebloom.studies.drawing import curves
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import save, styled
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.figures.icl import draw_icl
from latebloom.tasks import InContextFunctions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FAINT = "Faint: one seed. Bold: median over seeds."


def draw_run(run: Run, out: Path, member: int = 0) -> list[Path]:
    """Every picture that fits the run, as PNG and SVG in `out`; the gallery shows the networks of one member's seed.

    An unfinished run is drawn as far as it is. Raises `LatebloomError` for a member it does not have.
    """
    if not 0 <= member < len(run.document["members"]):
        raise LatebloomError(f"{run.label} has members 0 to {len(run.document['members']) - 1}; there is no {member}.")
    logged = Logged(run)
    written: list[Path] = []
    if not len(logged.frame):
        return written
    with styled():
        for name, figure in _pictures(run, logged, member):
            if figure is not None:
                written += save(figure, out, name)
    return written


def _pictures(run: Run, logged: Logged, member: int) -> Iterator[tuple[str, "Figure | None"]]:
    who, below = f"{run.experiment}, scale {run.scale}", f"{FAINT} Run: {run.label}"
    if logged.last_step:
        yield "curves", curves.draw_learning(logged, who, below)
    if not all(isinstance(each.task, InContextFunctions) for each in logged.specifications.values()):
        return
    groups = networks.arms(run)
    if groups:
        yield "icl", draw_icl(groups, f"{who}: what is learned in context", below)
