"""Drawing a run: the loop over a study's pictures, which every study shares."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from latebloom.claims import NothingToJudge
from latebloom.errors import LatebloomError
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import save, styled
from latebloom.training.device import one_thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Named = Iterator[tuple[str, "Figure | None"]]  # a file's name without its end, and its picture where one fits
Pictures = Callable[[Run, Logged, int], Named]


def draw_pictures(run: Run, out: Path, member: int, pictures: Pictures) -> list[Path]:
    """Writes every picture that fits the run as PNG and SVG in `out`; those of weights show one member.

    An unfinished run is drawn as far as it is, with the first member that has begun in the place of one that has not.
    Where all networks diverged, pictures that ask them are left out. Raises `LatebloomError` for a member it does not
    have.
    """
    if not 0 <= member < len(run.document["members"]):
        raise LatebloomError(f"{run.label} has members 0 to {len(run.document['members']) - 1}; there is no {member}.")
    logged = Logged(run)
    written: list[Path] = []
    if not len(logged.frame):
        return written
    begun = list(logged.specifications)
    shown = member if member in begun else begun[0]
    with styled(), one_thread(), suppress(NothingToJudge):  # some pictures ask networks
        for name, figure in pictures(run, logged, shown):
            if figure is not None:
                written += save(figure, out, name)
    return written
