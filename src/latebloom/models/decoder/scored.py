"""Loss at some places only: what no counted output depends on is not computed.

A place behind the last one that counts is seen by none that counts. In the last block a place without loss lends its
key and value to later ones, and needs no query, MLP or output of its own. What is left are the numbers of the whole
pass, but for rounding.
"""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.models.base import Tap, untapped

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder

Scored = Int[Tensor, "scored"]


def scored_places(model: "Decoder", weight: Float[Tensor, "member batch pos"], tap: Tap) -> Scored | None:
    """The places at which some row has a loss, in order; None where the whole pass is to be made.

    It is where all places count, where somebody looks at activations, and where places do more than be read: places
    with a cut past learn from themselves apart from others, a source is read in both directions.
    """
    if (
        tap is not untapped
        or model.past != "whole"
        or model.source_ends
        or model.mixer(model.n_layers - 1) != "softmax"
    ):
        return None
    counts = (weight != 0).flatten(0, -2).any(0)
    if bool(counts.all()) or not bool(counts.any()):
        return None
    return counts.nonzero()[:, 0]


def before(asked: Scored, places: int) -> Bool[Tensor, "1 1 query key"]:
    """What some of the places see: themselves and what came before."""
    return (torch.arange(places, device=asked.device) <= asked[:, None])[None, None]
