"""Representation quality: how much of the addition table is visible as parallelograms among the embeddings."""

from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes


def quality_index(
    embeddings: Float[Tensor, "*lead vocab d_model"], delta: float = 0.01, modulus: int | None = None
) -> Float[Tensor, "*lead"]:
    """Share of index quadruples i + j = m + n with ||E_i + E_j - E_m - E_n|| < delta.

    Liu et al. 2022, *Towards Understanding Grokking*, arXiv 2205.10343. A quadruple is two different unordered pairs
    (an index may pair with itself); equal pairs would count always and are left out. `modulus` compares sums modulo
    it instead of as integers. `delta` is a length in the units of the embeddings, so shrinking weights raise the
    index: standardise embeddings first if their scale moves. Raises `LatebloomError` if no quadruple exists.
    """
    if embeddings.ndim < 2 or not embeddings.is_floating_point() or (modulus is not None and modulus < 1):
        raise LatebloomError(
            f"quality_index: embeddings of shape {tuple(embeddings.shape)} and type {embeddings.dtype}, modulus "
            f"{modulus}: they must be floats [..., vocab, d_model], and the modulus 1 or more."
        )
    hits = torch.zeros(embeddings.shape[:-2], device=embeddings.device, dtype=torch.int64)
    quadruples = 0
    for pairs in _pairs_by_sum(embeddings.shape[-2], modulus):
        first, second = torch.tensor(pairs, device=embeddings.device).T
        sums = embeddings[..., first, :] + embeddings[..., second, :]
        # Not by matrix products: their cancellation error is of the order of delta in float32.
        distance = torch.cdist(sums, sums, compute_mode="donot_use_mm_for_euclid_dist")
        close = (distance < delta).triu(diagonal=1)
        hits = hits + close.sum((-2, -1))
        quadruples += len(pairs) * (len(pairs) - 1) // 2
    if quadruples == 0:
        raise LatebloomError(
            f"{embeddings.shape[-2]} embeddings form no two pairs with one sum; at least 3 are needed."
        )
    return hits.to(embeddings.dtype) / quadruples


def _pairs_by_sum(vocab: int, modulus: int | None) -> list[list[tuple[int, int]]]:
    def total(pair: tuple[int, int]) -> int:
        return sum(pair) if modulus is None else sum(pair) % modulus

    pairs = [(i, j) for i in range(vocab) for j in range(i, vocab)]
    return [list(group) for _, group in groupby(sorted(pairs, key=total), key=total)]
