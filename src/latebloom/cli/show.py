"""`latebloom show`: a run's curves in the terminal and as figures; a claim with its rule, numbers and picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from latebloom.claims import Claim, Standing, all_claims
from latebloom.cli.curves import braille
from latebloom.cli.listing import show_run as print_members
from latebloom.runs.home import find_run, home
from latebloom.runs.run import Run
from latebloom.studies import figures_of, study_names
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.reproduce import standing
from latebloom.training.presets import PRESETS


def show_run(name: str, out: Path | None, member: int, console: Console) -> None:
    """Members, curves over steps (median and range), and figures as PNG and SVG."""
    known = [*PRESETS, *study_names(), *(claim.id for claim in all_claims())]
    run = Run(find_run(home(), name, known))
    print_members(run, console)
    logged = Logged(run)
    for quantity, low, high in (("accuracy", 0.0, 1.0), ("loss", None, None)):
        series = {}
        for split in ("train", "test"):
            column = f"{split}_{quantity}"
            if column in logged.frame:
                middle = (
                    logged.held(logged.frame.pivot(index="member", columns="step", values=column)).median().dropna()
                )
                series[split] = (middle.index.to_numpy(float), middle.to_numpy(float))
        if series and all(len(steps) > 1 for steps, _ in series.values()):
            log = quantity == "loss" and all((values > 0).all() for _, values in series.values())
            console.print(braille(series, f"{quantity}, median over members", console.width, low, high, log))
    figures = figures_of(run.experiment)
    written = figures.draw_run(run, out or run.path / "figures", member) if figures else []
    for path in written:
        console.print(f"figure: {path}", soft_wrap=True)


def show_claim(claim: Claim, ledger: Path, out: Path | None, console: Console) -> None:
    """Statement, source, rule, published and measured values, runs, command, picture."""
    row = standing([claim], ledger)[0]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in _facts(claim, row):
        if value:
            table.add_row(key, value)
    console.print(table)
    entry = row.entry
    figures = figures_of(claim.id)
    if figures and entry.judged_at:
        for path in figures.draw_claim(claim, entry, home(), out or home() / "figures"):
            console.print(f"figure: {path}", soft_wrap=True)


def _facts(claim: Claim, row: Standing) -> list[tuple[str, str]]:
    entry = row.entry
    low, high = entry.interval or (None, None)
    named = low == high or entry.interval in [tuple(told["interval"]) for told in entry.estimates.values()]
    return [
        ("claim", f"{claim.id}  {claim.title}"),
        ("statement", claim.statement),
        ("source", f"{claim.source} [{claim.tag}]"),
        ("published", claim.published),
        ("measured how", claim.measure),
        ("pass rule", f"{claim.rule} (fixed {claim.fixed})"),
        *[("rule changed", f"{change.date}: {change.reason}") for change in claim.changes],
        ("control", claim.control),
        ("verdict", row.word),
        ("measured", entry.measured),
        ("interval", "" if named else _interval((low, high))),
        ("numbers", "\n".join(f"{name.replace('_', ' ')}: {_number(told)}" for name, told in entry.estimates.items())),
        ("note", entry.note),
        ("scale, seeds", f"{entry.scale}, {entry.seeds}" if entry.judged_at else ""),
        ("runs", ", ".join(entry.runs)),
        ("judged", entry.judged_at),
        ("repeat", entry.command if claim.judge else ""),
    ]


def _number(told: Mapping[str, Any]) -> str:
    """One of an entry's estimates: its value and unit, its interval if it has one, and of how many it is."""
    low, high = told["interval"]
    interval = "" if low == high else f" ({_interval((low, high))})"  # computed exactly, or of one alone
    unit = f" {told['unit']}" if told["unit"] else ""
    return f"{_value(told['value'])}{unit}{interval}, n = {told['n']}"


def _interval(ends: Sequence[float | None]) -> str:
    return " to ".join(_value(end) for end in ends)


def _value(number: float | None) -> str:
    """Six digits; None stands for what has no bound, such as a time that was not reached."""
    return "unbounded" if number is None else f"{number:,.6g}"
