"""A stack of linear-attention layers as its products, and running it: the form in which algorithms are read and mixed.

One layer: e_t <- e_t + sum_h sum_{t' <= t} (e_t QK_h e_t') e_t' OV_h, with QK = W_Q W_K' and OV = W_V W_O. Only these
products act, so they can be compared and averaged between networks; factors cannot, they are not unique (von Oswald
et al. 2023, arXiv 2309.05858 v2, sections 2 and 4.2; QK here is the transpose of its W_K' W_Q, OV of its P W_V).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import check_finite
from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True, eq=False)
class Products:
    """What one layer's heads do: which token attends to which, and what is written from it."""

    qk: Float[Tensor, "*lead head query key"]
    ov: Float[Tensor, "*lead head source out"]


def products(
    W_Q: Float[Tensor, "*lead head d_model d_head"],
    W_K: Float[Tensor, "*lead head d_model d_head"],
    W_V: Float[Tensor, "*lead head d_model d_head"],
    W_O: Float[Tensor, "*lead head d_head d_model"],
) -> Products:
    """The products of one layer's weights in TransformerLens's layout; a layer axis may be among the leading ones."""
    return Products(W_Q @ W_K.mT, W_V @ W_O)


def attend(
    layer: Products,
    tokens: Float[Tensor, "*lead batch pos d_model"],
    masked: bool = True,
    seen: Float[Tensor, "*lead batch pos d_seen"] | None = None,
) -> Float[Tensor, "*lead batch pos d_model"]:
    """What one layer adds at each place; a place sees itself and those before, or all where not `masked`.

    `seen` is what queries and keys read instead of the tokens, where a network gives them more (positions, say).
    """
    read = tokens if seen is None else seen
    asked = torch.einsum("...bpq,...hqk->...bhpk", read, layer.qk)
    scores = asked @ read[..., None, :, :].mT
    written = torch.einsum("...bps,...hso->...bhpo", tokens, layer.ov)
    return ((scores.tril() if masked else scores) @ written).sum(-3)


def run(
    layers: Sequence[Products], tokens: Float[Tensor, "*lead batch pos d_model"], clip: float | None = None
) -> list[Float[Tensor, "*lead batch pos d_model"]]:
    """The residual stream before the first layer and after each, so one more than there are layers.

    `clip` bounds every number of the stream after each layer (the released linear networks use 4).
    """
    streams = [tokens]
    for layer in layers:
        after = streams[-1] + attend(layer, streams[-1])
        streams.append(after if clip is None else after.clamp(-clip, clip))
    return streams


def interpolate(first: Products, second: Products, share: float = 0.5) -> Products:
    """Products between two layers, `share` of the way from the first to the second, head by head."""
    return Products(
        torch.lerp(first.qk, second.qk.to(first.qk), share), torch.lerp(first.ov, second.ov.to(first.ov), share)
    )


def factors(layer: Products, d_head: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights W_Q, W_K, W_V, W_O with these products, balanced, to load into a network of that head size.

    Raises `LatebloomError` if a product's rank is above `d_head`: no weights of that size have it; and for numbers that
    are not finite.
    """
    pairs = []
    for name, product in (("QK", layer.qk), ("OV", layer.ov)):
        check_finite(f"factors: the {name} products", product)
        left, values, right = torch.linalg.svd(product)
        # A head may be wider than its product: what is beyond stays zero.
        short = max(d_head - values.shape[-1], 0)
        if (values[..., d_head:] > 1e-6 * values[..., :1].clamp(min=1e-30)).any():
            rank = int((values > 1e-6 * values[..., :1]).sum(-1).max())
            raise LatebloomError(f"A {name} product has rank {rank}: heads need d_head >= {rank}, not {d_head}.")
        root = values[..., :d_head].sqrt()
        into = torch.nn.functional.pad(left[..., :, :d_head] * root[..., None, :], (0, short))
        outof = torch.nn.functional.pad(root[..., :, None] * right[..., :d_head, :], (0, 0, 0, short))
        pairs.append((into, outof))
    (q, k), (v, o) = pairs
    return q, k.mT, v, o
