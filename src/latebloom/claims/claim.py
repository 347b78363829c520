"""A claim: what a source says, how it is checked here, and the rule that was fixed before looking."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from latebloom.claims.verdict import Finding
from latebloom.errors import LatebloomError, unknown_name
from latebloom.training.experiment import SCALES

if TYPE_CHECKING:
    import pandas

TITLE_LENGTH = 60
TAGS = {
    "P": "read in the source itself",
    "D": "computed from published files or formulas",
    "C": "read in the paper's own code",
    "N": "quoted in a reading note",
    "R": "known from the paper, not read again",
    "E": "an estimate made here",
}


@dataclass(frozen=True)
class Request:
    """A run that a claim needs, in the words one would type; who calls the judge finds or trains it.

    >>> Request("grokking.modular_addition", "quick", ("seed=0:9", "training.weight_decay=0.03,0.1")).command
    'latebloom run grokking.modular_addition --scale quick seed=0:9 training.weight_decay=0.03,0.1'
    """

    experiment: str
    scale: str
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        words: object = self.overrides
        if isinstance(words, str):
            told = f"A request's settings are a tuple of words; got the text {words!r}."
            raise LatebloomError(f"{told} Write {tuple(words.split())!r}.")

    @property
    def command(self) -> str:
        """The command that makes this run."""
        return shlex.join(["latebloom", "run", self.experiment, "--scale", self.scale, *self.overrides])


class Readable(Protocol):
    """What a judge function may ask of a run."""

    @property
    def hash(self) -> str:
        """Content hash of the run."""

    @property
    def path(self) -> Path:
        """The run folder."""

    @property
    def seconds(self) -> float:
        """What the run cost, in seconds of wall-clock time."""

    def measurements(self) -> "pandas.DataFrame":
        """One row a member and step: `member`, `step`, a column a quantity, a column a varied field such as `seed`."""

    def members(self) -> "pandas.DataFrame":
        """One row a member with its fields."""


@dataclass(frozen=True)
class Evidence:
    """The runs a claim asked for, in the order in which it asked."""

    scale: str
    runs: tuple[Readable, ...] = ()

    @property
    def run(self) -> Readable:
        """The only run of a claim that asked for one."""
        if len(self.runs) != 1:
            raise LatebloomError(f"`evidence.run` is for claims that need one run; this one has {len(self.runs)}.")
        return self.runs[0]


@dataclass(frozen=True)
class Change:
    """A change of a claim's rule after the day it was fixed, with the reason."""

    date: str
    reason: str


Needs = Callable[[str], tuple[Request, ...]]
Judge = Callable[[Evidence], Finding]


def nothing(scale: str) -> tuple[Request, ...]:
    """The needs of a claim that is computed, not trained."""
    return ()


def asks_for(*experiments: str) -> Needs:
    """The needs of a claim that asks for experiments with their default members."""
    return lambda scale: tuple(Request(name, scale) for name in experiments)


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """A statement of a source, made testable.

    Attributes:
        id: "study.number", such as "grokking.01".
        title: at most 60 characters.
        statement: what the source says, in our words.
        source: paper, section, figure or file.
        published: the published value as text.
        measure: how it is measured here.
        rule: the pass rule in words.
        fixed: the day the rule was fixed, "2026-01-31".
        changes: what was changed about the rule since, and why.
        control: the negative control in words, or empty.
        tag: how far the published value can be trusted; one or more letters of `TAGS`.
        scales: the scales at which it can be judged; smoke is none, it exercises the plumbing only.
        cost: scale -> expected time as text.
        deterministic: no training seed enters, so no minimum of seeds applies.
        version: raised when the judge function's numbers change though rule and needs do not.
        needs: scale -> the runs it needs.
        judge: evidence -> finding; None for a claim that cannot be judged on the hardware at hand, with `why`.
        why: why there is no judge.
    """

    id: str
    title: str
    statement: str
    source: str
    published: str
    measure: str
    rule: str
    fixed: str
    tag: str
    scales: tuple[str, ...] = ("quick", "laptop")
    changes: tuple[Change, ...] = ()
    control: str = ""
    cost: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = False
    version: int = 1
    needs: Needs = nothing
    judge: Judge | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", self.id):
            raise LatebloomError(f'A claim\'s id should read like "grokking.01"; got {self.id!r}.')
        self._check_words()
        self._check_scales()

    @property
    def study(self) -> str:
        """The study it belongs to: the first word of the id."""
        return self.id.partition(".")[0]

    def judgeable(self, scale: str) -> bool:
        """Whether it has a judge that can be called at a scale."""
        return self.judge is not None and scale in ("smoke", *self.scales)

    def requests(self, scale: str) -> tuple[Request, ...]:
        """The runs it needs at a scale. Raises `LatebloomError` if `needs` gives something else."""
        asked: object = self.needs(scale)
        if not isinstance(asked, tuple) or not all(isinstance(need, Request) for need in asked):
            raise LatebloomError(
                f"Claim {self.id}: `needs` should return a tuple of requests, such as (Request(...),); for scale "
                f"{scale} it returned {asked!r}."
            )
        return asked

    def command(self, scale: str) -> str:
        """The command that repeats its verdict."""
        return f"latebloom reproduce {self.id} --scale {scale}"

    def _check_words(self) -> None:
        for name in ("title", "statement", "source", "published", "measure", "rule"):
            if not getattr(self, name).strip():
                raise LatebloomError(f"Claim {self.id} has an empty {name}; say it before the result is seen.")
        if len(self.title) > TITLE_LENGTH:
            raise LatebloomError(
                f"Claim {self.id}: a title has at most {TITLE_LENGTH} characters; this one has {len(self.title)}."
            )
        if not self.tag or set(self.tag) - set(TAGS):
            raise LatebloomError(f"Claim {self.id}: the tag is one or more of {', '.join(TAGS)}; got {self.tag!r}.")
        for when in (self.fixed, *(change.date for change in self.changes)):
            if not _is_day(when):
                raise LatebloomError(f'Claim {self.id}: a date should read like "2026-01-31"; got {when!r}.')
        if self.judge is None and not self.why.strip():
            raise LatebloomError(f"Claim {self.id} has no judge; `why` should say what it would take.")

    def _check_scales(self) -> None:
        names: object = self.scales
        if isinstance(names, str):
            raise LatebloomError(f"Claim {self.id}: `scales` is a tuple of names; got the text {names!r}.")
        for name in (*self.scales, *self.cost):
            if name not in SCALES:
                raise unknown_name(f"scale of claim {self.id}", name, SCALES)
        if not self.scales or "smoke" in self.scales:
            raise LatebloomError(
                f"Claim {self.id}: `scales` names where a verdict can be reached: one or more of "
                f"{', '.join(SCALES[1:])}; got {', '.join(self.scales) or 'none'}."
            )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
