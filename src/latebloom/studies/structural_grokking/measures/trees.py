"""How tree-like the last states are, and whether their trees are those of the grammar."""

from functools import lru_cache

import torch
from torch import Tensor

from latebloom.instruments.bracketings import left_branching
from latebloom.instruments.parseval import baseline_scores, bracket_scores
from latebloom.instruments.span_vectors import Spans, span_similarities
from latebloom.instruments.tree_projection import project
from latebloom.instruments.tree_score import tree_score, tree_score_as_released
from latebloom.models import Decoder
from latebloom.models.base import Parameters
from latebloom.studies.structural_grokking.measures.attention import decoder
from latebloom.studies.structural_grokking.measures.items import Sources, by_corpus, pair_task, sources
from latebloom.tasks.language.pair_task import PairTask
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

SENTENCES = 200  # of training, and half as many withheld ones


@measure("structural_grokking.trees")
def trees(view: View) -> Columns:
    """Tree projections of a member's training sentences, and of withheld ones.

    Of Question Formation it is the training sentences that become questions.
    `t_score` by the definition (chart, whole random trees) and `t_score_released` (greedy, mean split at each node),
    per sentence; `t_score_per_node`. `t_parseval` of greedy trees, as published, `t_parseval_chart` of exact ones, with
    `..._gen` on withheld sentences, and beside them what right-branching trees score (`right_branching`, `..._gen`).
    `greedy_equal`: share of sentences whose greedy tree is the exact one; `greedy_gap`: mean value lost.

    In a causal network every span that begins at the first word is alike with and without context, so the
    left-branching tree has the largest value there can be: it is the exact projection, whatever the network computes.
    `chart_left_branching` is the share of sentences where the chart says so. The published numbers measure what greedy
    decoding does differently.
    """
    model = decoder(view, "structural_grokking.trees")
    pair_task(view, "structural_grokking.trees")
    return by_corpus(view, lambda params, task: _measured(model, params, task))


def _measured(model: Decoder, params: Parameters, task: PairTask) -> Columns:
    training = sources(task, "train", SENTENCES, transformed=task.auxiliaries)
    withheld = sources(task, "gen", SENTENCES // 2)
    spans = similarities(model, params, task, training)
    exact = tree_score(spans.similarity, spans.lengths)
    released = tree_score_as_released(spans.similarity, spans.lengths)
    chart, greedy = exact.projection, released.projection
    elsewhere = similarities(model, params, task, withheld)
    found = {
        "t_score": exact.per_sentence,
        "t_score_per_node": exact.per_node,
        "t_score_released": released.per_sentence,
        "t_parseval": bracket_scores(greedy.trees, training.gold).f1,
        "t_parseval_chart": bracket_scores(chart.trees, training.gold).f1,
        "t_parseval_gen": bracket_scores(
            project(elsewhere.similarity, elsewhere.lengths, "greedy").trees, withheld.gold
        ).f1,
        "greedy_equal": (chart.trees == greedy.trees).all(-1).all(-1).double().mean(-1),
        "greedy_gap": (chart.value - greedy.value).mean(-1),
        "t_score_greedy": tree_score(spans.similarity, spans.lengths, decoder="greedy").per_sentence,
        "chart_left_branching": (chart.trees == left_branching(spans.lengths)).all(-1).all(-1).double().mean(-1),
    }
    members = len(next(iter(params.values())))
    return found | {
        "right_branching": torch.full((members,), right_branching(task, "train")),
        "right_branching_gen": torch.full((members,), right_branching(task, "gen")),
    }


def similarities(model: Decoder, params: Parameters, task: PairTask, found: Sources) -> Spans:
    """Similarity of every span of every sentence with itself out of context, [member, sentence, start, end]."""

    def encode(tokens: Tensor, positions: Tensor) -> Tensor:
        return model.states(params, tokens[None], positions=positions)

    return span_similarities(encode, found.words, causal=True, before=[task.vocabulary.start])


@lru_cache(maxsize=16)
def right_branching(task: PairTask, split: str) -> float:
    """F1 of right-branching trees on the sentences of `trees`."""
    count, transformed = (SENTENCES, task.auxiliaries) if split == "train" else (SENTENCES // 2, True)
    found = sources(task, split, count, transformed)
    return baseline_scores(found.gold, found.lengths)["right_branching"]
