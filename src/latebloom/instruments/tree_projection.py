"""The binary tree a network's span vectors come nearest to: exact by a chart, or greedily from the top.

Source: Murty et al. 2023, arXiv 2211.01288 (ICLR) and 2305.18741 (ACL). A tree's cumulative distance is
SCI(S, T) = sum over its spans of 1 - s(i,j), and the projected tree minimises it. The chart does that exactly. The
released code of both papers goes down from the whole sentence and takes at each node the split whose two children
are most similar to themselves out of context; that is the projection only where no good node hides below a bad one.

Single words count as spans of the tree; the whole sentence is in every tree and is left out of values (its distance
is 0 anyway). Of equally good splits the leftmost is taken, so a network that says nothing yields a
right-branching tree. Tables are padded to the longest sentence; padding may hold anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.errors import unknown_name
from latebloom.instruments.bracketings import check_lengths, from_splits

VERSION = 1  # bump when any number returned from this file changes

Lengths = Sequence[int] | Int[np.ndarray, "sentence"]


@dataclass(frozen=True)
class Projection:
    """Projected trees and what they are worth."""

    trees: Bool[Tensor, "*lead sentence start end"]  # constituents of at least two words
    value: Float[Tensor, "*lead sentence"]  # sum of similarities over all nodes but the root, single words included


def project(
    similarity: Float[Tensor, "*lead sentence start end"], lengths: Lengths, decoder: str = "chart"
) -> Projection:
    """Projects every sentence; `decoder` is `chart` (the definition) or `greedy` (the released code).

    `similarity[..., s, i, j]` is that of the words i..j of sentence s; `lengths` are in words. Costs n^3 / 6 operations
    a sentence of n words. Raises `LatebloomError` for shapes that do not fit.
    """
    if decoder not in DECODERS:
        raise unknown_name("decoder", decoder, DECODERS)
    check_lengths(lengths, similarity)
    trees = from_splits(DECODERS[decoder](similarity), lengths)
    return Projection(trees, tree_value(similarity, trees, lengths))


def chart_splits(
    similarity: Float[Tensor, "*lead sentence start end"],
) -> Int[Tensor, "*lead sentence start end"]:
    """The best split of every span, by the value of the best tree on either side of it."""
    splits = torch.zeros(similarity.shape, dtype=torch.long, device=similarity.device)
    best = similarity.clone()  # of each span: its own similarity and that of the best tree below it
    for start, end, values in split_values(best):
        value, at = values.max(-1)
        splits[..., start, end] = start + at
        best[..., start, end] += value
    return splits


def greedy_splits(
    similarity: Float[Tensor, "*lead sentence start end"],
) -> Int[Tensor, "*lead sentence start end"]:
    """The split of every span whose two children are the most similar."""
    splits = torch.zeros(similarity.shape, dtype=torch.long, device=similarity.device)
    for start, end, values in split_values(similarity):
        splits[..., start, end] = start + values.argmax(-1)
    return splits


def split_values(
    table: Float[Tensor, "*lead start end"],
) -> Iterator[tuple[Int[Tensor, "start"], Int[Tensor, "start"], Float[Tensor, "*lead start split"]]]:
    """For spans of 2, 3, ... words: first words, last words, and table(i,k) + table(k+1,j) for each k = i..j-1.

    The table is read when a size is reached, so a chart may fill it as it goes.
    """
    size, lead = table.shape[-1], table.shape[:-2]
    place = torch.arange(size, device=table.device)
    *outer, down, right = table.stride()
    begin = int(table.storage_offset())
    for words in range(2, size + 1):
        shape = (*lead, size - words + 1, words - 1)
        # Views: along `split` one goes right from (i, i), and down to (j, j) from (i + 1, j); along `start` both.
        left_part = table.as_strided(shape, (*outer, down + right, right), begin)
        right_part = table.as_strided(shape, (*outer, down + right, down), begin + down + (words - 1) * right)
        start = place[: size - words + 1]
        yield start, start + words - 1, left_part + right_part


def tree_value(
    similarity: Float[Tensor, "*lead sentence start end"],
    trees: Bool[Tensor, "*#lead sentence start end"],
    lengths: Lengths,
) -> Float[Tensor, "*lead sentence"]:
    """Sum of similarities over a tree's nodes, single words included and the whole sentence left out."""
    n = torch.as_tensor(check_lengths(lengths, similarity), device=similarity.device)
    place = torch.arange(similarity.shape[-1], device=similarity.device)
    words = (place.unsqueeze(-1) == place) & (place < n[:, None, None])
    root = (place.unsqueeze(-1) == 0) & (place == n[:, None, None] - 1)
    counted = (trees | words) & ~root
    return torch.where(counted, similarity, torch.zeros_like(similarity)).sum((-2, -1))


def sci(
    similarity: Float[Tensor, "*lead sentence start end"],
    trees: Bool[Tensor, "*#lead sentence start end"],
    lengths: Lengths,
) -> Float[Tensor, "*lead sentence"]:
    """Cumulative distance SCI(S, T): the sum over a tree's spans of 1 - s(i,j), single words and the whole included."""
    n = check_lengths(lengths, similarity)
    sentence = torch.arange(len(n), device=similarity.device)
    last = torch.as_tensor(n, device=similarity.device) - 1
    nodes = trees.sum((-2, -1)) + last + 1
    root = similarity[..., sentence, 0, last]
    return nodes - tree_value(similarity, trees, lengths) - root


DECODERS: dict[str, Callable[[Tensor], Tensor]] = {"chart": chart_splits, "greedy": greedy_splits}
