"""Members that all answer the same items: intervals that cover the draw of both.

An error averaged over 2,000 drawn prompts is itself an estimate. Where a hundredth of the prompts hold half of the
error, other prompts move all members together, by more than members differ; an interval over members alone does not
see that. Here members and items are drawn with replacement independently of each other, each member with all items
(the pigeonhole bootstrap, Owen 2007, arXiv 0712.1111).
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from latebloom.claims.statistics.estimate import Estimate
from latebloom.claims.statistics.resampling import CONFIDENCE, table
from latebloom.errors import LatebloomError
from latebloom.randomness import stream

RESAMPLES = 1_999  # each draws thousands of items
BLOCK = 100  # resamples of items made at once

Means = Float[np.ndarray, "resample member"]


def crossed_median(values: ArrayLike, *, seed: int = 0, unit: str = "") -> Estimate:
    """Median over members of means over items, of values [member, item].

    >>> print(crossed_median([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [4.0, 4.0, 4.0]]))
    2 [1, 4]
    """
    return _crossed(lambda means: means, (table(values, "values"),), seed, unit)


def crossed_ratio(first: ArrayLike, *others: ArrayLike, floor: float = 0.0, seed: int = 0) -> Estimate:
    """Median over members of mean of `first` over the largest mean of `others`, on the log scale.

    Tables are [member, item]; one of `others` may have one row for all members, such as a reference that is not
    trained. Tables with equally many items are taken to share them, or to hold items drawn apart: for both the same
    draw is right. Means are raised to `floor` before they are divided. Raises `LatebloomError` for means that are not
    positive.
    """
    tables = [table(first, "first arm"), *(table(other, "second arm") for other in others)]
    if len(tables) < 2:
        raise LatebloomError("A ratio needs something to divide by: at least two tables.")
    members, items = tables[0].shape
    for below in tables[1:]:
        if below.shape[1] != items or below.shape[0] not in (1, members):
            raise LatebloomError(
                f"A crossed ratio of {members} members and {items} items cannot be taken over a table of shape "
                f"{below.shape}: it must have as many items, and one row or as many as there are members."
            )

    def log_ratio(*means: Means) -> Means:
        own, *below = (np.maximum(part, floor) for part in means)
        largest = np.maximum.reduce(np.broadcast_arrays(own, *below)[1:])
        smallest = min(own.min(), largest.min())
        if smallest <= 0:
            raise LatebloomError(f"A ratio needs positive means; the smallest here is {smallest:g}.")
        return np.asarray(np.log(own) - np.log(largest))

    log = _crossed(log_ratio, tuple(tables), seed, "x")
    low, high = (math.exp(end) if math.isfinite(end) else end for end in (log.low, log.high))
    return Estimate(math.exp(log.value), low, high, log.n, "x")


def _crossed(
    statistic: Callable[..., Means], tables: tuple[Float[np.ndarray, "member item"], ...], seed: int, unit: str
) -> Estimate:
    """Median over members of a statistic of their means, and its percentile interval over both draws."""
    members, items = tables[0].shape
    value = float(np.median(statistic(*(own.mean(1)[None] for own in tables))))
    if members == 1:  # as everywhere: one unit has no interval
        return Estimate(value, -math.inf, math.inf, 1, unit)
    shares = _shares(items, seed)
    each = statistic(*((shares @ own.T.astype(np.float32)).astype(np.float64) for own in tables))
    drawn = stream(seed, "crossed", "members").integers(members, size=(RESAMPLES, members))
    found = np.sort(np.median(np.take_along_axis(each, drawn, 1), 1))
    tail = int((1 - CONFIDENCE) / 2 * RESAMPLES)
    # The middle one lies inside by any sensible draw; a skewed resampling of few items must not push it out.
    return Estimate(value, min(float(found[tail]), value), max(float(found[-1 - tail]), value), members, unit)


@lru_cache(maxsize=1)
def _shares(items: int, seed: int) -> Float[np.ndarray, "resample item"]:
    """How much each item counts in each resample: 64 MB at 8,000 items, kept from one number of a claim to the next.

    Float32 is enough for where an interval ends; the value itself is not computed from it.
    """
    generator = stream(seed, "crossed", "items", items)
    even = np.full(items, 1 / items)
    sizes = [min(BLOCK, RESAMPLES - start) for start in range(0, RESAMPLES, BLOCK)]
    return np.concatenate([generator.multinomial(items, even, size=size).astype(np.float32) for size in sizes]) / items
