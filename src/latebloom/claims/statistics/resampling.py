"""What the other files of this package share: checked input and one bootstrap."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from latebloom.errors import LatebloomError
from latebloom.randomness import stream

RESAMPLES = 9_999
CONFIDENCE = 0.95
CELLS_AT_ONCE = 1_000_000  # indices drawn at once: 8 MB
Statistic = Callable[[Int[np.ndarray, "resample n"]], Float[np.ndarray, " resample"]]


def numbers(values: ArrayLike, what: str) -> Float[np.ndarray, " n"]:
    """The values as one row of finite floats.

    Raises `LatebloomError` for no values, several axes, or a value that is not finite: a member that diverged or never
    reached an event must be dropped or censored in plain sight, not averaged away.
    """
    return _finite(values, what, 1, "one row of at least one value")


def table(values: ArrayLike, what: str) -> Float[np.ndarray, "member item"]:
    """The values as a table of finite floats, by the same rules."""
    return _finite(values, what, 2, "a table [member, item]")


def _finite(values: ArrayLike, what: str, axes: int, shape: str) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != axes or array.size == 0:
        raise LatebloomError(f"The {what} should be {shape}; its shape is {array.shape}.")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise LatebloomError(
            f"{bad} of {array.size} values of the {what} are not finite. Leave diverged members out by name; "
            "for times of an event that did not happen use survival_median."
        )
    return array


def same_length(what: str, **rows: np.ndarray) -> None:
    """Refuses rows that do not pair up."""
    lengths = {name: len(row) for name, row in rows.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise LatebloomError(f"A {what} needs rows of the same length; {told} values.")


def bootstrap(n: int, statistic: Statistic, seed: int, purpose: str) -> tuple[float, float]:
    """Percentile interval of a statistic over n independent units drawn with replacement (Efron 1979).

    Percentile, not BCa: the jackknife inside BCa is not valid for a median, and with five to ten seeds the percentile
    interval of a median is made of order statistics, which is what one would do by hand.

    Args:
        n: number of units. One unit has no interval: both ends are infinite.
        statistic: indices of the units drawn [resample, n] -> values [resample]; NaN where a draw has no answer.
        seed: seed of the resampling.
        purpose: name of the statistic, so that two statistics do not share draws.

    Returns:
        Both ends, as values that were drawn (no interpolation: the upper ones may be infinite).
    """
    if n == 1:
        return -np.inf, np.inf
    # Not scipy.stats.bootstrap: it takes the spread of the draws and interpolates, and a median time may be infinite.
    generator = stream(seed, "bootstrap", purpose)
    block = max(1, CELLS_AT_ONCE // n)
    sizes = [min(block, RESAMPLES - start) for start in range(0, RESAMPLES, block)]
    drawn = np.concatenate([statistic(generator.integers(n, size=(size, n))) for size in sizes])
    drawn = np.sort(drawn[~np.isnan(drawn)])
    if drawn.size == 0:
        return -np.inf, np.inf
    tail = int((1 - CONFIDENCE) / 2 * drawn.size)
    return float(drawn[tail]), float(drawn[drawn.size - 1 - tail])
