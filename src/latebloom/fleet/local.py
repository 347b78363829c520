"""Running units on this machine: in this process, or in worker processes that take one unit after another."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Protocol

from latebloom.fleet.estimate import work_of
from latebloom.fleet.interrupt import Interrupt
from latebloom.fleet.layout import finished_members, take_over
from latebloom.fleet.processes import run_in_processes
from latebloom.fleet.unit import Plan, Unit
from latebloom.fleet.work import Result, work
from latebloom.training.loop import Report
from latebloom.training.measures import MEASURES
from latebloom.training.presets import PRESETS


class Display(Protocol):
    """Whoever shows progress."""

    def update(self, unit: Unit, report: Report) -> None:
        """Called at log steps of every unit."""

    def done(self, result: Result) -> None:
        """Called when a unit ends."""


class Silent:
    """Shows nothing."""

    def update(self, unit: Unit, report: Report) -> None:
        """Ignores it."""

    def done(self, result: Result) -> None:
        """Ignores it."""


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_plan(plan: Plan, display: Display | None = None, workers: int | None = None) -> list[Result]:
    """Trains what a plan still needs, sources first."""
    return run_plans([plan], display, workers)


def run_plans(plans: Sequence[Plan], display: Display | None = None, workers: int | None = None) -> list[Result]:
    """Trains what several plans still need: all sources, then all their own units, as one queue of work.

    A member that several plans ask for is trained once, as far as one of them has it among members it trains anyway.

    One worker process a core by default; a single unit trains in this process. Every unit uses one thread, so that its
    numbers do not depend on the machine, and because threads that wait for each other are ruinous on a busy one.
    """
    show = display or Silent()
    results: list[Result] = []
    with Interrupt().listening() as interrupt:
        for first, again in _waves(plans):
            results += _run_units(first, show, workers, interrupt)
            taken, left = _taken_over(again, show)
            results += taken + _run_units(left, show, workers, interrupt)
    return results


def waves(plans: Sequence[Plan]) -> list[list[Unit]]:
    """Units that `run_plans` would train, the longest first; those of a wave begin when the wave before has ended."""
    return [first for first, _ in _waves(plans) if first]


def _waves(plans: Sequence[Plan]) -> list[tuple[list[Unit], list[Unit]]]:
    """Units of sources of sources, of sources, and last of the plans themselves; each split as by `_apart`."""
    sources = [source for plan in plans for source in plan.sources]
    own = _apart(_distinct(unit for plan in plans for unit in plan.units))
    return [*(_waves(sources) if sources else []), own]


def _distinct(units: Iterable[Unit]) -> list[Unit]:
    """Each unit once, the longest work first, so that no worker is left alone with it at the end."""
    by_path = {unit.path: unit for unit in units}
    return sorted(by_path.values(), key=lambda unit: -work_of(unit))


def _apart(units: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """Units that train a member none before them trains, and the others: experiments may share members."""
    first: list[Unit] = []
    again: list[Unit] = []
    seen: set[str] = set()
    for unit in units:
        (again if seen.issuperset(unit.hashes) else first).append(unit)
        seen.update(unit.hashes)
    return first, again


def _taken_over(units: Sequence[Unit], display: Display) -> tuple[list[Result], list[Unit]]:
    """Units whose members have been trained in others by now, and those that are left."""
    known = finished_members(units[0].home) if units else {}
    taken, left = [], []
    for unit in units:
        if take_over(unit, known):
            taken.append(Result(unit, True))
            display.done(taken[-1])
        else:
            left.append(unit)
    return taken, left


def _run_units(units: Sequence[Unit], display: Display, workers: int | None, interrupt: Interrupt) -> list[Result]:
    if not units or interrupt.asked.is_set():
        return [Result(unit, False) for unit in units]
    count = min(workers or cores(), len(units))
    if count <= 1 or _only_here(units):
        return _here(units, display, interrupt)
    return run_in_processes(units, _modules(), interrupt.asked, count, display.update, display.done)


class _Here:
    """Watches a unit that trains in this process."""

    def __init__(self, unit: Unit, display: Display, interrupt: Interrupt) -> None:
        self.unit, self.display, self.interrupt = unit, display, interrupt

    def report(self, report: Report) -> None:
        self.display.update(self.unit, report)

    def stopping(self) -> bool:
        return self.interrupt.asked.is_set()


def _here(units: Sequence[Unit], display: Display, interrupt: Interrupt) -> list[Result]:
    results = []
    for unit in units:
        if interrupt.asked.is_set():
            results.append(Result(unit, False))
            continue
        result = work(unit, _Here(unit, display, interrupt))
        display.done(result)
        results.append(result)
    return results


def _modules() -> list[str]:
    """Where the registered experiments and measures were written, so that a worker can register them too."""
    written = {PRESETS[name].build.__module__ for name in PRESETS} | {
        MEASURES[name].measure.__module__ for name in MEASURES
    }
    return sorted(written - {"__main__", "__mp_main__"})


def _only_here(units: Sequence[Unit]) -> bool:
    """Whether a part was written in a notebook or at a prompt, where no other process can import it."""
    if hasattr(sys.modules["__main__"], "__file__"):
        return False
    parts = {type(unit.members[0].task) for unit in units} | {type(unit.members[0].model) for unit in units}
    measured = {measure.name for unit in units for measure in unit.members[0].measure}
    return "__main__" in {part.__module__ for part in (*parts, *(MEASURES[name].measure for name in measured))}
