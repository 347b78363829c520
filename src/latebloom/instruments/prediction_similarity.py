"""How alike two predictors are on the same prompts, and where a mixture stands between two specialists.

Predictions are compared with predictions, not with the truth, and always on shared (paired) prompts, which takes most
of the variance out (Raventos et al. 2023, arXiv 2306.15063; Yadlowsky et al. 2023, arXiv 2311.00871, figure 3b).
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes


def prediction_distance(
    first: Float[Tensor, "*lead prompt place"], second: Float[Tensor, "*#lead prompt place"], variance: float = 1.0
) -> Float[Tensor, "*lead place"]:
    """Mean over prompts of the squared difference, over the variance of the evaluated class.

    Raventos et al. also average over places and divide by d, which is the variance of their labels.
    """
    _paired(first, second)
    return (first - second).square().mean(-2) / variance


def distances_to(
    predictions: Float[Tensor, "*lead prompt place"],
    references: Mapping[str, Float[Tensor, "prompt place"]],
    variance: float = 1.0,
) -> dict[str, Float[Tensor, "*lead place"]]:
    """Distance to every reference: each specialist, each baseline."""
    return {name: prediction_distance(predictions, own, variance) for name, own in references.items()}


def soft_weight(
    mixture: Float[Tensor, "*lead prompt place"],
    first: Float[Tensor, "prompt place"],
    second: Float[Tensor, "prompt place"],
) -> Float[Tensor, "*lead place"]:
    """The rho in [0, 1] for which rho * first + (1 - rho) * second comes closest to the mixture, at each place.

    Comparable with the posterior probability of the first class. NaN where the two specialists agree everywhere.
    """
    _paired(mixture, first)
    _paired(mixture, second)
    apart = first - second
    along = ((mixture - second) * apart).mean(-2)
    return (along / apart.square().mean(-2)).clamp(0, 1)


def nearest_reference(distances: Mapping[str, Float[Tensor, "*lead place"]]) -> list[str]:
    """Name of the closest reference at each place, for one predictor.

    Raises `LatebloomError` for several predictors at once, and for distances that are NaN: none is the closest.
    """
    if not distances:
        raise LatebloomError("nearest_reference: no references were given.")
    shapes = {name: tuple(own.shape) for name, own in distances.items()}
    if len(set(shapes.values())) > 1:
        raise LatebloomError(f"nearest_reference: distances must be of the same places; got shapes {shapes}.")
    table = torch.stack(list(distances.values()))
    if table.ndim != 2:
        raise LatebloomError(
            f"nearest_reference: distances of shape {tuple(table.shape[1:])} are of several predictors; "
            "pass those of one, [place]."
        )
    if bool((lost := table.isnan()).any()):
        which, place = lost.nonzero()[0].tolist()
        raise LatebloomError(
            f"nearest_reference: the distance to {list(distances)[which]!r} is nan at place {place}, so none is the "
            "closest there; leave the place or the reference out."
        )
    names = list(distances)
    return [names[int(index)] for index in table.argmin(0)]


def _paired(first: Tensor, second: Tensor) -> None:
    if first.shape[-2:] != second.shape[-2:]:
        raise LatebloomError(
            f"Predictions of shapes {tuple(first.shape)} and {tuple(second.shape)} are not on the same prompts: "
            "the last two axes, [prompt, place], must agree."
        )
