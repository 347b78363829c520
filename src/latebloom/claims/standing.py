"""The ledger as it stands: for every claim the judgement to show, and whether it is still current."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from latebloom.claims.claim import Claim, Request
from latebloom.claims.judging import blank, fingerprint
from latebloom.claims.ledger import Entry, Ledger
from latebloom.claims.verdict import Verdict
from latebloom.training.experiment import SCALES

Resolve = Callable[[Request], str | None]


@dataclass(frozen=True)
class Standing:
    """A claim's entry to show. `stale` means that rule, needs, judge or runs have changed since it was judged."""

    entry: Entry
    stale: bool = False

    @property
    def word(self) -> str:
        """The verdict as shown; a stale one is never shown as if it were current."""
        return f"stale (was {self.entry.verdict})" if self.stale else str(self.entry.verdict)

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON values and `stale`. A stale entry's verdict reads `not run`; its note tells the old one."""
        data = self.entry.to_json()
        if self.stale:
            was = f"Stale: judged {self.entry.verdict} on {self.entry.judged_at} under another rule or other runs."
            data.update(verdict=str(Verdict.NOT_RUN), note=f"{was} {self.entry.note}".strip())
        return {**data, "stale": self.stale}


def is_current(claim: Claim, entry: Entry, resolve: Resolve | None = None) -> bool:
    """Whether an entry was judged under the claim's present rule and needs, and on the runs that answer them now.

    Args:
        claim: the claim as it is.
        entry: its entry in the ledger.
        resolve: request -> hash of the run that answers it today; without it, runs are not compared.
    """
    if claim.judge is None or entry.scale not in claim.scales or entry.fingerprint != fingerprint(claim, entry.scale):
        return False
    return resolve is None or entry.runs == tuple(resolve(need) for need in claim.requests(entry.scale))


def standings(claims: Iterable[Claim], ledger: Ledger, resolve: Resolve | None = None) -> tuple[Standing, ...]:
    """One row a claim: the current entry of the largest scale; else the stale one; else `not run`."""
    return tuple(_standing(claim, ledger.of(claim.id), resolve) for claim in claims)


def _standing(claim: Claim, entries: tuple[Entry, ...], resolve: Resolve | None) -> Standing:
    rows = [Standing(entry, not is_current(claim, entry, resolve)) for entry in entries]
    if not rows:
        return Standing(blank(claim))
    return max(rows, key=lambda row: (not row.stale, SCALES.index(row.entry.scale)))
