"""How one quantity goes with another: slopes, rank correlations, explained variance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from latebloom.claims.statistics.estimate import Estimate
from latebloom.claims.statistics.resampling import RESAMPLES, bootstrap, numbers, same_length
from latebloom.errors import LatebloomError
from latebloom.randomness import stream


def slope(x: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None, log: bool = True, seed: int = 0) -> Estimate:
    """Least-squares slope of y on x; on log-log axes (the default) the exponent of a power law.

    Args:
        x: [n] positive where `log`.
        y: [n] positive where `log`.
        groups: [n] what is independent, usually the training seed: whole groups are resampled, because the points of
            one seed move together. Without it every point is its own group.
        log: fit log y on log x.
        seed: seed of the resampling.
    """
    across, up = numbers(x, "x"), numbers(y, "y")
    same_length("slope", x=across, y=up)
    if log and min(across.min(), up.min()) <= 0:
        raise LatebloomError(
            f"A log-log slope needs positive x and y; the smallest is {min(across.min(), up.min()):g}."
        )
    if np.ptp(across) == 0:
        raise LatebloomError(f"A slope needs at least two different x; all {len(across)} are {across[0]:g}.")
    if log:
        across, up = np.log(across), np.log(up)
    across, up = across - across.mean(), up - up.mean()  # sums of squares lose no digits
    labels = np.arange(len(across)) if groups is None else np.asarray(groups)
    same_length("slope", x=across, groups=labels)
    _, place = np.unique(labels, return_inverse=True)
    parts = np.stack([np.ones_like(across), across, up, across**2, across * up], axis=-1)
    sums = np.zeros((int(place.max()) + 1, 5))
    np.add.at(sums, place, parts)
    value = float(_slopes(sums.sum(axis=0)[None])[0])
    low, high = bootstrap(len(sums), lambda drawn: _slopes(sums[drawn].sum(axis=-2)), seed, "slope")
    return Estimate(value, low, high, len(sums))


def _slopes(sums: Float[np.ndarray, "resample 5"]) -> Float[np.ndarray, " resample"]:
    """Slopes from the sums of 1, x, y, x², xy; NaN where a resample holds a single x."""
    n, x, y, xx, xy = np.moveaxis(sums, -1, 0)
    spread = n * xx - x**2
    flat = spread <= 1e-12 * n * np.maximum(xx, 1e-300)
    return np.where(flat, np.nan, (n * xy - x * y) / np.where(flat, 1.0, spread))


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation with its bootstrap interval and the p-value of a permutation test (two-sided)."""

    estimate: Estimate
    p_value: float


def rank_correlation(x: ArrayLike, y: ArrayLike, *, seed: int = 0) -> RankCorrelation:
    """Spearman's rank correlation of pairs [n]; ties share their mean rank.

    The permutation test is exact up to seven pairs and uses 9,999 shuffles beyond. A row whose values are all the same
    has no ranks to correlate and is refused.
    """
    across, up = numbers(x, "x"), numbers(y, "y")
    same_length("rank correlation", x=across, y=up)
    if len(across) < 3 or np.ptp(across) == 0 or np.ptp(up) == 0:
        raise LatebloomError(
            f"A rank correlation needs three or more pairs and values that differ; got {len(across)} pairs, "
            f"x from {across.min():g} to {across.max():g}, y from {up.min():g} to {up.max():g}."
        )
    value = float(_spearman(across, up))
    low, high = bootstrap(len(across), lambda drawn: _spearman(across[drawn], up[drawn]), seed, "rank correlation")
    test = scipy.stats.permutation_test(
        (across,),
        lambda shuffled, axis: _spearman(shuffled, up),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=stream(seed, "permutation", "rank correlation"),
    )
    return RankCorrelation(Estimate(value, low, high, len(across)), float(test.pvalue))


