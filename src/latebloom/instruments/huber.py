"""Huber's loss on the sine-sum task, apart by coin, and what a network that found only some of the lags would reach.

Task and numbers: Wu, Morris and Levine 2024, arXiv 2404.00859, section 4. All losses have delta 1.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes
GRID = 4000  # intervals between -1 and 1 on which one sine's distribution is laid


@dataclass(frozen=True, eq=False)
class HuberByCoin:
    """Mean Huber losses; a mean over places where a coin never shows a side is NaN."""

    normalised: Float[Tensor, "*lead"]  # over all places, divided by p: the published number
    sums: Float[Tensor, "*lead"]  # where the coin shows 1 and the sum is asked for
    copies: Float[Tensor, "*lead"]  # where it shows 0 and the number itself is
    sums_by_place: Float[Tensor, "*lead pos"]


def huber_by_coin(
    outputs: Float[Tensor, "*lead batch pos"],
    targets: Float[Tensor, "*lead batch pos"],
    coins: Float[Tensor, "*lead batch pos"],
    p: float | Float[Tensor, "*lead"],
) -> HuberByCoin:
    """The published normalised loss and its two parts: at small p errors on copies weigh heavily in the first.

    `p` is how often coins show 1; raises `LatebloomError` where it is not above 0.
    """
    share = torch.as_tensor(p, dtype=outputs.dtype, device=outputs.device)
    if bool((share <= 0).any()):
        raise LatebloomError(f"p = {share.min():g}: the loss is divided by p, so 0 < p <= 1.")
    loss = torch.nn.functional.huber_loss(outputs, targets, reduction="none")
    one = coins.to(loss)

    def mean(weight: Tensor, dims: tuple[int, ...]) -> Tensor:
        return (loss * weight).sum(dims) / weight.sum(dims)

    everywhere = (-2, -1)
    return HuberByCoin(
        loss.mean(everywhere) / share, mean(one, everywhere), mean(1 - one, everywhere), mean(one, (-2,))
    )


def lag_floors(b: float, window: int, places: int, recovered: int | None = None) -> Float[np.ndarray, "recovered"]:
    """Mean Huber loss on sums, over all places, of a network that knows the nearest r lags and nothing of the others.

    Entry r, from 0 to `recovered` (default: the window), is what is left when the sines of the r places before are
    known: a place n has min(n, window) terms, and the rest beyond r is guessed as 0, its mean. Entry 0 is the loss of
    always answering 0. The distribution of a sum of sines is found by convolution; exact to about 1e-4.
    """
    if not 1 <= window < places:
        raise LatebloomError(f"window = {window}: a past of at most {places - 1} places needs 1 <= window < places.")
    most = window if recovered is None else recovered
    if not 0 <= most <= window:
        raise LatebloomError(f"recovered = {most} lags of window = {window}: choose 0 to {window}.")
    by_terms = huber_of_sine_sums(b, window)
    unknown = np.minimum(np.arange(places), window)
    return np.array([by_terms[np.maximum(unknown - r, 0)].mean() for r in range(most + 1)])


def huber_of_sine_sums(b: float, most: int) -> Float[np.ndarray, "terms"]:
    """E huber(sum of m independent sin(b x), x standard normal), m from 0 to `most`."""
    if b <= 0:
        raise LatebloomError(f"b = {b:g}: sin(b x) needs a frequency above 0.")
    # Quantiles of x, fine enough that sin(b x) moves little between two of them.
    x = np.linspace(-9, 9, 400_001)
    mass = np.exp(-(x**2) / 2)
    place = (np.sin(b * x) + 1) * GRID / 2
    low = np.minimum(place.astype(np.int64), GRID - 1)
    # Each mass is shared by its two neighbours on the grid, which keeps the mean.
    one = np.bincount(low, mass * (low + 1 - place), GRID + 1) + np.bincount(low + 1, mass * (place - low), GRID + 1)
    length = most * GRID + 1
    spectrum = np.fft.rfft(one / one.sum(), length)
    found = []
    for terms in range(most + 1):
        density = np.fft.irfft(spectrum**terms, length)
        values = np.abs(np.arange(length) * 2 / GRID - terms)
        values = values[: terms * GRID + 1]
        huber = np.where(values <= 1, values**2 / 2, values - 0.5)
        found.append(float(huber @ density[: terms * GRID + 1]))
    return np.array(found)


def best_linear_r2(b: float) -> float:
    """How much of sin(b x) a straight line in x explains: 2 b^2 exp(-b^2) / (1 - exp(-2 b^2))."""
    return float(2 * b**2 * np.exp(-(b**2)) / -np.expm1(-2 * b**2))
