"""From claims to verdicts: train what they need, judge them, keep the ledger."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latebloom import studies
from latebloom.claims import Claim, Entry, Ledger, Request, Standing, all_claims, standings
from latebloom.errors import LatebloomError, unknown_name
from latebloom.fleet.identity import run_hash
from latebloom.fleet.layout import finished_members
from latebloom.fleet.local import run_plans
from latebloom.fleet.plan import plan
from latebloom.fleet.queue import Display
from latebloom.fleet.unit import Plan
from latebloom.studies.judge_many import Told, judge_finished
from latebloom.training.experiment import check_scale

LEDGER = Path("ledger")


@dataclass(frozen=True)
class Outcome:
    """What a reproduction came to."""

    entries: tuple[Entry, ...]
    failures: tuple[str, ...]
    interrupted: bool


def select(words: Sequence[str]) -> list[Claim]:
    """Claims by study name or claim id; none given: all. Raises `LatebloomError` for an unknown word."""
    studies.load()
    claims = all_claims()
    if not words:
        return list(claims)
    known = {claim.study for claim in claims} | {claim.id for claim in claims}
    for word in words:
        if word not in known:
            raise unknown_name("study or claim", word, known)
    return [claim for claim in claims if claim.study in words or claim.id in words]


def check_judgeable(claims: Sequence[Claim], scale: str) -> None:
    """Refuses a scale that is none, and one at which none of these claims can be judged."""
    check_scale(scale)
    if any(claim.judgeable(scale) for claim in claims):
        return
    told = "; ".join(f"{c.id} {'at ' + ', '.join(c.scales) if c.judge else 'not here'}" for c in claims[:3])
    rest = f"; {len(claims) - 3} more" if len(claims) > 3 else ""
    raise LatebloomError(f"Nothing can be judged at scale {scale}. What can: {told}{rest}.")


def requests(claims: Sequence[Claim], scale: str) -> list[Request]:
    """The runs that claims need at a scale, each once, in order."""
    needed = [need for claim in claims if claim.judgeable(scale) for need in claim.requests(scale)]
    return list(dict.fromkeys(needed))


def prepare(claims: Sequence[Claim], scale: str, root: Path | str, dry: bool = False) -> dict[Request, Plan]:
    """Lays out the runs that claims need; trains nothing, and writes nothing either where it is `dry`."""
    studies.load()  # a claim of one's own may ask for experiments that ship
    root = Path(root)
    known = finished_members(root)
    return {
        need: plan(need.experiment, need.scale, need.overrides, root, known, dry) for need in requests(claims, scale)
    }


def reproduce(
    claims: Sequence[Claim],
    scale: str,
    root: Path | str,
    ledger: Path | str = LEDGER,
    display: Display | None = None,
    workers: int | None = None,
    plans: dict[Request, Plan] | None = None,
    told: Told | None = None,
) -> Outcome:
    """Trains what is missing, judges every claim that can be judged at this scale, and merges the ledger.

    A claim whose runs failed keeps its earlier entry; the failure is told. `told` hears of each claim that is judged.
    """
    plans = prepare(claims, scale, root) if plans is None else plans
    results = run_plans(list(plans.values()), display, workers)
    failures = [f"{result.unit.members[0].name}: {result.failure}" for result in results if result.failure]
    interrupted = any(not result.finished and result.failure is None for result in results)
    entries, mistakes = judge_finished(claims, scale, root, ledger, told, workers)
    return Outcome(entries, (*failures, *mistakes), interrupted)


def judge_again(
    claims: Sequence[Claim],
    scale: str,
    root: Path | str,
    ledger: Path | str = LEDGER,
    told: Told | None = None,
    workers: int | None = None,
) -> Outcome:
    """Judges the claims whose runs are finished in this home and merges the ledger; trains nothing."""
    entries, mistakes = judge_finished(claims, scale, root, ledger, told, workers)
    return Outcome(entries, mistakes, interrupted=False)


def standing(claims: Sequence[Claim], ledger: Path | str = LEDGER) -> tuple[Standing, ...]:
    """The ledger as it stands, stale entries marked; trains nothing."""
    studies.load()
    # Many claims ask for the same run, and resolving one is most of what the table takes.
    return tuple(standings(claims, Ledger.load(ledger), resolve=functools.cache(_resolve)))


def _resolve(request: Request) -> str | None:
    """The hash a request's run has under the specifications and versions of today; None if it can no longer be made."""
    try:
        return run_hash(request.experiment, request.scale, request.overrides)
    except LatebloomError:
        return None
