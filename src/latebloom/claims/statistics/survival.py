"""Times to an event that did not happen for everybody: censored, not dropped and not invented."""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from latebloom.claims.statistics.estimate import Estimate
from latebloom.claims.statistics.resampling import bootstrap, numbers, same_length
from latebloom.errors import LatebloomError


def survival_median(times: ArrayLike, observed: ArrayLike, *, seed: int = 0, unit: str = "") -> Estimate:
    """Median time to an event by Kaplan and Meier (1958), with Efron's (1981) bootstrap interval.

    The median is the first time at which the survival curve is at one half or below. It, or an end of its interval, is
    infinite, and printed as ">limit", where the curve stays above one half; `limit` is the latest time of an event, or
    up to which it is known of at least half of the members whether it happened: a few that were watched longer do not
    speak for all.
    Pairs (time, observed) are resampled, so without censoring the interval is that of `median`; the interval that
    Greenwood's formula gives has no upper end for five seeds even when all five reached the event.

    Args:
        times: [n] time of the event, or the last time the member was watched.
        observed: [n] whether the event happened; false means censored at `times`.
        seed: seed of the resampling.
        unit: unit of time, usually "steps".

    >>> print(survival_median([100, 200, 300, 400, 400], [True, True, True, False, False], unit="steps"))
    300 [100, >400] steps
    >>> print(survival_median([100, 200, 200, 200, 9_000], [False] * 5, unit="steps"))
    >200 [>200, >200] steps
    """
    time, event = _pairs(times, observed, "survival median")
    order = np.lexsort((~event, time))  # events before censorings at the same time: the censored were still at risk
    time, event = time[order], event[order]
    value = float(_medians(time, event, np.arange(len(time))[None])[0])
    low, high = bootstrap(len(time), lambda drawn: _medians(time, event, drawn), seed, "survival median")
    return Estimate(value, low, high, len(time), unit, limit=_followed(time, event))


def _medians(
    time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], drawn: Int[np.ndarray, "resample n"]
) -> Float[np.ndarray, " resample"]:
    """Kaplan-Meier medians of many resamples at once (scipy.stats.ecdf takes one sample at a time).

    `time` and `event` are sorted, so sorted indices are sorted times. Tied events may be taken one after the other:
    (1 - 1/r)(1 - 1/(r - 1)) = 1 - 2/r.
    """
    drawn = np.sort(drawn, axis=-1)
    at_risk = np.arange(drawn.shape[-1], 0, -1)
    curve = np.cumprod(np.where(event[drawn], 1 - 1 / at_risk, 1.0), axis=-1)
    reached = curve <= 0.5 + 1e-12  # 1 - 5/10 as a product of fractions is 0.5 only up to rounding
    first = np.take_along_axis(time[drawn], reached.argmax(axis=-1)[:, None], axis=-1)[:, 0]
    return np.where(reached.any(axis=-1), first, np.inf)


def _followed(time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"]) -> float:
    """The latest time of an event, or up to which it is known of at least half of the members whether it happened."""
    known = event.sum() + (~event & (time >= time[:, None])).sum(-1)
    return float(time[event | (2 * known >= len(time))].max())


def _pairs(times: ArrayLike, observed: ArrayLike, what: str) -> tuple[np.ndarray, np.ndarray]:
    time, event = numbers(times, "times"), np.asarray(observed)
    if event.dtype != np.bool_:
        raise LatebloomError(f"`observed` should be true or false for each time; its type is {event.dtype}.")
    same_length(what, times=time, observed=event)
    return time, event
