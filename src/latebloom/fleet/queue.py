"""The order in which units are trained: which comes next, while others wait for what they begin from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from latebloom.errors import StoreError
from latebloom.fleet.estimate import work_of
from latebloom.fleet.layout import finished_members, take_over
from latebloom.fleet.turns import Turns
from latebloom.fleet.unit import Plan, Unit
from latebloom.fleet.work import Result
from latebloom.training.loop import Report


class Display(Protocol):
    """Whoever shows progress."""

    def update(self, unit: Unit, report: Report) -> None:
        """Called at log steps of every unit."""

    def done(self, result: Result) -> None:
        """Called when a unit ends."""


@dataclass(frozen=True)
class Job:
    """A unit in a queue."""

    unit: Unit
    after: frozenset[int]  # numbers of the jobs that must have ended before it
    shared: bool  # all of its members are trained by jobs before it


def jobs(plans: Sequence[Plan]) -> list[Job]:
    """Every unit of some plans once: sources of sources, sources, the plans' own; of these the longest first.

    A unit waits for the units of the run that it begins from. One whose members others train waits for these.
    """
    found: list[Job] = []
    of_run: dict[Path, set[int]] = {}
    of_member: dict[str, set[int]] = {}
    for number, unit in enumerate(_in_order(plans)):
        shared = all(own in of_member for own in unit.hashes)
        after = of_run.get(unit.start, set()) if unit.start is not None else set()
        if shared:
            after = after.union(*(of_member[own] for own in unit.hashes))
        found.append(Job(unit, frozenset(after), shared))
        of_run.setdefault(unit.run, set()).add(number)
        for own in unit.hashes:
            of_member.setdefault(own, set()).add(number)
    return found


def _in_order(plans: Sequence[Plan]) -> list[Unit]:
    levels = []
    while plans:
        levels.append(sorted((unit for plan in plans for unit in plan.units), key=lambda unit: -work_of(unit)))
        plans = [source for plan in plans for source in plan.sources]
    return list({unit.path: unit for level in reversed(levels) for unit in level}.values())


class Queue:
    """Hands out units and gathers their results, in the order in which they end."""

    def __init__(self, found: Sequence[Job], show: Display) -> None:
        self.jobs, self.results = found, list[Result]()
        self._turns = Turns([job.after for job in found])
        self._show = show

    @property
    def waiting(self) -> bool:
        """Whether units are left that nobody has taken; they may not be ready."""
        return bool(self._turns.waiting)

    def take(self) -> int | None:
        """The number of the next unit to train; None if none is ready.

        Units whose members others have trained by now are given their places on the way.
        """
        while (number := self._turns.take()) is not None:
            unit = self.jobs[number].unit
            try:
                if not (self.jobs[number].shared and take_over(unit, finished_members(unit.home))):
                    return number
            except StoreError as error:  # others train on
                self.end(number, Result(unit, False, str(error)))
            else:
                self.end(number, Result(unit, True))
        return None

    def piece(self, number: int) -> Unit:
        """The unit of a number."""
        return self.jobs[number].unit

    def report(self, number: int, report: Report) -> None:
        """Tells that a unit reached a log step."""
        self._show.update(self.jobs[number].unit, report)

    def end(self, number: int, result: Result) -> None:
        """Tells that a unit has ended, well or not; what waits for it is ready."""
        self._turns.end(number)
        self.results.append(result)
        self._show.done(result)

    def lose(self, number: int, failure: str | None) -> None:
        """Tells that a unit's worker died."""
        self.end(number, Result(self.jobs[number].unit, False, failure))

    def leave(self, failure: str | None) -> None:
        """Ends all that was not taken, with a reason or (interrupted) without."""
        self.results += [Result(self.jobs[number].unit, False, failure) for number in self._turns.waiting]
        self._turns.waiting.clear()
