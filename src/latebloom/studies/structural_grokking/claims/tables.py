"""What the judges of this study ask of a run: curves by member, arms by a varied field, times, the usual levels."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from latebloom.claims import Readable, Request
from latebloom.claims.statistics import Estimate, survival_median
from latebloom.errors import LatebloomError
from latebloom.instruments.events import first_reached, own_logs

FIXED = "2026-11-25"
MURTY = "Murty et al. 2023, arXiv:2305.18741"
LOGS = "per-seed logs released with arXiv:2305.18741, recomputed"
AHUJA = "Ahuja et al. 2024, arXiv:2404.16367"
QIN = "Qin et al. 2024, arXiv:2412.04619"
TRAINED = ("laptop", "paper")
SATURATED, SUCCESS = 0.99, 0.8  # accuracy in the domain; generalisation


@dataclass(frozen=True)
class Curves:
    """The measurements of a run; `members` has a row a member with its seed and varied fields."""

    steps: Float[np.ndarray, " step"]
    members: pd.DataFrame
    frame: pd.DataFrame

    def of(self, column: str) -> Float[np.ndarray, "member step"]:
        """One quantity; NaN where it was not measured."""
        wide = self.frame.pivot(index="member", columns="step", values=column)
        return np.asarray(wide.reindex(index=self.members.index, columns=self.steps).to_numpy(dtype=np.float64))

    def measured(self, column: str) -> tuple[Float[np.ndarray, " log"], Float[np.ndarray, "member log"]]:
        """One quantity at the steps at which anybody measured it."""
        values = self.of(column)
        some = np.isfinite(values).any(0)
        return self.steps[some], values[:, some]

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

    def field(self, name: str) -> np.ndarray:
        """A varied field, one value a member."""
        return self.members[name].to_numpy()

    def where(self, keep: Bool[np.ndarray, " member"]) -> "Curves":
        """Only some members, by seed."""
        members = self.members[keep].sort_values("seed")
        return Curves(self.steps, members, self.frame[self.frame["member"].isin(members.index)])

    def arms(self, field: str) -> dict[object, "Curves"]:
        """Members by the value of a varied field, values in order."""
        own = self.field(field)
        return {value: self.where(own == value) for value in sorted(set(own.tolist()), key=str_or_number)}


def str_or_number(value: object) -> tuple[float, str]:
    """Numbers by size, then words."""
    return (float(value), "") if isinstance(value, int | float) else (math.inf, str(value))


def curves(run: Readable) -> Curves:
    """The measurements of a run, by member and step."""
    frame = run.measurements()
    members = frame.drop_duplicates("member").set_index("member")
    return Curves(np.sort(frame["step"].unique()).astype(np.float64), members, frame)


def needs(*experiments: str) -> Callable[[str], tuple[Request, ...]]:
    """The runs of experiments of this study, with their default members."""
    return lambda scale: tuple(Request(f"structural_grokking.{name}", scale) for name in experiments)


def crossing(table: Curves, column: str, level: float) -> Float[np.ndarray, " member"]:
    """First logged step at which a quantity is at or above a level; inf if it never is."""
    steps, values = table.measured(column)
    return np.asarray(first_reached(steps, values, level))


def median_time(table: Curves, column: str, times: Float[np.ndarray, " member"]) -> Estimate:
    """Median of times over members, censored at each member's last log where the event did not happen."""
    watched = own_logs(table.steps, table.of(column)).last_step
    seen = np.isfinite(times)
    return survival_median(np.where(seen, times, watched), seen, unit="steps")


def warm_up(run: Readable) -> int:
    """Steps of warm-up of a run's recipe."""
    specification: Mapping[str, Mapping[str, int]] = run.specification(0)  # type: ignore[attr-defined]
    return max(int(specification["training"]["warmup"]), 1)


def same_seeds(first: Curves, second: Curves) -> tuple[Curves, Curves]:
    """Both arms for the seeds they share, in the same order; without one, `LatebloomError`."""
    shared = sorted(set(first.field("seed").tolist()) & set(second.field("seed").tolist()))
    if not shared:
        raise LatebloomError("The two arms share no seed, so they cannot be compared in pairs.")
    own, other = (table.where(np.isin(table.field("seed"), shared)) for table in (first, second))
    return own, other


def listed(values: Float[np.ndarray, " n"], digits: int = 2) -> str:
    """Numbers for reading, in the order of members."""
    return ", ".join(f"{value:.{digits}f}" for value in values)
