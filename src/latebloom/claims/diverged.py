"""Which members of a claim's runs diverged: they have no end, and a judge may have read their last log as one."""

from collections.abc import Mapping, Sequence
from typing import Any

from latebloom.claims.claim import Readable

NAMED = 5  # members that a note names one by one
PLACES = ("member", "population", "index", "ended_at", "diverged")  # columns that are no settings


def diverged_note(runs: Sequence[Readable]) -> str:
    """Names the members that diverged, and the step at which they did; empty where none did."""
    lost, count = [], 0
    for run in {run.hash: run for run in runs}.values():
        members = run.members()
        count += len(members)
        if "diverged" in members:
            lost += [_told(row) for row in members[members["diverged"].astype(bool)].to_dict("records")]
    if not lost:
        return ""
    more = f"; and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    return f"{len(lost)} of {count} members diverged and left no later logs: {'; '.join(lost[:NAMED])}{more}."


def _told(row: Mapping[Any, Any]) -> str:
    settings = {name: value for name, value in row.items() if name not in PLACES}
    words = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items()]
    step = "" if "ended_at" not in row else f" at step {int(row['ended_at'])}"
    return (", ".join(words) or f"member {row['member']}") + step
