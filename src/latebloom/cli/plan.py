"""`latebloom plan`: what an experiment, or all that some claims need, will cost."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from latebloom.claims import Claim
from latebloom.claims.rendering import duration
from latebloom.fleet.estimate import Cost, costs
from latebloom.fleet.local import cores, workers_for
from latebloom.fleet.plan import reach
from latebloom.fleet.queue import jobs
from latebloom.fleet.turns import makespan
from latebloom.studies.reproduce import prepare
from latebloom.training.members import populations
from latebloom.training.presets import members_of
from latebloom.wording import counted

UNITS = (("EFLOP", 1e18), ("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("FLOP", 1))


def _alike(found: Sequence[Cost]) -> list[list[Cost]]:
    """Populations that cost the same in all but the second they were timed in, together; in order of the first."""
    groups: dict[Cost, list[Cost]] = {}
    for cost in found:
        groups.setdefault(replace(cost, seconds=None), []).append(cost)
    return list(groups.values())


def _times(found: Sequence[Cost]) -> list[float]:
    """Seconds of the populations that were timed."""
    return [cost.seconds for cost in found if cost.seconds is not None]


def print_plan(name: str, scale: str, overrides: Sequence[str], console: Console) -> None:
    """Prints parameters, arithmetic, memory and time of every population of an experiment; trains nothing."""
    members = members_of(name, scale, overrides)
    for member in members:
        member.check()
    reach(members)
    table = _table("population", "times", "members", "steps", "weights", "MFLOP/step", "memory", "time")
    with console.status("Timing steps and measurements; at the published size that may take minutes ..."):
        found = costs(populations(members))
    for alike in _alike(found):
        cost = alike[0]
        table.add_row(
            cost.description,
            str(len(alike)),
            str(cost.members),
            f"{cost.steps:,}",
            f"{cost.parameters:,}",
            f"{cost.flops_per_step / 1e6:,.1f}",
            f"{cost.memory / 1e6:,.0f} MB",
            duration(sum(times) / len(times)) if (times := _times(alike)) else "not timed",
        )
    console.print(table)
    count = min(cores(), len(found))
    _print_sum(found, makespan(sorted(_times(found), reverse=True), count), count, console)
    for start in dict.fromkeys(member.start for member in members if member.start is not None):
        source = shlex.join(["latebloom", "plan", start.experiment, "--scale", scale, *start.overrides])
        console.print(f"Begins from {start.experiment}, which is not counted here: {source}", soft_wrap=True)


def print_plan_of_claims(claims: Sequence[Claim], scale: str, root: Path, console: Console) -> None:
    """Prints what `reproduce` would have to train for claims, an experiment a line; trains nothing."""
    queue = jobs(list(prepare(claims, scale, root, dry=True).values()))
    if not queue:
        told = f"Nothing to train at scale {scale}: every run that is needed is finished under {root}."
        console.print(told, soft_wrap=True)
        return
    trained = [number for number, job in enumerate(queue) if not job.shared]
    with console.status("Timing every kind of population ...") as status:

        def tell(done: int, kinds: int) -> None:
            status.update(f"Timing every kind of population: {done} of {kinds} ...")

        found = costs((queue[number].unit.members for number in trained), tick=tell)
    rows: dict[str, list[Cost]] = {}
    seconds = [0.0] * len(queue)  # of a unit that others train for it, too
    for number, cost in zip(trained, found, strict=True):
        seconds[number] = cost.seconds or 0.0
        rows.setdefault(queue[number].unit.members[0].name, []).append(cost)
    table = _table("experiment", "members", "memory", "one core")
    for name, own in rows.items():
        table.add_row(
            name,
            str(sum(cost.members for cost in own)),
            f"{max(cost.memory for cost in own) / 1e6:,.0f} MB",
            duration(sum(times)) if (times := _times(own)) else "not timed",
        )
    console.print(table)
    count = workers_for(queue)
    _print_sum(found, makespan(seconds, count, [job.after for job in queue]), count, console)
    console.print(f"What is finished under {root} is not counted; what was begun there counts whole.", soft_wrap=True)


def _table(*headings: str) -> Table:
    """Words to the left in the first column, numbers to the right in the others."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        first = heading == headings[0]
        table.add_column(heading, justify="left" if first else "right", no_wrap=not first, overflow="fold")
    return table


def _work(found: Sequence[Cost]) -> str:
    """The arithmetic of all, in the largest unit of which it is at least one."""
    operations = sum(cost.flops_per_step * cost.steps * cost.members for cost in found)
    unit, size = next((word, size) for word, size in UNITS if operations >= size or word == "FLOP")
    return f"{operations / size:,.{1 if operations < 10 * size else 0}f} {unit}"


def _print_sum(found: Sequence[Cost], seconds: float, workers: int, console: Console) -> None:
    """All populations in a sentence, the time they take together, and what could not be timed."""
    members, times = sum(cost.members for cost in found), _times(found)
    what = f"{counted(members, 'member')} in {counted(len(found), 'population')}, {_work(found)}"
    if not times:
        console.print(f"{what}. Not timed, for want of memory: {len(found)} of {len(found)}.")
        return
    console.print(
        f"{what}: about {duration(seconds)} with {counted(workers, 'worker')} on this "
        "machine, measurements included; of each kind a few steps were timed, and each measurement."
    )
    if untimed := len(found) - len(times):
        console.print(f"Not timed, for want of memory: {untimed} of {len(found)}. They are missing in the sum.")
