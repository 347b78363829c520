"""How the learning rate moves: linear warm-up, then constant, or a linear or cosine way down."""

import math
from typing import Literal

Decay = Literal["none", "linear", "cosine"]


def rate_factor(step: int, warmup: int, decay: Decay, until: int, share: float) -> float:
    """The factor on the learning rate of the update from `step` to `step + 1`.

    It rises to 1 over `warmup` steps, then falls to `share` at step `until` and stays there.

    >>> [round(rate_factor(step, 4, "linear", 12, 0.0), 3) for step in (0, 3, 4, 8, 12, 20)]
    [0.25, 1.0, 1.0, 0.5, 0.0, 0.0]
    >>> [round(rate_factor(step, 0, "cosine", 10, 0.1), 3) for step in (0, 5, 10)]
    [1.0, 0.55, 0.1]
    """
    if step < warmup:
        return (step + 1) / warmup
    if decay == "none":
        return 1.0
    way = min((step - warmup) / max(until - warmup, 1), 1.0)
    fallen = way if decay == "linear" else (1 - math.cos(math.pi * way)) / 2
    return 1.0 - (1.0 - share) * fallen
