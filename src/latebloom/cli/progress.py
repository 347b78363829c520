"""Live progress: one line an experiment on a terminal, a line now and then in a file or pipe."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from latebloom.claims import Claim
from latebloom.fleet.unit import Unit
from latebloom.fleet.work import Result
from latebloom.training.loop import Report

EVERY = 5.0  # seconds between lines where there is no terminal


@dataclass
class Line:
    """What is known of one experiment's units."""

    name: str
    units: int = 0
    done: int = 0
    failed: int = 0
    work: dict[Path, float] = field(default_factory=dict)  # unit -> its member-steps in all
    progress: dict[Path, float] = field(default_factory=dict)  # unit -> share done
    speed: dict[Path, float] = field(default_factory=dict)  # unit -> member-steps a second, while it runs
    latest: Report | None = None

    def update(self, unit: Unit, report: Report) -> None:
        """Takes a report of one unit."""
        self.latest = report
        self.progress[unit.path] = report.step / max(report.total, 1)
        if report.seconds > 0 and report.step > report.since:
            self.speed[unit.path] = (report.step - report.since) * report.members / report.seconds

    @property
    def rate(self) -> float:
        """Member-steps a second over the units that run now."""
        return sum(self.speed.values())

    @property
    def seconds_left(self) -> float | None:
        """Work that is left over the present speed."""
        left = sum(work * (1 - self.progress.get(path, 0.0)) for path, work in self.work.items())
        return left / self.rate if self.rate else None

    def cells(self) -> tuple[str, ...]:
        """The line's columns as text."""
        report = self.latest
        step = f"{report.step:,} / {report.total:,}" if report else "waiting"
        left = self.seconds_left
        if self.done + self.failed == self.units:
            step, time_left = ("failed" if self.failed else "done"), ""
        else:
            time_left = clock(left) if left is not None else ""
        return (
            self.name,
            f"{self.done}/{self.units}",
            step,
            spread(report.columns.get("train_accuracy")) if report else "",
            spread(report.columns.get("test_accuracy")) if report else "",
            f"{self.rate:,.0f}" if self.rate else "",
            time_left,
        )


HEADINGS = ("experiment", "done", "step", "train acc. (range)", "test acc. (range)", "member-steps/s", "left")


class Progress:
    """A context in which units report; implements the fleet's `Display`."""

    def __init__(self, units: list[Unit], console: Console | None = None) -> None:
        self.console = console or Console(stderr=False)
        self.lines: dict[str, Line] = {}
        for unit in {unit.path: unit for unit in units}.values():  # plans may share units; each is trained once
            line = self.lines.setdefault(_name(unit), Line(_name(unit)))
            line.units += 1
            line.work[unit.path] = float(max(unit.members[0].training.steps, 1) * len(unit.members))
        self.judged = ""  # which claim is being judged
        self.live: Live | None = None
        self.printed = 0.0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.live = Live(self._table(), console=self.console, refresh_per_second=4, transient=False)
            self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.judged = ""
        if self.live:
            self.live.update(self._table())
            self.live.__exit__(kind, value, trace)

    def update(self, unit: Unit, report: Report) -> None:
        """A unit reached a log step."""
        line = self.lines[_name(unit)]
        line.update(unit, report)
        if self.live:
            self.live.update(self._table())
        elif time.monotonic() - self.printed > EVERY:
            self.printed = time.monotonic()
            self._print(line)

    def done(self, result: Result) -> None:
        """A unit ended."""
        line = self.lines[_name(result.unit)]
        line.speed.pop(result.unit.path, None)
        if result.finished:
            line.done += 1
            line.progress[result.unit.path] = 1.0
        elif result.failure:
            line.failed += 1
        if self.live:
            self.live.update(self._table())
        elif line.done + line.failed == line.units:
            self._print(line)

    def judging(self, claim: Claim, number: int, count: int) -> None:
        """A claim is about to be judged; some take a minute."""
        self.judged = f"judging {claim.id}, {number} of {count}"
        if self.live:
            self.live.update(self._table())
        elif time.monotonic() - self.printed > EVERY:
            self.printed = time.monotonic()
            print(self.judged, flush=True)

    def _print(self, line: Line) -> None:
        name, units, step, train, test, rate, left = line.cells()
        print(
            f"{name}  populations {units}  step {step}  train {train}  test {test}  {rate or '-'} member-steps/s  "
            f"{'0:00' if line.done + line.failed == line.units else left or '?'} left",
            file=sys.stdout,
            flush=True,
        )

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim", show_header=bool(self.lines))
        for heading in HEADINGS:
            table.add_column(
                heading, justify="left" if heading == "experiment" else "right", no_wrap=True, overflow="ellipsis"
            )
        running = [line for line in self.lines.values() if line.done + line.failed < line.units]
        shown = [line for line in running if line.latest] or running[:1] or list(self.lines.values())[-1:]
        for line in shown[: max(self.console.size.height - 4, 3)]:
            table.add_row(*line.cells())
        finished = len(self.lines) - len(running)
        if len(self.lines) > 1:
            table.add_row(Text(f"{finished} of {len(self.lines)} experiments done", style="dim"), *[""] * 6)
        if self.judged:
            table.add_row(Text(self.judged, style="dim"), *[""] * 6)
        return table


def _name(unit: Unit) -> str:
    return unit.members[0].name


def spread(values: np.ndarray | None) -> str:
    """Median and range over members, as percentages.

    >>> spread(np.array([0.25, 0.5, 1.0]))
    '50 % (25-100)'
    """
    finite = np.array([]) if values is None else values[np.isfinite(values)]
    if not len(finite):
        return ""
    low, middle, high = (100 * float(q) for q in np.quantile(finite, [0, 0.5, 1]))
    return f"{middle:.3g} % ({low:.3g}-{high:.3g})"


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes.

    >>> clock(75), clock(7500)
    ('1:15', '2:05 h')
    """
    if seconds >= 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d} h"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
