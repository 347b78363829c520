"""The pictures of a judged claim: the evidence its judge kept, and the curves of the runs it rests on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latebloom.claims import Claim, Entry
from latebloom.claims.rendering import interval_beside
from latebloom.errors import StoreError
from latebloom.runs.home import run_folders
from latebloom.runs.run import Run
from latebloom.studies.drawing.curves import draw_learning
from latebloom.studies.drawing.evidence import draw_evidence, panels
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.outcomes import draw_end_values
from latebloom.studies.drawing.style import canvas, save, styled, title
from latebloom.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUNS = 3  # pictures of runs for one claim


@dataclass(frozen=True)
class Part:
    """One picture of a claim. `depends` is everything it is drawn from, as JSON: equal parts look alike."""

    name: str
    depends: tuple[Any, ...]
    draw: Callable[[], "Figure | None"]


def parts(claim: Claim, entry: Entry, runs: Sequence[Run], alone: bool = True) -> list[Part]:
    """What there is to draw of a judged claim: its evidence, and curves of the first of its runs; else a card of words.

    Pictures of runs say which claim they belong to where they stand `alone`; on a page that says so itself, claims that
    rest on the same run share its picture.
    """
    heading, caption = f"{claim.id}  {claim.title}: {entry.verdict}", describe(entry)
    told = (heading, caption, entry.to_json())
    found = []
    if panels(entry):
        found.append(Part("evidence", ("evidence", *told), lambda: draw_evidence(entry, heading, caption)))
    for run in runs[:RUNS]:
        own = (
            (heading, f"{caption}\nRun: {run.label}")
            if alone
            else (f"{run.experiment}, {run.scale}", f"Run: {run.label}")
        )
        name = f"{run.experiment.split('.')[-1]}_{run.hash[:6]}"
        found.append(Part(name, ("run", run.hash, *own), partial(_draw_run, run, *own)))
    return found or [Part("result", ("result", *told), lambda: _card(heading, caption))]


def _draw_run(run: Run, heading: str, caption: str) -> "Figure | None":
    logged = Logged(run)
    return (draw_learning if logged.last_step else draw_end_values)(logged, heading, caption)


def draw_claim(claim: Claim, entry: Entry, home: Path, out: Path) -> list[Path]:
    """At least one picture for a judged claim, as PNG and SVG: evidence, and curves of its runs that lie in `home`."""
    stem = f"{claim.id.replace('.', '_')}_{entry.scale}"
    written = []
    with styled():
        for part in parts(claim, entry, runs_of(entry, home)):
            figure = part.draw()
            if figure is not None:
                written += save(figure, out, f"{stem}_{part.name}")
        if not written:
            card = _card(f"{claim.id}  {claim.title}: {entry.verdict}", describe(entry))
            written += save(card, out, f"{stem}_result")
    return written


def describe(entry: Entry) -> str:
    """Published and measured value, interval, verdict and what it rests on, a line each."""
    interval = ""
    if (known := interval_beside(entry.measured, entry.interval, entry.estimates)) is not None:
        low, high = ("unbounded" if end is None else f"{end:,.4g}" for end in known)
        interval = f" (95 %: {low} to {high})"
    seeds = f", {counted(entry.seeds, 'seed')}" if entry.seeds else ""
    return (
        f"Published: {entry.published}\nMeasured: {_short(entry.measured)}{interval}\n"
        f"Verdict: {entry.verdict} at scale {entry.scale}{seeds}. Rule: {_short(entry.rule)}"
    )


def runs_of(entry: Entry, home: Path) -> list[Run]:
    """The entry's runs that lie in `home`, in the order of the entry; folders that cannot be read are passed over."""
    found: dict[str, Run] = {}
    for path in run_folders(home):
        try:
            run = Run(path)
        except StoreError:
            continue
        if run.hash in entry.runs and run.finished:
            found[run.hash] = run
    return [found[digest] for digest in dict.fromkeys(entry.runs) if digest in found]


def _short(text: str, most: int = 400) -> str:
    return text if len(text) <= most else text[: most - 3].rsplit(" ", 1)[0] + " ..."


def _card(heading: str, caption: str) -> "Figure":
    """The result in words, for a claim that kept no numbers and whose runs lie elsewhere."""
    figure, axes = canvas(1, 1, height=1.0)
    axes[0, 0].axis("off")
    title(figure, heading, caption)
    return figure
