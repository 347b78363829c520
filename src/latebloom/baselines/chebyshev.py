"""The released solver control: Chebyshev-like steps whose scalars were learned on the prediction loss itself.

With B = A / ||A||_F and T = V = I: T <- T (I - alpha B), then V <- V + T + beta (V - last V); V / ||A||_F stands for
the inverse. Source: released code of von Oswald et al. 2023 (arXiv 2309.05858 v2), scalars as learned there.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.optimize loads at its first use
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.pairs import attended
from latebloom.baselines.solvers import Gram
from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class Scalars:
    """One alpha and one beta a step; the first beta has nothing to act on."""

    alpha: tuple[float, ...]
    beta: tuple[float, ...]


PUBLISHED = {
    "full_6": Scalars((1.0292, 3.8551, 3.7469, 3.3828, 2.9882, 2.0934), (0.0, 0.6402, 0.4798, 0.8144, 1.6680, 2.4196)),
    "full_2": Scalars((1.2316, 8.1996), (0.0, 4.9499)),
    "constructed_6": Scalars(
        (1.0258, 3.2508, 3.2584, 3.2123, 2.6944, 1.2727), (0.0, 0.6788, 0.3075, 0.7447, 1.8360, 2.3438)
    ),
    "partial_6": Scalars(
        (1.0931, 3.1099, 3.1626, 3.0759, 1.9026, 0.2224), (0.0, 0.7379, 0.1828, 0.7572, 1.2498, 2.2920)
    ),
    "nonlinear_6": Scalars(
        (1.0031, 4.0158, 3.8662, 3.3217, 2.7571, 2.1693), (0.0, 0.5630, 0.5661, 0.9348, 1.5603, 2.4258)
    ),
}


def preconditioned(
    inputs: Float[Tensor, "*lead pos d"],
    scalars: Scalars | tuple[Tensor, Tensor],
    penalty: float = 1e-3,
    lagged: bool = False,
    queries: Float[Tensor, "*lead pos d"] | None = None,
) -> Float[Tensor, "*lead pos d"]:
    """The queries (by default the inputs) times the approximate inverse.

    For partly seen systems the release states 10 in the place of 1e-3; its published curves are those of lambda = 10,
    penalty 0.1.
    """
    alphas, betas = scalars if isinstance(scalars, tuple) else (scalars.alpha, scalars.beta)
    gram = Gram(inputs, penalty, lagged)
    scale = gram.scale
    power = total = last = inputs if queries is None else queries
    plain = Gram(inputs, penalty, lagged, normalised=False)
    for alpha, beta in zip(alphas, betas, strict=True):
        power = power - alpha * plain.apply(power) / scale
        total, last = total + power + beta * (total - last), total
    return total / scale


def chebyshev(
    inputs: Float[Tensor, "*lead pos d_in"],
    targets: Float[Tensor, "*lead pos d_out"],
    scalars: Scalars,
    penalty: float = 1e-3,
    lagged: bool = False,
) -> Float[Tensor, "*lead pos d_out"]:
    """One gradient step at rate 1 from the preconditioned queries: the published "Prop. 2" control."""
    return attended(preconditioned(inputs, scalars, penalty, lagged), inputs, targets, lagged)


def fitted_scalars(
    inputs: Float[Tensor, "batch pos d_in"],
    targets: Float[Tensor, "batch pos d_out"],
    steps: int,
    penalty: float = 1e-3,
    lagged: bool = False,
    rounds: int = 300,
) -> Scalars:
    """Scalars with the least prediction loss on these sequences, from alpha 1 and beta 0 by L-BFGS.

    For sizes and systems that the release, which used AdamW, has no scalars for; fit on other sequences than those you
    compare on. Raises `LatebloomError` without a step to fit.
    """
    if steps < 1:
        raise LatebloomError(f"steps = {steps}: there is no scalar to fit; use 1 or more.")
    x, y = inputs.double(), targets.double()

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.from_numpy(values).requires_grad_(True)
        with torch.enable_grad():
            # The first beta multiplies zero, so it is left out and stays 0.
            betas = torch.cat([point.new_zeros(1), point[steps:]])
            said = attended(preconditioned(x, (point[:steps], betas), penalty, lagged), x, y, lagged)
            total = (said - y).square().sum(-1).mean() / 2
        (gradient,) = torch.autograd.grad(total, point)
        return float(total.detach()), gradient.numpy()

    start = np.concatenate([np.ones(steps), np.zeros(steps - 1)])
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": rounds}).x
    return Scalars(tuple(found[:steps].tolist()), (0.0, *found[steps:].tolist()))