def _spearman(
    x: Float[np.ndarray, "*resample n"], y: Float[np.ndarray, "*resample n"]
) -> Float[np.ndarray, "*resample"]:
    """Pearson's correlation of ranks along the last axis; NaN where all ranks of a resample are tied."""
    a, b = (scipy.stats.rankdata(row, axis=-1) for row in (x, y))
    a, b = (row - row.mean(axis=-1, keepdims=True) for row in (a, b))
    size = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    return np.where(size > 0, (a * b).sum(axis=-1) / np.where(size > 0, size, 1.0), np.nan)


@dataclass(frozen=True)
class Gain:
    """What one predictor adds to those named before it.

    Attributes:
        name: the predictor.
        r_squared: share of variance explained by it and all before it, with interval.
        gain: what it adds to that share, with interval. A gain cannot be negative, so its interval never shows "none":
            read it with `p_value`.
        p_value: F-test of the larger against the smaller model.
    """

    name: str
    r_squared: Estimate
    gain: Estimate
    p_value: float


def explained(y: ArrayLike, predictors: Mapping[str, ArrayLike], *, seed: int = 0) -> tuple[Gain, ...]:
    """Nested least-squares models of y [n], one predictor [n] added at a time in the order given.

    The last row's `r_squared` is that of the full model. Intervals resample the n rows (one an independent run).

    Raises:
        LatebloomError: constant y or predictor, rows of different lengths, or no more rows than coefficients.
    """
    target = numbers(y, "y")
    rows = {name: numbers(row, f"predictor {name!r}") for name, row in predictors.items()}
    same_length("regression", y=target, **rows)
    if not rows or len(target) < len(rows) + 2:
        raise LatebloomError(
            f"A regression needs a predictor and more rows than coefficients; got {len(target)} rows for "
            f"{len(rows)} predictors and an intercept."
        )
    for name, row in {"y": target, **rows}.items():
        if np.ptp(row) == 0:
            raise LatebloomError(f"A regression cannot use {name!r}: all its values are {row[0]:g}.")
    matrix = np.stack([(row - row.mean()) / row.std() for row in rows.values()], axis=-1)
    return tuple(_gain(name, matrix[:, : i + 1], target, seed) for i, name in enumerate(rows))


def _gain(name: str, matrix: Float[np.ndarray, "n k"], y: Float[np.ndarray, " n"], seed: int) -> Gain:
    """Compares the model of all k predictors with the model without the last one."""
    n, k = matrix.shape

    def shares(drawn: Int[np.ndarray, "resample n"]) -> tuple[np.ndarray, np.ndarray]:
        full = _r_squared(matrix[drawn], y[drawn])
        return full, full - (_r_squared(matrix[drawn][..., :-1], y[drawn]) if k > 1 else 0.0)

    everything = np.arange(n)[None]
    value, added = (float(part[0]) for part in shares(everything))
    freedom = n - k - 1
    left = max(1 - value, 0.0)
    if left > 0:
        p_value = float(scipy.stats.f.sf(added * freedom / left, 1, freedom))
    else:  # nothing is left to explain: either this predictor took it all, or the ones before it had
        p_value = float(added == 0)
    total = bootstrap(n, lambda drawn: shares(drawn)[0], seed, f"r squared {name}")
    gain = bootstrap(n, lambda drawn: shares(drawn)[1], seed, f"r squared {name}")
    return Gain(name, Estimate(value, *total, n), Estimate(added, *gain, n), p_value)


def _r_squared(
    matrix: Float[np.ndarray, "resample n k"], y: Float[np.ndarray, "resample n"]
) -> Float[np.ndarray, " resample"]:
    """Share of the variance of y explained by the columns and an intercept; NaN where y is constant."""
    x = matrix - matrix.mean(axis=-2, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    products = np.swapaxes(x, -1, -2) @ x
    with_y = (x * y[..., None]).sum(axis=-2)
    # The pseudo-inverse serves resamples in which two predictors happen to be collinear.
    coefficients = (np.linalg.pinv(products, rcond=1e-12, hermitian=True) @ with_y[..., None])[..., 0]
    total = (y**2).sum(axis=-1)
    told = (coefficients * with_y).sum(axis=-1)
    return np.where(total > 0, np.clip(told / np.where(total > 0, total, 1.0), 0.0, 1.0), np.nan)
