"""Measurements as judges ask for them: curves by member, a few members of all, times of events."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from latebloom.claims import NothingToJudge, Readable
from latebloom.claims.statistics import Estimate, survival_median
from latebloom.errors import LatebloomError, did_you_mean, unknown_name
from latebloom.instruments.events import first_stayed, own_logs


@dataclass(frozen=True)
class Curves:
    """The measurements of a run as arrays: `members` has one row a member with its seed and varied fields."""

    steps: Float[np.ndarray, " step"]
    members: pd.DataFrame
    frame: pd.DataFrame

    def of(self, column: str) -> Float[np.ndarray, "member step"]:
        """One quantity; NaN where it was not measured. Raises `LatebloomError` for one that no member measured."""
        if column not in self.frame:
            raise unknown_name("column", column, self.frame.columns)
        wide = self.frame.pivot(index="member", columns="step", values=column)
        return np.asarray(wide.reindex(index=self.members.index, columns=self.steps).to_numpy(dtype=np.float64))

    def measured(self, column: str) -> tuple[Float[np.ndarray, " log"], Float[np.ndarray, "member log"]]:
        """One quantity at the steps at which anybody measured it."""
        values = self.of(column)
        some = np.isfinite(values).any(0)
        return self.steps[some], values[:, some]

    def field(self, name: str) -> np.ndarray:
        """A varied field, one value a member. Raises `LatebloomError` for one in which the members do not differ."""
        if name not in self.members:
            raise LatebloomError(
                f"No field {name!r} varies between these members.{did_you_mean(name, map(str, self.members))} Give it "
                "several values where the run is asked for, e.g. lr=1e-3,1e-2."
            )
        return self.members[name].to_numpy()

    def first(self, column: str) -> Float[np.ndarray, " member"]:
        """A quantity at each member's first measurement of it."""
        return np.asarray(own_logs(self.steps, self.of(column)).values[:, 0])

    def last(self, column: str) -> Float[np.ndarray, " member"]:
        """A quantity at each member's last measurement of it."""
        return np.asarray(own_logs(self.steps, self.of(column)).last_value)

    def late(self, column: str, logs: int = 4) -> Float[np.ndarray, " member"]:
        """The mean of a noisy quantity over each member's last few measurements."""
        values = own_logs(self.steps, self.of(column)).values
        return np.array([row[np.isfinite(row)][-logs:].mean() for row in values])

    def highest(self, column: str) -> Float[np.ndarray, " member"]:
        """The largest measured value of each member."""
        return np.asarray(np.nanmax(self.of(column), axis=1))

    def lowest(self, column: str) -> Float[np.ndarray, " member"]:
        """The smallest measured value of each member."""
        return np.asarray(np.nanmin(self.of(column), axis=1))

    def at(self, column: str, step: float) -> Float[np.ndarray, " member"]:
        """A quantity at each member's last measurement up to a step: its last of all where it has ended before."""
        upto = self.steps <= step
        return np.asarray(own_logs(self.steps[upto], self.of(column)[:, upto]).last_value)

    def at_times(self, column: str, times: Float[np.ndarray, " member"]) -> Float[np.ndarray, " member"]:
        """A quantity at each member's own step; NaN where that is not finite, because what it waits for never came.

        Raises `ValueError` for a step that was not logged.
        """
        came = np.isfinite(times)
        if not np.isin(times[came], self.steps).all():
            raise ValueError(f"{column} was not logged at all of the steps {times[came].tolist()}.")
        own = np.searchsorted(self.steps, np.where(came, times, self.steps[0]))
        return np.where(came, self.of(column)[np.arange(len(times)), own], np.nan)

    def reached(self, column: str, level: float, window: int = 3) -> Float[np.ndarray, " member"]:
        """First step from which a quantity is at or above a level for a window of logs; inf if it never is."""
        return np.asarray(first_stayed(self.steps, self.of(column), level, window))

    def where(self, keep: Bool[np.ndarray, " member"]) -> "Curves":
        """Only some members."""
        members = self.members[keep]
        return Curves(self.steps, members, self.frame[self.frame["member"].isin(members.index)])

    def by_seed(self) -> "Curves":
        """The members in the order of their seeds."""
        return Curves(self.steps, self.members.sort_values("seed"), self.frame)

    def arms(self, field: str) -> dict[Any, "Curves"]:
        """Members by the value of a varied field, numbers by size before words, each arm by seed."""
        own = self.field(field)
        order = sorted(set(own.tolist()), key=lambda v: (v, "") if isinstance(v, int | float) else (math.inf, str(v)))
        return {value: self.where(own == value).by_seed() for value in order}


