"""Saturation: how near a network is to the limit of large weights, where attention is all or nothing.

Source: Merrill et al. 2021, *Effects of Parameter Norm Growth During Transformer Training*, EMNLP, arXiv 2010.09697.
The saturated network is the limit of f(x; c theta) for c to infinity; here c is large and finite, and saturation is
the mean cosine between what the network and its enlarged copy compute. 1 is a saturated network. Which outputs are
compared (hidden states or logits) and which weights are enlarged is the caller's choice, and numbers of different
choices do not compare.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.span_vectors import cosine

VERSION = 1  # bump when any number returned from this file changes


@torch.no_grad()
def saturation(
    outputs: Callable[[Mapping[str, Tensor]], Float[Tensor, "*lead row pos d"]],
    tables: Mapping[str, Float[Tensor, "..."]],
    factor: float = 1000.0,
    counted: Bool[Tensor, "row pos"] | None = None,
) -> Float[Tensor, "*lead"]:
    """Mean over rows and places of the cosine between outputs at `tables` and at `factor` times `tables`.

    Weights that shall not grow stay out of `tables` and in the callable. `counted` is True at the places that count.
    An output of zeros counts as 0.
    Raises `LatebloomError` if the enlarged network overflows: without normalisation outputs grow like the factor to
    the power of the depth.
    """
    ordinary = outputs(tables)
    enlarged = outputs({name: factor * table for name, table in tables.items()})
    if not bool(torch.isfinite(enlarged).all()):
        raise LatebloomError(
            f"Outputs at {factor:g} times the weights are not finite: take a smaller factor, or float64 weights."
        )
    # Rescaled first: squares of large outputs would overflow.
    alike = cosine(*(_unit(side.double()) for side in (ordinary, enlarged)))
    if counted is None:
        return alike.mean((-2, -1))
    return torch.where(counted, alike, torch.zeros_like(alike)).sum((-2, -1)) / counted.sum()


def _unit(vectors: Float[Tensor, "*lead d"]) -> Float[Tensor, "*lead d"]:
    largest = vectors.abs().amax(-1, keepdim=True)
    return vectors / torch.where(largest > 0, largest, torch.ones_like(largest))
