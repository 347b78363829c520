"""The learning rate that predictions imply: how far along the gradient step they lie, and how much of them is it.

Any network can be asked, with no look at its weights. Von Oswald et al. 2023 (arXiv 2309.05858 v2, section 4) find
that one layer follows one step of rate 0.032 on its in-context objective; Akyurek et al. 2023 (arXiv 2211.15661)
compare predictors by their squared difference.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import check_finite

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True, eq=False)
class Implied:
    """At each place: the rate of the step nearest to the predictions, and how near it is."""

    rate: Float[Tensor, "*lead pos"]
    cosine: Float[Tensor, "*lead pos"]  # between predictions and step, over sequences and outputs together
    unexplained: Float[Tensor, "*lead pos"]  # share of the predictions' squares that no rate explains


def implied_rate(
    predictions: Float[Tensor, "*lead batch pos d_out"],
    inputs: Float[Tensor, "*lead batch pos d_in"],
    targets: Float[Tensor, "*lead batch pos d_out"],
) -> Implied:
    """Least squares of predictions on sum_{j < t} y_j (x_j . x_t), the step of rate 1 from 0, place by place.

    A step with one rate for all places gives the same number everywhere. NaN where nothing has been seen.
    """
    step = (inputs @ inputs.mT).tril(-1) @ targets

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((-3, -1))

    along, square, own = dot(predictions, step), dot(step, step), dot(predictions, predictions)
    cosine = along / (square * own).sqrt()
    return Implied(along / square, cosine, 1 - cosine.square())


def prediction_difference(
    first: Float[Tensor, "*lead batch pos d_out"], second: Float[Tensor, "*lead batch pos d_out"]
) -> Float[Tensor, "*lead pos"]:
    """Mean over sequences of the squared distance between two predictors (SPD of Akyurek et al. 2023)."""
    return (first - second).square().sum(-1).mean(-2)


def implied_weights(
    predictions: Float[Tensor, "*lead query d_out"], queries: Float[Tensor, "*lead query d_in"]
) -> Float[Tensor, "*lead d_out d_in"]:
    """The matrix that says nearest what a predictor says of many queries after one context (for Akyurek's ILWD).

    Raises `LatebloomError` for numbers that are not finite.
    """
    check_finite("implied_weights: the predictions", predictions)
    check_finite("implied_weights: the queries", queries)
    return torch.linalg.lstsq(queries.double(), predictions.double()).solution.mT.to(predictions.dtype)
