"""Attention sparsity: how little a network's attention distributions are spread, as minus their mean entropy.

Source: Murty et al. 2023, arXiv 2305.18741, who use it as a sign of saturation (Merrill et al. 2021, arXiv 2010.09697).
Entropies are in nats; 0 is the largest value, attention to a single place. Patterns come as one array a layer.

The released code differs from the definition in three ways: it averages the distributions over heads before it takes
entropies, sums over the places of a sentence instead of averaging, and gives every layer the token embeddings instead
of the layer below. The first two are `attention_sparsity_as_released`, the third is `patterns_on_embeddings`.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes
WANTED = (
    "give one tensor [..., row, head, query, key] a layer. A Hugging Face model gives them with output_attentions=True "
    "where it was loaded with attn_implementation='eager'."
)


def attention_entropy(pattern: Float[Tensor, "*lead query key"]) -> Float[Tensor, "*lead query"]:
    """Entropy of each query's distribution over keys, in nats; a key that gets nothing adds nothing."""
    return torch.special.entr(pattern).sum(-1)


def attention_sparsity(
    patterns: Sequence[Float[Tensor, "*lead row head query key"]], queries: Bool[Tensor, "row query"] | None = None
) -> Float[Tensor, "*lead"]:
    """Minus the mean entropy over layers, heads and the queries of a row, then the mean over rows.

    `queries` is True (or 1) at the places that count (no padding); all if left out. Raises `LatebloomError` for a row
    without one, and for what is no attention pattern.
    """
    counted = _counted(patterns, queries)
    entropy = torch.stack([attention_entropy(pattern).mean(-2) for pattern in patterns]).mean(0)  # [*lead, row, query]
    return -(_kept(entropy, counted).sum(-1) / counted.sum(-1)).mean(-1)


def attention_sparsity_as_released(
    patterns: Sequence[Float[Tensor, "*lead row head query key"]], queries: Bool[Tensor, "row query"] | None = None
) -> Float[Tensor, "*lead"]:
    """Minus the entropy of the heads' mean pattern, summed over queries, averaged over layers and rows."""
    counted = _counted(patterns, queries)
    entropy = torch.stack([attention_entropy(pattern.mean(-3)) for pattern in patterns]).mean(0)
    return -_kept(entropy, counted).sum(-1).mean(-1)


def patterns_on_embeddings(
    layers: Sequence[Callable[[Float[Tensor, "*lead row pos d_model"]], Float[Tensor, "*lead row head query key"]]],
    embeddings: Float[Tensor, "*lead row pos d_model"],
) -> list[Float[Tensor, "*lead row head query key"]]:
    """The patterns the released code measures: each layer's attention pattern on the embeddings of the tokens.

    Above the first layer these are inputs the layer never sees, so the numbers say nothing about the network.
    """
    return [pattern(embeddings) for pattern in layers]


def _counted(patterns: Sequence[Tensor], queries: Bool[Tensor, "row query"] | None) -> Bool[Tensor, "row query"]:
    if patterns is None or len(patterns) == 0:  # what other attentions of Hugging Face give, whatever was asked for
        raise LatebloomError(f"No attention patterns were given; {WANTED}")
    for layer, pattern in enumerate(patterns):
        _check_pattern(layer, pattern)
    for layer, pattern in enumerate(patterns):
        if (*pattern.shape[:-3], pattern.shape[-2]) != (*patterns[0].shape[:-3], patterns[0].shape[-2]):
            raise LatebloomError(
                f"The pattern of layer {layer} has shape {tuple(pattern.shape)}, that of layer 0 "
                f"{tuple(patterns[0].shape)}: rows and queries must be the same in all."
            )
    rows, _, places, _ = patterns[0].shape[-4:]
    if queries is None:
        return torch.ones(rows, places, dtype=torch.bool, device=patterns[0].device)
    if queries.shape != (rows, places):
        raise LatebloomError(
            f"queries has shape {tuple(queries.shape)}; patterns of shape {tuple(patterns[0].shape)} "
            f"need {(rows, places)}."
        )
    if not bool(queries.any(-1).all()):
        row = int(queries.any(-1).logical_not().nonzero()[0])
        raise LatebloomError(f"Row {row} has no query that counts: leave such rows out.")
    return queries.bool()


def _check_pattern(layer: int, pattern: object) -> None:
    """Refuses what is no attention pattern; numbers that are not finite pass and make the result so."""
    if not isinstance(pattern, Tensor) or pattern.ndim < 4:
        what = f"has shape {tuple(pattern.shape)}" if isinstance(pattern, Tensor) else f"is a {type(pattern).__name__}"
        raise LatebloomError(f"The pattern of layer {layer} {what}; {WANTED}")
    most = pattern.detach().sum(-1, dtype=torch.float32).amax() if pattern.numel() else 0
    if bool(most > 1.01) or bool((pattern < 0).any()):  # less than 1 is left where keys are hidden or dropped
        raise LatebloomError(
            f"The pattern of layer {layer} holds no shares: a query's row must be numbers of at least 0 with sum 1, "
            f"and the largest sum is {float(most):.4g}. Give attention after its softmax and without dropout "
            "(model.eval())."
        )


def _kept(entropy: Float[Tensor, "*lead row query"], counted: Bool[Tensor, "row query"]) -> Tensor:
    return torch.where(counted, entropy, torch.zeros_like(entropy))
