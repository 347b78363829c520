"""What the judges of this group ask of curves: where a size crosses a level, and seeds in pairs."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from latebloom.studies.curves import Curves

FIXED = "2026-11-22"


def crossing(sizes: Float[np.ndarray, " size"], values: Float[np.ndarray, " size"], level: float) -> float:
    """The size at which values that rise with size pass a level for good, interpolated in log size.

    -inf if all values are at or above the level, inf if the largest size is below it.
    """
    order = np.argsort(sizes)
    x, y = np.log(np.asarray(sizes, dtype=np.float64)[order]), np.asarray(values, dtype=np.float64)[order]
    below = np.flatnonzero(y < level)
    if below.size == 0:
        return -math.inf
    last = int(below[-1])
    if last == len(y) - 1:
        return math.inf
    part = (level - y[last]) / (y[last + 1] - y[last])
    return float(np.exp(x[last] + part * (x[last + 1] - x[last])))


def crossings(table: Curves, size: str, values: Float[np.ndarray, " member"], level: float) -> dict[int, float]:
    """Seed -> the size at which its values pass a level (see `crossing`)."""
    sizes, seeds = table.field(size).astype(np.float64), table.field("seed")
    return {int(seed): crossing(sizes[seeds == seed], values[seeds == seed], level) for seed in np.unique(seeds)}


def paired(first: dict[int, float], second: dict[int, float]) -> tuple[list[float], list[float], int]:
    """Values of two arms for the seeds in which both are finite, and how many seeds were left out."""
    both = sorted(first.keys() & second.keys())
    kept = [seed for seed in both if math.isfinite(first[seed]) and math.isfinite(second[seed])]
    return [first[seed] for seed in kept], [second[seed] for seed in kept], len(both) - len(kept)


def listed(values: Sequence[float], digits: int = 3) -> str:
    """Numbers for reading, in order."""
    return ", ".join(f"{value:.{digits}g}" for value in values)
