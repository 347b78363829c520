"""Showing that there is no difference worth speaking of: two one-sided tests."""

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from latebloom.claims.statistics.estimate import Estimate
from latebloom.claims.statistics.resampling import CONFIDENCE, numbers, same_length
from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class Equivalence:
    """The mean difference first - second, and whether it lies within ±margin.

    `p_value` is the larger of the two one-sided ones. `equivalent` asks for 2.5 % on each side, stricter than the usual
    5 %, so that it says the same as "the 95 % interval lies within the margin", the rule of every other claim.
    """

    estimate: Estimate
    margin: float
    p_value: float
    equivalent: bool


def equivalence(
    first: ArrayLike, second: ArrayLike, margin: float, *, paired: bool = False, unit: str = ""
) -> Equivalence:
    """Two one-sided t-tests (Schuirmann 1987) that the mean difference is smaller than `margin` either way.

    Args:
        first: values of one arm [n].
        second: values of the other arm [m]; m = n where paired.
        margin: the largest difference that would not matter, chosen beforehand, in the unit of the values.
        paired: the arms share seeds (Student on the differences); otherwise Welch's test.
        unit: unit of the values.
    """
    a, b = numbers(first, "first arm"), numbers(second, "second arm")
    if margin <= 0:
        raise LatebloomError(f"An equivalence margin should be positive; got {margin:g}.")
    if paired:
        same_length("paired equivalence test", first=a, second=b)
    if min(len(a), len(b)) < 2:
        raise LatebloomError(f"An equivalence test needs two or more values an arm; got {len(a)} and {len(b)}.")
    middle, error, degrees = _paired(a, b) if paired else _welch(a, b)
    if error == 0:
        p_value, half = float(abs(middle) >= margin), 0.0
    else:
        law = scipy.stats.t(degrees)
        p_value = float(max(law.sf((middle + margin) / error), law.cdf((middle - margin) / error)))
        half = error * float(law.ppf((1 + CONFIDENCE) / 2))
    estimate = Estimate(middle, middle - half, middle + half, min(len(a), len(b)), unit)  # n: of the smaller arm
    return Equivalence(estimate, margin, p_value, p_value < (1 - CONFIDENCE) / 2)


def _paired(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Mean difference, its standard error and degrees of freedom."""
    difference = a - b
    return float(difference.mean()), float(difference.std(ddof=1)) / math.sqrt(len(a)), len(a) - 1


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """The same for independent arms of unequal variance, with Satterthwaite's degrees of freedom."""
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    total = float(parts.sum())
    degrees = total**2 / float((parts**2 / (len(a) - 1, len(b) - 1)).sum()) if total > 0 else 1.0
    return float(a.mean() - b.mean()), math.sqrt(total), degrees
