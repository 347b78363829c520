"""From an interval and a rule to a verdict: the vocabulary in which a judge function is written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from latebloom.claims.statistics.estimate import Estimate
from latebloom.errors import LatebloomError


class Verdict(StrEnum):
    """What the runs say about a claim."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"


class NothingToJudge(LatebloomError):
    """Raised by what a judge reads its runs with, where they cannot answer: nobody is left of an arm, say.

    The claim becomes inconclusive, and the words its note (`latebloom.claims.judge`).
    """


@dataclass(frozen=True)
class Region:
    """The values from `low` to `high`, ends included; see `at_least`, `at_most` and `between`."""

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise LatebloomError(f"A region runs from low to high; got {self.low} to {self.high}.")

    def holds(self, estimate: Estimate) -> bool:
        """Whether the whole interval lies inside."""
        return self.low <= estimate.floor and estimate.high <= self.high

    def excludes(self, estimate: Estimate) -> bool:
        """Whether the whole interval lies outside.

        An event nobody reached is known to be later than `limit` only, so it lies outside "at most 48,000 steps" when
        the members were watched for 48,000 steps, and not when they were watched for 30,000.
        """
        censored = estimate.low == math.inf and estimate.limit is not None
        return estimate.high < self.low or estimate.floor > self.high or (censored and estimate.floor >= self.high)


def at_least(low: float) -> Region:
    """All values from `low` upwards."""
    return Region(low=low)


def at_most(high: float) -> Region:
    """All values up to `high`."""
    return Region(high=high)


def between(low: float, high: float) -> Region:
    """All values from `low` to `high`."""
    return Region(low, high)


@dataclass(frozen=True)
class Finding:
    """What a judge function returns.

    Attributes:
        measured: the result in words and numbers, as the ledger prints it.
        verdict: what follows from it under the claim's rule.
        seeds: how many independent training seeds it rests on; 0 where nothing was trained.
        estimate: the number the rule was applied to, if there is one.
        estimates: further named numbers.
        note: what a reader must know to read the result rightly.
        extra: rows and values for tables and figures; numbers, text, lists and mappings of these.
    """

    measured: str
    verdict: Verdict
    seeds: int
    estimate: Estimate | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    note: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def with_rows(self, rows: Mapping[str, Any]) -> "Finding":
        """The same with more rows in `extra`."""
        return replace(self, extra={**self.extra, **rows})


def verdict_of(estimate: Estimate, pass_: Region, fail_: Region | None = None) -> Verdict:
    """Applies a pass rule to an interval.

    Args:
        estimate: what was measured.
        pass_: reproduced if the whole interval lies in it.
        fail_: contradicted if the whole interval lies in it; without it, if the whole interval lies outside `pass_`.

    Returns:
        The verdict; inconclusive where the interval reaches across a border, or is not known.
    """
    if pass_.holds(estimate):
        return Verdict.REPRODUCED
    if pass_.excludes(estimate) if fail_ is None else fail_.holds(estimate):
        return Verdict.CONTRADICTED
    return Verdict.INCONCLUSIVE


def decide(
    estimate: Estimate,
    pass_: Region,
    fail_: Region | None = None,
    *,
    seeds: int | None = None,
    measured: str | None = None,
    note: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding for a rule about one number (see `verdict_of`).

    `seeds` is the estimate's n unless said otherwise: say otherwise when the estimate counts neurons, rows or pairs.
    `measured` is the estimate in print unless said otherwise.
    """
    return Finding(
        measured=str(estimate) if measured is None else measured,
        verdict=verdict_of(estimate, pass_, fail_),
        seeds=estimate.n if seeds is None else seeds,
        estimate=estimate,
        note=note,
        extra=extra or {},
    )


def settle(
    passed: bool,
    measured: str,
    *,
    seeds: int = 0,
    estimate: Estimate | None = None,
    note: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Finding:
    """The finding for a rule that is simply true or false: reproduced or contradicted."""
    verdict = Verdict.REPRODUCED if passed else Verdict.CONTRADICTED
    return Finding(measured, verdict, seeds, estimate, note=note, extra=extra or {})


def settle_number(value: float, pass_: Region, measured: str, *, seeds: int = 0) -> Finding:
    """The finding for a rule about one exact number, such as the one that a control comes to.

    NaN is no number and settles nothing: written as `settle(value <= limit)` it would count as above the limit, and a
    control that could not be computed would pass for one that fails.
    """
    if math.isnan(value):
        return undecided(f"{measured}: no number", "", seeds=seeds)
    return settle(pass_.low <= value <= pass_.high, measured, seeds=seeds)


def undecided(measured: str, why: str, *, seeds: int, estimate: Estimate | None = None) -> Finding:
    """The finding for runs that cannot answer the question; `why` becomes the note."""
    return Finding(measured, Verdict.INCONCLUSIVE, seeds, estimate, note=why)


def all_of(parts: Mapping[str, Finding], *, note: str = "") -> Finding:
    """The finding for a rule with several conditions, each named.

    Reproduced if every part is, contradicted if any part is, else inconclusive. The first part's estimate is the
    headline; every part's is kept under its name. Seeds are those of the part with the fewest.
    """
    if not parts:
        raise LatebloomError("A rule of several conditions needs at least one; got none.")
    found = list(parts.values())
    verdicts = {part.verdict for part in found}
    if verdicts == {Verdict.REPRODUCED}:
        verdict = Verdict.REPRODUCED
    elif Verdict.CONTRADICTED in verdicts:
        verdict = Verdict.CONTRADICTED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Finding(
        measured="; ".join(f"{name}: {part.measured}" for name, part in parts.items()),
        verdict=verdict,
        seeds=min(part.seeds for part in found),
        estimate=found[0].estimate,
        estimates={name: part.estimate for name, part in parts.items() if part.estimate is not None},
        note=joined(note, *(part.note for part in found)),
        extra={name: dict(part.extra) for name, part in parts.items() if part.extra},
    )


def with_control(finding: Finding, control: Finding) -> Finding:
    """The finding beside its negative control: the same rule applied where it must fail.

    A claim that its control also passes, or does not clearly fail, has not been shown: it becomes inconclusive.
    """
    told = f"Control: {control.measured} ({control.verdict})."
    extra = {**finding.extra, "control": dict(control.extra)} if control.extra else finding.extra
    if finding.verdict is Verdict.REPRODUCED and control.verdict is not Verdict.CONTRADICTED:
        told += " The control does not fail, so the result does not show the claim."
        finding = replace(finding, verdict=Verdict.INCONCLUSIVE)
    return replace(finding, note=joined(finding.note, told), extra=extra)


def joined(*notes: str) -> str:
    """Notes one behind the other, without the empty ones."""
    return " ".join(note for note in notes if note)
