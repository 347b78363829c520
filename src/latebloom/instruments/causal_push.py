"""Push a state along a direction, and see by how much later outputs move.

Source: the notebook of Wu, Morris and Levine 2024 (arXiv 2404.00859). A network that keeps sin(b x_n) along the probe's
direction and sums it later answers a push of c at place n - i by c for lags i in its window, and not at all for others.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

Pushed = Callable[[Float[Tensor, "pos d_model"]], Float[Tensor, "batch pos"]]


def causal_slopes(
    run: Pushed,
    direction: Float[Tensor, " d_model"],
    places: int,
    at: int,
    lags: Sequence[int],
    sizes: Sequence[float] = (-1.0, -0.5, 0.0, 0.5, 1.0),
) -> Float[Tensor, " lag"]:
    """Slope of the mean output at place `at` in the size c of a push at `at - lag`, for each lag.

    `run(added)` gives outputs with `added` [pos, d_model] added to the state of every sequence; the push is
    c * direction / |direction|^2, which moves what a probe with weights `direction` reads by exactly c. Expected of an
    ideal sum over a window: 1 within it, 0 outside. Slope of least squares over all sequences.
    """
    length = float(direction.norm())
    if length == 0:
        raise LatebloomError("The direction is zero, so a push along it is none: fit a probe that reads something.")
    if not 0 <= at < places or not all(0 <= lag <= at for lag in lags):
        raise LatebloomError(
            f"Place {at} and lags {list(lags)}: a sequence has places 0 to {places - 1}, and the push, at place - lag, "
            "must be one of them."
        )
    if len(set(sizes)) < 2:
        raise LatebloomError(f"sizes = {list(sizes)}: a slope needs two different sizes.")
    step = torch.as_tensor(list(sizes), dtype=direction.dtype, device=direction.device)
    centred = step - step.mean()
    slopes = []
    for lag in lags:
        seen = []
        for size in sizes:
            added = direction.new_zeros(places, direction.shape[0])
            added[at - lag] = size * direction / length**2
            seen.append(run(added)[:, at].mean())
        slopes.append((torch.stack(seen) * centred).sum() / centred.square().sum())
    return torch.stack(slopes)
