"""Which pictures a run of the study gets: decided by what it holds, not by its name."""

from pathlib import Path

from latebloom.runs.run import Run
from latebloom.studies.drawing import curves
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.pictures import Named, draw_pictures
from latebloom.studies.future_tokens.figures.arms import by_rest
from latebloom.studies.future_tokens.figures.gradients import draw_gradients
from latebloom.studies.future_tokens.figures.lags import draw_lags
from latebloom.studies.future_tokens.figures.places import draw_places
from latebloom.studies.future_tokens.figures.push import draw_pushes
from latebloom.studies.future_tokens.figures.sample import draw_sample
from latebloom.studies.future_tokens.figures.share import draw_shares

GROUPS = 6


def draw_run(run: Run, out: Path, member: int = 0) -> list[Path]:
    """Every picture that fits the run, as PNG and SVG in `out`: see `draw_pictures`."""
    return draw_pictures(run, out, member, _pictures)


def _beside(run: Run, experiment: str) -> list[Run]:
    """The last finished run of another experiment at the same scale in the same home, if there is one."""
    folders = sorted((run.path.parent.parent / experiment).glob(f"{run.scale}-*/run.json"))
    finished = [other for folder in folders if (other := Run(folder.parent)).finished]
    return sorted(finished, key=lambda other: len(other.document["members"]))[-1:]


def _pictures(run: Run, logged: Logged, member: int) -> Named:
    who, label = f"{run.experiment}, scale {run.scale}", f"Run: {run.label}"
    seeds = f"Faint: one seed. Bold: median. Band: middle half. {label}"
    if logged.last_step:
        yield "curves", curves.draw_learning(logged, who, seeds)
        if others := curves.other_columns(logged):
            yield "measures", curves.draw_columns(logged, others, f"{who}: measured", seeds)
    if run.experiment == "future_tokens.sine_p":
        beside = [Logged(other) for other in _beside(run, "future_tokens.sine")]
        told = f"Dots: seeds. {', '.join([label, *(other.run.label for other in beside)])}"
        if beside:
            told += f" (p = 0.3: {beside[0].last_step:,} steps, others {logged.last_step:,})"
        yield "shares", draw_shares([logged, *beside], f"{who}: by how often the sum is asked for", told)
    elif "sums" in logged.frame:
        yield "shares", draw_shares([logged], f"{who}: by how often the sum is asked for", f"Dots: seeds. {label}")
    groups = by_rest(logged)
    for number, (rest, arms) in enumerate(list(groups.items())[:GROUPS]):
        end, which = (f"_{number}", f"{who}, {rest}") if rest else ("", who)
        band = f"Band: range over seeds. {label}"
        yield f"places{end}", draw_places(logged, arms, f"{which}: loss by place", band)
        yield f"lags{end}", draw_lags(logged, arms, f"{which}: what the layers hold", f"Faint: one seed. {label}")
        told = f"Pushes of the state after block 1 by what moves a probe's reading by 1. Faint: one seed. {label}"
        yield f"pushes{end}", draw_pushes(logged, arms, f"{which}: what later sums are made of", told)
        yield f"gradients{end}", draw_gradients(logged, arms, f"{which}: the gradient's two parts", seeds)
    if run.finished:
        yield "sample", draw_sample(run, logged, f"{who}: where the vanilla network gains", label)
