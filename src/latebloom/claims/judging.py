"""From a claim and its runs to an entry of the ledger."""

import math
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from latebloom.claims.claim import Claim, Evidence
from latebloom.claims.diverged import diverged_note
from latebloom.claims.ledger import Entry
from latebloom.claims.statistics.estimate import Estimate
from latebloom.claims.verdict import Finding, NothingToJudge, Verdict, joined, undecided
from latebloom.errors import LatebloomError, RunFailed, StoreError, unknown_name
from latebloom.spec import digest
from latebloom.training.device import one_thread
from latebloom.training.experiment import SCALES
from latebloom.wording import counted

SEEDS_FOR_A_VERDICT = 5


def fingerprint(claim: Claim, scale: str) -> str:
    """Hash of what a verdict depends on besides the runs: the rule, the runs asked for, the judge's version."""
    needs = [[need.experiment, need.scale, *need.overrides] for need in claim.requests(scale)]
    return digest([claim.id, claim.rule, claim.version, needs])


def judge(claim: Claim, evidence: Evidence, *, now: datetime | None = None) -> Entry:
    """Applies a claim's judge function to its runs.

    At smoke the function is exercised and the verdict is `not run`. At laptop and paper a result of trained networks
    with fewer than five seeds is `inconclusive`; at quick the note says that seeds are few. The note names members that
    diverged: a judge reads their last log as their end, or leaves them out; where too few are left for an answer, the
    claim is `inconclusive`, too. Torch uses one thread meanwhile.

    Args:
        claim: a claim with a judge function.
        evidence: the runs it asked for at `evidence.scale`.
        now: the time of judgement; the present without it.

    Raises:
        RunFailed: the judge function failed. A fault in it is never turned into a verdict.
        LatebloomError: the claim cannot be judged at this scale, or there are not as many runs as it asks for.
        StoreError: a run's files cannot be read.
    """
    _check(claim, evidence)
    start = time.perf_counter()
    try:
        with one_thread():
            finding = _tempered(claim, evidence.scale, _find(claim, evidence))
        lost = diverged_note(evidence.runs)
        estimates = {name: _plain(estimate) for name, estimate in finding.estimates.items()}
        extra = _plain(finding.extra)
    except StoreError:  # of a run's files, and told by what is wrong with them
        raise
    except Exception as error:
        raise _failure(claim, evidence, error) from error
    distinct = {run.hash: run.seconds for run in evidence.runs}  # two needs may resolve to one run: it is paid once
    seconds = sum(distinct.values()) + time.perf_counter() - start
    return replace(
        blank(claim, evidence.scale),
        measured=finding.measured,
        interval=None if finding.estimate is None else _ends(finding.estimate),
        verdict=finding.verdict,
        seeds=finding.seeds,
        runs=tuple(run.hash for run in evidence.runs),
        seconds=round(seconds, 1 if seconds >= 1 else 3),
        note=joined(finding.note, lost),
        judged_at=(now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        estimates=estimates,
        extra=extra,
    )


def blank(claim: Claim, scale: str | None = None) -> Entry:
    """The entry of a claim that was not judged at this scale (by default the smallest at which it could be)."""
    scale = scale or min(claim.scales, key=SCALES.index)
    cost = f" ({claim.cost[scale]})" if scale in claim.cost else ""
    return Entry(
        id=claim.id,
        study=claim.study,
        title=claim.title,
        statement=claim.statement,
        source=claim.source,
        tag=claim.tag,
        published=claim.published,
        measured="",
        interval=None,
        verdict=Verdict.NOT_RUN,
        scale=scale,
        seeds=0,
        runs=(),
        seconds=0.0,
        command=claim.command(scale),
        rule=claim.rule,
        fixed=claim.fixed,
        changes=tuple((change.date, change.reason) for change in claim.changes),
        control=claim.control,
        note=joined(f"Needs scale {scale}{cost}.", claim.why),
        judged_at="",
        fingerprint=fingerprint(claim, scale),
    )


def _check(claim: Claim, evidence: Evidence) -> None:
    if evidence.scale not in SCALES:
        raise unknown_name("scale", evidence.scale, SCALES)
    if claim.judge is None:
        raise LatebloomError(f"Claim {claim.id} is not run: it needs scale {claim.scales[0]}. {claim.why}")
    if evidence.scale not in ("smoke", *claim.scales):
        raise LatebloomError(
            f"Claim {claim.id} cannot be judged at scale {evidence.scale!r}; it can at {', '.join(claim.scales)}."
        )
    asked = claim.requests(evidence.scale)
    if len(asked) != len(evidence.runs):
        raise LatebloomError(
            f"Claim {claim.id} asks for {len(asked)} runs at scale {evidence.scale}; it was given {len(evidence.runs)}."
        )


def _find(claim: Claim, evidence: Evidence) -> Finding:
    try:
        finding: object = claim.judge(evidence) if claim.judge is not None else None
    except NothingToJudge as error:
        return undecided("nothing to judge", str(error), seeds=0)
    if not isinstance(finding, Finding):
        raise TypeError(f"the judge function should return a Finding; it returned {type(finding).__name__}")
    return finding


def _tempered(claim: Claim, scale: str, finding: Finding) -> Finding:
    """What the scale and the number of seeds allow one to say."""
    if scale == "smoke":
        note = joined("Scale smoke exercises the plumbing only.", finding.note)
        return replace(finding, verdict=Verdict.NOT_RUN, note=note)
    if claim.deterministic or finding.seeds >= SEEDS_FOR_A_VERDICT:
        return finding
    few = f"Only {counted(finding.seeds, 'seed')}; a verdict at laptop scale needs {SEEDS_FOR_A_VERDICT}."
    finding = replace(finding, note=joined(finding.note, few))
    return finding if scale == "quick" else replace(finding, verdict=Verdict.INCONCLUSIVE)


def _failure(claim: Claim, evidence: Evidence, error: Exception) -> RunFailed:
    places = traceback.extract_tb(error.__traceback__)
    own = [place for place in places if claim.judge is not None and place.filename == _written_in(claim.judge)]
    place = (own or places)[-1]  # where the judge asked for it, however deep in a library it failed
    runs = ", ".join(run.hash for run in evidence.runs) or "none"
    return RunFailed(
        f"Judging claim {claim.id} ({claim.title}) at scale {evidence.scale} failed: "
        f"{type(error).__name__}: {error} (line {place.lineno} of {place.name}, "
        f"{Path(place.filename).name}). Its runs are kept: {runs}. "
        f"This is a fault of the check, not a verdict, and the ledger was not changed. "
        f"When it is mended, repeat: {claim.command(evidence.scale)}"
    )


def _written_in(function: object) -> str:
    """The file of a function; empty for a callable that has none."""
    code = getattr(function, "__code__", None)
    return "" if code is None else str(code.co_filename)


def _ends(estimate: Estimate) -> tuple[float | None, float | None]:
    low, high = estimate.bounds
    return _plain(low), _plain(high)


def _plain(value: Any) -> Any:
    """A value as JSON: six significant digits, None for what is not finite.

    Raises `TypeError` for anything that is not a number, text, an estimate, or a list or mapping of these.
    """
    if isinstance(value, Estimate):
        low, high = _ends(value)
        return {"value": _plain(value.value), "interval": [low, high], "n": value.n, "unit": value.unit}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    raise TypeError(f"`extra` should hold numbers, text, lists and mappings; it holds a {type(value).__name__}")