def kept(run: Readable) -> pd.DataFrame:
    """All measurements of the members that did not diverge; where nobody is left, `NothingToJudge`."""
    frame, members = run.measurements(), run.members()
    left = frame[~frame["member"].isin(members["member"][members["diverged"].astype(bool)])]
    if not len(left):
        raise NothingToJudge(f"No member of run {run.hash} reached its end.")
    return left


def curves(run: Readable) -> Curves:
    """The measurements of a run, by member and step."""
    return stacked([({}, run)])


def stacked(runs: Sequence[tuple[Mapping[str, float], Readable]]) -> Curves:
    """Several runs as one table; each brings the fields that do not vary within it."""
    frames, first = [], 0
    for fields, run in runs:
        frame = run.measurements()
        frames.append(frame.assign(member=frame["member"] + first, **fields))
        first += int(frame["member"].max()) + 1
    frame = pd.concat(frames, ignore_index=True)
    return Curves(np.sort(frame["step"].unique()), frame.drop_duplicates("member").set_index("member"), frame)


def shared_seeds(*arms: Iterable[int]) -> list[int]:
    """The seeds that all arms have, in order; without one, `NothingToJudge`.

    >>> shared_seeds([0, 1, 2], [3, 2, 1])
    [1, 2]
    """
    shared = sorted(set.intersection(*({int(seed) for seed in seeds} for seeds in arms)))
    if not shared:
        raise NothingToJudge("The arms share no seed, so they cannot be compared in pairs.")
    return shared


class Seeded(Protocol):
    """What was trained with a seed."""

    @property
    def seed(self) -> int:
        """Its training seed."""


Trained = TypeVar("Trained", bound=Seeded)


def paired_networks(*groups: Iterable[Trained]) -> list[list[Trained]]:
    """The groups, equal seeds in equal places; seeds that a group lacks (a member diverged) are left out.

    Raises `NothingToJudge` where no seed is left.
    """
    tables = [{network.seed: network for network in group} for group in groups]
    shared = shared_seeds(*tables)
    return [[table[seed] for seed in shared] for table in tables]


def same_seeds(first: Curves, second: Curves) -> tuple[Curves, Curves]:
    """Both arms for the seeds they share, in the same order; see `shared_seeds`."""
    shared = shared_seeds(first.field("seed"), second.field("seed"))
    own, other = (table.where(np.isin(table.field("seed"), shared)).by_seed() for table in (first, second))
    return own, other


def median_time(table: Curves, times: Float[np.ndarray, " member"], watched: str = "test_accuracy") -> Estimate:
    """Median time of an event over members, censored at each member's last log of `watched` where it did not happen."""
    ends = own_logs(table.steps, table.of(watched)).last_step
    seen = np.isfinite(times)
    return survival_median(np.where(seen, times, ends), seen, unit="steps")


def running_median(values: Float[np.ndarray, "member step"], size: int) -> Float[np.ndarray, "member step"]:
    """Median of `size` (odd) logs around each one, so that a single spike is no phase; the ends are repeated.

    >>> running_median(np.array([[1.0, 9.0, 2.0, 3.0]]), 3)
    array([[1., 2., 3., 3.]])
    """
    padded = np.pad(values, ((0, 0), (size // 2, size // 2)), mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, size, axis=1), axis=-1))
