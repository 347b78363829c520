"""t_parseval: how many brackets of a tree are those of the grammar's tree.

Source: Murty et al. 2023, arXiv 2305.18741: unlabelled bracketing F1 over the whole corpus; brackets are all
constituents of at least two words, the whole sentence included. Two binary trees of a sentence have equally many, so
precision, recall and F1 are one number. Trees are tables of constituents (`bracketings`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.bracketings import balanced, check_lengths, left_branching, right_branching
from latebloom.instruments.random_trees import LAWS, constituent_probability
from latebloom.instruments.tree_projection import Lengths

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True)
class BracketScores:
    """Micro-averages over sentences; NaN where there is no bracket to be counted."""

    f1: Float[Tensor, "*lead"]
    precision: Float[Tensor, "*lead"]
    recall: Float[Tensor, "*lead"]


def bracket_scores(
    trees: Bool[Tensor, "*lead sentence start end"] | Float[Tensor, "*lead sentence start end"],
    gold: Bool[Tensor, "*#lead sentence start end"],
) -> BracketScores:
    """Brackets of `trees` that are in `gold`, by those there are in `trees` (precision) and `gold` (recall).

    Tables may be padded to different lengths. `trees` may be probabilities of brackets: then this is the score of
    expected counts, exact for random binary trees, whose number of brackets is fixed.
    """
    if trees.ndim < 3 or gold.ndim < 3 or trees.shape[-3] != gold.shape[-3]:
        raise LatebloomError(
            f"Trees of shape {tuple(trees.shape)} and gold trees of shape {tuple(gold.shape)} must both be "
            "[..., sentence, start, end] for the same sentences."
        )
    shared = min(trees.shape[-1], gold.shape[-1])
    both = trees[..., :shared, :shared].double() * gold[..., :shared, :shared].double()
    hits, found, wanted = (table.double().sum((-3, -2, -1)) for table in (both, trees, gold))
    return BracketScores(2 * hits / (found + wanted), hits / found, hits / wanted)


def baseline_scores(gold: Bool[Tensor, "sentence start end"], lengths: Lengths) -> dict[str, float]:
    """F1 of trees that know nothing but the length: right- and left-branching, balanced, random (exact means)."""
    check_lengths(lengths, gold)
    guesses = {
        "right_branching": right_branching(lengths).double(),
        "left_branching": left_branching(lengths).double(),
        "balanced": balanced(lengths).double(),
        **{law: _brackets_only(constituent_probability(lengths, law)) for law in LAWS},
    }
    return {name: float(bracket_scores(guess.to(gold.device), gold).f1) for name, guess in guesses.items()}


def _brackets_only(probability: Float[Tensor, "sentence start end"]) -> Float[Tensor, "sentence start end"]:
    return torch.triu(probability, diagonal=1)  # without single words
