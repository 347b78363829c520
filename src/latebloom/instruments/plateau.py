"""Plateaus of a training loss: how long a network stays at the error of answering 0, and when it leaves.

In-context learning begins with a plateau whose length depends on the seed, then a sharp drop (Garg et al. 2022). Curves
are [member, step]; a NaN is no log, and **inf** marks what did not happen by the last log (see `events`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from latebloom.errors import LatebloomError
from latebloom.instruments.events import first_stayed, own_logs

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True)
class PlateauExit:
    """Steps, inf where it did not happen."""

    enter: Float[np.ndarray, "member"]  # first log within (1 + 1 - share) of the zero loss: the start has been undone
    leave: Float[np.ndarray, "member"]  # first log from which the loss stays below `share` of the zero loss
    length: Float[np.ndarray, "member"]  # leave - enter; 0 where it was never on the plateau
    drop: Float[np.ndarray, "member"]  # steps from leaving to half the zero loss


@dataclass(frozen=True)
class Stretch:
    """The longest flat part of each curve."""

    start: Float[np.ndarray, "member"]
    end: Float[np.ndarray, "member"]
    level: Float[np.ndarray, "member"]  # median loss on it

    @property
    def length(self) -> Float[np.ndarray, "member"]:
        """Steps from its first to its last log."""
        return self.end - self.start


def plateau_exit(
    steps: Float[np.ndarray, "step"],
    losses: Float[np.ndarray, "member step"],
    zero_loss: float,
    share: float = 0.9,
    window: int = 1,
) -> PlateauExit:
    """When each member enters and leaves the plateau at `zero_loss`, the loss of answering 0 everywhere.

    `window` consecutive logs must be below, for noisy curves.
    """
    if not zero_loss > 0 or not 0 < share < 1:
        raise LatebloomError(
            f"plateau_exit: zero_loss = {zero_loss} must be above 0 and share = {share} between 0 and 1."
        )
    down = -np.asarray(losses, dtype=np.float64)  # events look for curves that rise
    enter = first_stayed(steps, down, -(2 - share) * zero_loss, 1)
    leave = first_stayed(steps, down, -share * zero_loss, window)
    half = first_stayed(steps, down, -zero_loss / 2, window)
    with np.errstate(invalid="ignore"):
        length = np.where(np.isinf(leave), np.inf, leave - enter)
        drop = np.where(np.isinf(half), np.inf, half - leave)
    return PlateauExit(enter, leave, length, drop)


def longest_plateau(
    steps: Float[np.ndarray, "step"], losses: Float[np.ndarray, "member step"], tolerance: float = 0.1
) -> Stretch:
    """The stretch of most steps on which the largest loss is at most (1 + tolerance) times the smallest.

    It needs no level to be known; a network that ends converged may be flat longest at its end. The first of several
    of the same length is given; a member without logs has NaN. Losses must be above 0.
    """
    if not tolerance > 0:
        raise LatebloomError(f"longest_plateau: tolerance = {tolerance} must be above 0.")
    logs = own_logs(steps, losses)
    if np.any(logs.values <= 0):
        raise LatebloomError("longest_plateau compares losses by their ratio, so they must be above 0.")
    found = np.full((3, len(logs.values)), np.nan)
    for member, (at, values) in enumerate(zip(logs.steps, logs.values, strict=True)):
        known = np.isfinite(values)
        at, values = at[known], values[known]
        best = -1.0
        for first in range(len(values)):
            rest = values[first:]
            flat = np.maximum.accumulate(rest) <= (1 + tolerance) * np.minimum.accumulate(rest)
            last = first + int(flat.sum()) - 1  # once it is not flat, no longer part is
            if at[last] - at[first] > best:
                best = at[last] - at[first]
                found[:, member] = at[first], at[last], np.median(values[first : last + 1])
    return Stretch(*found)
