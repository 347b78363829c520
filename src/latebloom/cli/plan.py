"""`latebloom plan`: what an experiment will cost."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from latebloom.claims.rendering import duration
from latebloom.fleet.estimate import Cost, costs
from latebloom.fleet.local import cores
from latebloom.training.presets import members_of


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
    """Prints parameters, arithmetic, memory and time of every population; trains nothing."""
    members = members_of(name, scale, overrides)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("population", "times", "members", "steps", "weights", "MFLOP/step", "memory", "time"):
        table.add_column(
            heading, justify="left" if heading == "population" else "right", no_wrap=heading != "population"
        )
    found = costs(members)
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
    total = sum(_times(found))
    work = sum(cost.flops_per_step * cost.steps * cost.members for cost in found) / 1e15
    workers = min(cores(), len(found))
    console.print(
        f"{len(members)} members in {len(found)} population{'s' if len(found) > 1 else ''}, {work:.2g} PFLOP: "
        f"about {duration(total / workers)} with {workers} worker{'s' if workers > 1 else ''} on this machine, "
        "timed for a second each; measurements not included."
    )
    if untimed := len(found) - len(_times(found)):
        console.print(f"Not timed, for want of memory: {untimed} of {len(found)}. They are missing in the sum.")
    for start in dict.fromkeys(member.start for member in members if member.start is not None):
        source = shlex.join(["latebloom", "plan", start.experiment, "--scale", scale, *start.overrides])
        console.print(f"Begins from {start.experiment}, which is not counted here: {source}", soft_wrap=True)
