"""How restless a curve is: total variation, falling back after success, the dip before it.

Curves are accuracies [member, step] with one shared list of logged steps; a NaN is no log (see `events`). Total
variation is the instability measure of Qin, Saphra & Alvarez-Melis 2024, arXiv 2412.04619: the mean absolute change
between neighbouring evaluations. It depends on how far apart these are, so give the spacing with the number.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from latebloom.instruments.events import first_reached, own_logs

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True)
class Dip:
    """The lowest log of a curve over some stretch; NaN where the stretch has no log."""

    step: Float[np.ndarray, "member"]
    value: Float[np.ndarray, "member"]


def total_variation(
    steps: Float[np.ndarray, "step"],
    values: Float[np.ndarray, "member step"],
    since: float = -np.inf,
    until: float = np.inf,
) -> Float[np.ndarray, "member"]:
    """Mean of |value - value before| over pairs of neighbouring logs that both lie in since..until; NaN without a pair.

    The source divides the sum by the number |T| of logs or of pairs (it does not say which); here it is of pairs.
    """
    logs = own_logs(steps, values)
    inside = (logs.steps >= since) & (logs.steps <= until)
    pairs = inside[:, 1:] & inside[:, :-1]
    return _mean_where(np.abs(np.diff(logs.values, axis=1)), pairs)


def swings(steps: Float[np.ndarray, "step"], values: Float[np.ndarray, "member step"]) -> Float[np.ndarray, "member"]:
    """Total variation beyond that of a curve that goes straight to its lowest log and from there to its last.

    0 for a curve that stands still, rises once, falls once, or falls and then rises; NaN without a pair of logs.
    """
    logs = own_logs(steps, values)
    there = np.isfinite(logs.values)
    lowest = np.where(there, logs.values, np.inf).min(1)
    straight = logs.values[:, 0] + logs.last_value - 2 * lowest
    pairs = np.maximum(there.sum(1) - 1, 1)
    return total_variation(steps, values) - straight / pairs


def share_kept(
    steps: Float[np.ndarray, "step"], values: Float[np.ndarray, "member step"], level: float
) -> Float[np.ndarray, "member"]:
    """Of the logs after the first one >= level, the share that is >= level too; NaN if none is, or none follows."""
    logs = own_logs(steps, values)
    return _mean_where(logs.values >= level, logs.steps > first_reached(steps, values, level)[:, None])


def fell_back(
    steps: Float[np.ndarray, "step"], values: Float[np.ndarray, "member step"], level: float, below: float
) -> Bool[np.ndarray, "member"]:
    """Whether a log after the first one >= level is < below; False for a member that never reached the level."""
    logs = own_logs(steps, values)
    return np.asarray(((logs.values < below) & (logs.steps > first_reached(steps, values, level)[:, None])).any(1))


def dip(
    steps: Float[np.ndarray, "step"],
    values: Float[np.ndarray, "member step"],
    reference: Float[np.ndarray, "member step"],
    reference_level: float,
    until: float | Float[np.ndarray, "member"] = np.inf,
) -> Dip:
    """The lowest log while the reference curve is >= its level, at step `until` or before; the first of equal ones.

    With generalisation as `values` and in-domain accuracy as `reference` this is the low of the linear rule: pass the
    step of first success as `until` to leave out later collapses.
    """
    own_logs(steps, values)  # for its errors
    steps, values, reference = (np.asarray(array, dtype=np.float64) for array in (steps, values, reference))
    counted = np.isfinite(values) & (reference >= reference_level) & (steps <= np.asarray(until).reshape(-1, 1))
    at = np.where(counted, values, np.inf).argmin(1)
    there = counted.any(1)
    return Dip(np.where(there, steps[at], np.nan), np.where(there, values[np.arange(len(values)), at], np.nan))


def _mean_where(values: np.ndarray, counted: Bool[np.ndarray, "member step"]) -> Float[np.ndarray, "member"]:
    number = counted.sum(1)
    total = np.where(counted, values, 0.0).sum(1)
    return np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
