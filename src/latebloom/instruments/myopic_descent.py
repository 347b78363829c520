"""Descent on the present alone: theta <- theta - rate * d2 f(theta, theta), which follows no gradient in general.

f(past, present) is a loss in which the past is computed with one set of parameters and the present with another. Tied
descent converges under a forward bias (the present counts for more than the past) and may diverge without; with
parameters of their own for every place it needs no such condition. Source: Wu, Morris and Levine 2024, arXiv
2404.00859, section 3; constants of the bound are worked out here, not quoted.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

Point = Float[Tensor, " d"]


def tied_descent(
    loss: Callable[[Point, Point], Tensor], start: Point, rate: float, steps: int
) -> Float[Tensor, "step d"]:
    """The path of tied myopic descent, from its start to `steps` updates later."""
    path = [start]
    for _ in range(steps):
        present = path[-1].detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(loss(path[-1].detach(), present), present)
        path.append(path[-1] - rate * slope)
    return torch.stack(path)


def untied_descent(
    losses: Callable[[Float[Tensor, "pos d"]], Float[Tensor, " pos"]],
    start: Float[Tensor, "pos d"],
    rate: float,
    steps: int,
) -> Float[Tensor, "step pos d"]:
    """The path where place j has parameters of its own and follows d loss_j / d theta_j."""
    path = [start]
    for _ in range(steps):
        theta = path[-1].detach().requires_grad_(True)
        own = losses(theta)
        rows = [torch.autograd.grad(value, theta, retain_graph=True)[0][j] for j, value in enumerate(own)]
        path.append(path[-1] - rate * torch.stack(rows))
    return torch.stack(path)


def contraction(mu: float, kappa: float, smoothness: float, coupling: float, rate: float) -> float:
    """By how much a step of tied descent shrinks the distance to its fixed point, at least: a number below 1.

    If mu I <= d22 f <= `smoothness` I, u (d21 f) u >= -kappa |u|^2 and |d21 f| <= `coupling`, then d2 f(theta, theta)
    is (mu - kappa)-strongly monotone and (smoothness + coupling)-Lipschitz, and a step shrinks distances by
    sqrt(1 - 2 rate (mu - kappa) + rate^2 (smoothness + coupling)^2). Raises `LatebloomError` without forward bias
    (kappa < mu), or for a rate outside 0 < rate < 2 (mu - kappa) / (smoothness + coupling)^2.
    """
    bias, size = mu - kappa, smoothness + coupling
    if not size > 0:
        raise LatebloomError(f"smoothness + coupling = {size:g} must be above 0: no gradient is as smooth as that.")
    if not bias > 0:
        raise LatebloomError(f"kappa = {kappa:g} is not below mu = {mu:g}: without forward bias nothing is promised.")
    if not 0 < rate < 2 * bias / size**2:
        raise LatebloomError(f"rate = {rate:g}: the bound holds for rates between 0 and {2 * bias / size**2:.3g}.")
    return float((1 - 2 * rate * bias + rate**2 * size**2) ** 0.5)
