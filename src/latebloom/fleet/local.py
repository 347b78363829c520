"""Running units on this machine: in this process, or in worker processes that take one unit after another."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from latebloom.fleet.interrupt import Interrupt
from latebloom.fleet.processes import run_in_processes
from latebloom.fleet.queue import Display, Job, Queue, jobs
from latebloom.fleet.turns import in_a_row
from latebloom.fleet.unit import Plan, Unit
from latebloom.fleet.work import Result, work
from latebloom.training.loop import Report, Watcher
from latebloom.training.measures import MEASURES
from latebloom.training.presets import PRESETS


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
    """Trains what several plans still need, as one queue of work: what others begin from comes before these.

    A member that several plans ask for is trained once, as far as one of them has it among members it trains anyway.

    One worker process a core by default; a single unit trains in this process, as do units that wait for one another in
    a row. Every unit uses one thread, so that its numbers do not depend on the machine, and because threads that wait
    for each other are ruinous on a busy one.
    """
    show = display or Silent()
    queue = Queue(jobs(plans), show)
    count = workers_for(queue.jobs, workers)
    with Interrupt().listening() as interrupt:
        if count <= 1 or _only_here([job.unit for job in queue.jobs]):
            _here(queue, interrupt)
        else:
            run_in_processes(queue, _unless_stopping, _modules(), interrupt.asked, count)
    return queue.results


def workers_for(found: Sequence[Job], workers: int | None = None) -> int:
    """How many workers have something to do: one where each unit waits for the one before it; else `workers`,
    by default one a core.
    """
    if in_a_row([job.after for job in found]):
        return min(1, len(found))
    return min(workers or cores(), sum(not job.shared for job in found))


def _unless_stopping(unit: Unit, watcher: Watcher) -> Result:
    """In a worker process: a unit that was sent while all were asked to stop is not begun."""
    return Result(unit, False) if watcher.stopping() else work(unit, watcher)


@dataclass(frozen=True)
class _Here:
    """Watches a unit that trains in this process."""

    queue: Queue
    number: int
    interrupt: Interrupt

    def report(self, report: Report) -> None:
        self.queue.report(self.number, report)

    def stopping(self) -> bool:
        return self.interrupt.asked.is_set()


def _here(queue: Queue, interrupt: Interrupt) -> None:
    while not interrupt.asked.is_set() and (number := queue.take()) is not None:
        queue.end(number, work(queue.piece(number), _Here(queue, number, interrupt)))
    queue.leave(None)


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
