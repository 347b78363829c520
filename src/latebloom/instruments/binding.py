"""Token binding: which earlier inputs can be read from a place's activation, and where its attention goes.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figures 2, 3A, 14 to 17 and appendix F: first layers copy the
states before into a place, which makes the pairs that later layers learn from.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.probes import probe

VERSION = 1  # bump when any number returned from this file changes


def copy_errors(
    activations: Float[Tensor, "*lead batch pos d_model"],
    inputs: Float[Tensor, "*lead batch pos d_in"],
    distances: int,
    place: int = -1,
    held_out: float = 0.5,
) -> tuple[Float[Tensor, "*lead distance"], Float[Tensor, "*lead distance"]]:
    """How well the inputs 0, 1, ... `distances` - 1 places back are read from the activation at `place`.

    Mean over numbers of the squared error of a held-out linear probe (the source's unit), and its share of the inputs'
    variance: 0 is a copy, 1 knows nothing. Raises `LatebloomError` if the sequence does not reach back so far.
    """
    last = place % inputs.shape[-2]
    if not 0 < distances <= last + 1:
        raise LatebloomError(
            f"distances = {distances}: from place {last} there are 1 to {last + 1} inputs to look for."
        )
    back = inputs[..., last + 1 - distances : last + 1, :].flip(-2)
    here = activations[..., last, None, :].expand(*activations.shape[:-2], distances, activations.shape[-1])
    found = probe(here, back, held_out=held_out, intercept=True)
    return 2 * found.error / inputs.shape[-1], 1 - found.r2


def horizon(unread: Float[Tensor, "*lead distance"], threshold: float = 0.1) -> Int[Tensor, "*lead"]:
    """How many inputs in a row, from the current one back, are read with at most `threshold` of their variance left."""
    return (unread <= threshold).long().cumprod(-1).sum(-1)


def attention_by_distance(
    pattern: Float[Tensor, "*lead batch head query key"], from_place: int = 0
) -> Float[Tensor, "*lead head distance"]:
    """Mean attention that a place pays to the one `distance` back, over sequences and places that reach back so far.

    Queries before `from_place` are left out: the first ones have little to choose from.
    """
    pos = pattern.shape[-1]
    mean = pattern.mean(-4)
    by = [mean.diagonal(-distance, -2, -1) for distance in range(pos)]
    first = [max(from_place - distance, 0) for distance in range(pos)]
    return torch.stack([d[..., f:].mean(-1) for d, f in zip(by, first, strict=True)], -1)


def mean_pattern(pattern: Float[Tensor, "*lead batch head query key"]) -> Float[Tensor, "*lead head query key"]:
    """Attention maps averaged over sequences, as the source draws them over 2,048."""
    return pattern.mean(-4)


def copying_heads(by_distance: Float[Tensor, "*lead head distance"], share: float = 0.4) -> Bool[Tensor, "*lead head"]:
    """Heads that pay at least `share` of their attention to the place just before."""
    return by_distance[..., 1] >= share
