"""The table of claims. A study's claims enter it when the study's `claims` module is imported."""

from collections.abc import Callable, Mapping
from typing import NotRequired, TypedDict, Unpack

from latebloom.claims.claim import Change, Claim, Judge, Needs
from latebloom.errors import LatebloomError
from latebloom.registry import Registry
from latebloom.training.experiment import SCALES

CLAIMS: Registry[Claim] = Registry("claim")


class Words(TypedDict):
    """What every claim says (see `Claim`)."""

    id: str
    title: str
    statement: str
    source: str
    published: str
    measure: str
    rule: str
    fixed: str
    tag: str
    control: NotRequired[str]


class Judged(Words, total=False):
    """What a claim with a judge function may say besides."""

    scales: tuple[str, ...]
    changes: tuple[Change, ...]
    cost: Mapping[str, str]
    deterministic: bool
    version: int
    needs: Needs


def claim(*, table: Registry[Claim] = CLAIMS, **fields: Unpack[Judged]) -> Callable[[Judge], Judge]:
    """Registers the decorated judge function as a claim; the fields are those of `Claim`.

    Raises:
        LatebloomError: an id taken already, an empty rule, a missing date, an unknown scale.
    """

    def enter(judge: Judge) -> Judge:
        register(Claim(**fields, judge=judge), table)
        return judge

    return enter


def not_run(*, scale: str, cost: str, why: str, table: Registry[Claim] = CLAIMS, **words: Unpack[Words]) -> Claim:
    """Registers a claim that has no judge: it says the `scale` it needs, what that would `cost`, and `why`."""
    costs = {scale: cost} if scale in SCALES else {}
    return register(Claim(**words, scales=(scale,), cost=costs, why=why), table)


def register(entry: Claim, table: Registry[Claim] = CLAIMS) -> Claim:
    """Enters a claim; an id can be taken once."""
    if entry.id in table:
        raise LatebloomError(
            f"The claim id {entry.id!r} is taken by {table[entry.id].title!r}; {entry.title!r} needs its own."
        )
    return table.register(entry.id)(entry)


def all_claims() -> tuple[Claim, ...]:
    """Every claim of the studies imported so far, by id."""
    return tuple(CLAIMS[name] for name in CLAIMS)


def get(id: str) -> Claim:
    """The claim of that id; an unknown id is refused with the nearest ones."""
    return CLAIMS[id]


def of_study(study: str) -> tuple[Claim, ...]:
    """The claims of one study, by id; none if the study has not been imported."""
    return tuple(entry for entry in all_claims() if entry.study == study)
