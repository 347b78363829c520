"""t_score: how much better the projected tree fits a network's span vectors than a random tree does.

Source: Murty et al. 2023, *Grokking of Hierarchical Structure in Vanilla Transformers*, ACL, arXiv 2305.18741. Printed:
the mean over sentences of E_T[SCI(S, T)] - SCI(S, T_proj). The released code computes another number: it decodes
greedily, and at every node of the decoded tree subtracts what one random split would have given, drawn once. Here
every expectation is exact. The score is a sum over nodes and grows with the sentence, so compare it per node
between sets of different lengths; a node of two words adds nothing to the local baseline's score.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import unknown_name
from latebloom.instruments.bracketings import check_lengths
from latebloom.instruments.random_trees import LAWS, constituent_probability
from latebloom.instruments.tree_projection import Lengths, Projection, project, split_values

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True)
class TreeScore:
    """Scores of single sentences and of a set of them."""

    scores: Float[Tensor, "*lead sentence"]
    per_sentence: Float[Tensor, "*lead"]  # t_score: mean over sentences
    per_node: Float[Tensor, "*lead"]  # sum over sentences by the number of their nodes, n - 1 each; NaN without nodes
    projection: Projection


def tree_score(
    similarity: Float[Tensor, "*lead sentence start end"],
    lengths: Lengths,
    *,
    decoder: str = "chart",
    baseline: str = "random_splits",
) -> TreeScore:
    """t_score of sentences whose span similarities are given (`span_vectors.span_similarities`).

    `baseline`: `random_splits` or `uniform_trees`, whole random trees of that law (`random_trees`); or `local`,
    at each node of the projected tree the mean over its splits. The paper does not say which law it means.
    """
    if baseline not in BASELINES:
        raise unknown_name("baseline of the tree score", baseline, BASELINES)
    projection = project(similarity, lengths, decoder)
    scores = projection.value - BASELINES[baseline](similarity, projection.trees, lengths)
    nodes = int(np.sum(np.asarray(lengths) - 1))
    return TreeScore(scores, scores.mean(-1), scores.sum(-1) / (nodes or torch.nan), projection)


def tree_score_as_released(similarity: Float[Tensor, "*lead sentence start end"], lengths: Lengths) -> TreeScore:
    """The number whose single draw the released code prints: greedy trees against the mean split at each node."""
    return tree_score(similarity, lengths, decoder="greedy", baseline="local")


def expected_value(
    similarity: Float[Tensor, "*lead sentence start end"], lengths: Lengths, law: str = "random_splits"
) -> Float[Tensor, "*lead sentence"]:
    """Mean over random trees of their value: similarities summed over all nodes but the root."""
    n = torch.as_tensor(check_lengths(lengths, similarity), device=similarity.device)
    probability = constituent_probability(lengths, law).to(similarity)
    size = similarity.shape[-1] - probability.shape[-1]
    probability = torch.nn.functional.pad(probability, (0, size, 0, size))
    probability[torch.arange(len(n), device=n.device), 0, n - 1] = 0.0  # the root
    return torch.where(probability > 0, probability * similarity, torch.zeros_like(similarity)).sum((-2, -1))


def mean_split_value(
    similarity: Float[Tensor, "*lead sentence start end"], trees: Bool[Tensor, "*#lead sentence start end"]
) -> Float[Tensor, "*lead sentence"]:
    """Sum over a tree's nodes of what their two children are worth on average over all splits of the node."""
    total = torch.zeros(similarity.shape[:-2], dtype=similarity.dtype, device=similarity.device)
    for start, end, values in split_values(similarity):
        there = trees[..., start, end]
        total += torch.where(there, values.mean(-1), values.new_zeros(())).sum(-1)
    return total


def _whole_trees(law: str) -> Callable[[Tensor, Tensor, Lengths], Tensor]:
    return lambda similarity, trees, lengths: expected_value(similarity, lengths, law)


BASELINES: dict[str, Callable[[Tensor, Tensor, Lengths], Tensor]] = {
    "local": lambda similarity, trees, lengths: mean_split_value(similarity, trees),
    **{law: _whole_trees(law) for law in LAWS},
}
