"""Gradient descent on the in-context objective: nothing, one step with the best rate, or several.

Objective at place t: L_t(Phi) = 1/2 sum_j ||y_j - Phi x_j||^2 over the visible pairs; prediction Phi x_t (von Oswald
et al. 2023, arXiv 2309.05858 v2, section 2).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.pairs import attended

Rate = float | Float[Tensor, " member"]


def zero(inputs: Float[Tensor, "*lead pos d_in"], targets: Float[Tensor, "*lead pos d_out"]) -> Tensor:
    """Predicts nothing: its loss is half the mean squared length of the targets."""
    return torch.zeros_like(targets)


def one_step(
    inputs: Float[Tensor, "*lead batch pos d_in"],
    targets: Float[Tensor, "*lead batch pos d_out"],
    rate: Rate,
    start: Float[Tensor, "d_out d_in"] | None = None,
    lagged: bool = False,
) -> Float[Tensor, "*lead batch pos d_out"]:
    """(Phi_0 - rate * grad L_t(Phi_0)) x_t; Phi_0 is `start`, or 0. The same rate at every place."""
    return steps(inputs, targets, [rate], start, lagged)


def steps(
    inputs: Float[Tensor, "*lead batch pos d_in"],
    targets: Float[Tensor, "*lead batch pos d_out"],
    rates: Sequence[Rate],
    start: Float[Tensor, "d_out d_in"] | None = None,
    lagged: bool = False,
) -> Float[Tensor, "*lead batch pos d_out"]:
    """As many gradient steps as there are rates, at every place from the start again, on all visible pairs.

    Phi_k = Phi_0 + (Y - Phi_0 X) X' p_k(X X'), so what is iterated is u = p_k(X X') x_t: u <- u + rate (x_t - X X' u).
    """
    u = torch.zeros_like(inputs)
    for rate in rates:
        own = rate[..., None, None, None] if isinstance(rate, Tensor) and rate.ndim else rate
        u = u + own * (inputs - attended(u, inputs, inputs, lagged))
    if start is None:
        return attended(u, inputs, targets, lagged)
    return inputs @ start.mT + attended(u, inputs, targets - inputs @ start.mT, lagged)


def best_rate(
    inputs: Float[Tensor, "*lead batch pos d_in"], targets: Float[Tensor, "*lead batch pos d_out"], lagged: bool = False
) -> Float[Tensor, "*lead"]:
    """The rate of one step from 0 with the least loss over all places together, one for each leading axis.

    The loss is a parabola in the rate, so this is its vertex; a line search finds the same number.
    """
    direction = attended(inputs, inputs, targets, lagged)
    along, length = (targets * direction).sum((-3, -2, -1)), direction.square().sum((-3, -2, -1))
    return along / length


def best_common_rate(
    inputs: Float[Tensor, "batch pos d_in"],
    targets: Float[Tensor, "batch pos d_out"],
    n_steps: int,
    lagged: bool = False,
    rounds: int = 60,
) -> float:
    """The one rate for `n_steps` equal steps with the least loss, by a golden-section search.

    Each step multiplies the error along a direction of curvature c by 1 - rate * c, so more steps mostly want smaller
    ones; but where nearly all of the loss has one curvature, a larger rate costs little there and helps the rest.
    """
    golden = (5**0.5 - 1) / 2

    def loss(rate: float) -> float:
        return float((steps(inputs, targets, [rate] * n_steps, None, lagged) - targets).square().mean())

    # Of targets that are linear in the inputs the loss is about a sum of even powers, which falls once and then rises:
    # where it is not less at the double rate, it has its least before. A rate at which it overflows is beyond that too.
    low, high = 0.0, 2 * float(best_rate(inputs, targets, lagged))
    while loss(high) < loss(high / 2):
        high *= 2

    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(rounds):
        if abs(high - low) < 1e-6 * abs(high):
            break
        if not at_left >= at_right:  # a loss that overflowed is not a number, and always on the right
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return (low + high) / 2
