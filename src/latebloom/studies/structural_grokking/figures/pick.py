"""Which pictures a run of the study gets: decided by what it holds, not by its name."""

import textwrap
from pathlib import Path

from latebloom.runs.run import Run
from latebloom.studies.drawing.curves import some_of
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.pictures import Named, draw_pictures
from latebloom.studies.structural_grokking.figures.depth import draw_depths
from latebloom.studies.structural_grokking.figures.learning import draw_learning
from latebloom.studies.structural_grokking.figures.prepose import draw_prepose
from latebloom.studies.structural_grokking.figures.trees import draw_trees
from latebloom.studies.structural_grokking.figures.written import draw_written

ARMS = 6


def draw_run(run: Run, out: Path, member: int = 0) -> list[Path]:
    """Every picture that fits the run, as PNG and SVG; trees are those of one member: see `draw_pictures`."""
    return draw_pictures(run, out, member, _pictures)


def _pictures(run: Run, logged: Logged, member: int) -> Named:
    who = f"{run.experiment}, scale {run.scale}"
    told = f"Faint: one seed. Bold: median. Band: middle half. Run: {run.label}"
    arms = some_of(logged.arms, ARMS)
    for number, arm in enumerate(arms):
        end = "" if len(arms) == 1 else f"_{number}"
        heading = textwrap.shorten(f"{who}{f', {arm.label}' if arm.label else ''}", 120)
        yield f"learning{end}", draw_learning(logged, arm.members, heading, told)
        yield (
            f"prepose{end}",
            draw_prepose(logged, arm.members, f"{heading}: withheld questions", f"Mean over seeds. Run: {run.label}"),
        )
    yield "depths", draw_depths(logged, f"{who}: by depth", f"Bars: 95 % intervals. Run: {run.label}")
    seed = logged.specifications[member].seed
    heading = f"{who}, member {member} (seed {seed}): what is written of withheld questions"
    yield "written", draw_written(run, logged, member, heading, f"Red from the first wrong word on. Run: {run.label}")
    heading = f"{who}, member {member} (seed {seed}): the tree of one withheld sentence"
    told = f"Greedy projection, as released. Hollow red: no bracket of the grammar. Run: {run.label}"
    yield "trees", draw_trees(run, logged, member, heading, told)
