import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.span_vectors import span_similarities
from latebloom.instruments.tree_projection import sci
from latebloom.instruments.tree_score import expected_value, tree_score, tree_score_as_released
from latebloom.randomness import stream
from tests.instruments.all_trees import all_trees, by_random_splits, spans_of, table_of, value
from tests.instruments.test_tree_projection import random_table
from tests.instruments.tiny_encoders import TinyEncoder, encode

LENGTHS = [6, 1, 4, 2, 5]


def recursion(similarity, first, last):
    """R(i,j), the mean over splits k of s(i,k) + s(k+1,j) + R(i,k) + R(k+1,j)."""
    if first == last:
        return 0.0
    return sum(
        float(similarity[first, k] + similarity[k + 1, last])
        + recursion(similarity, first, k)
        + recursion(similarity, k + 1, last)
        for k in range(first, last)
    ) / (last - first)


@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_expectations_are_the_means_over_all_trees(seed, lengths):
    table = random_table(seed, lengths)
    splits, uniform = (expected_value(table, lengths, law) for law in ("random_splits", "uniform_trees"))
    for number, n in enumerate(lengths):
        s = table[number]
        assert float(splits[number]) == pytest.approx(recursion(s, 0, n - 1), abs=1e-12)
        weighted = sum(p * value(s, tree, n) for tree, p in by_random_splits(0, n - 1))
        assert float(splits[number]) == pytest.approx(weighted if n > 1 else 0, abs=1e-12)
        every = [value(s, tree, n) for tree in all_trees(0, n - 1)]
        assert float(uniform[number]) == pytest.approx(sum(every) / len(every), abs=1e-12)


def test_the_printed_definition():
    """mean over sentences of E_T[SCI(S, T)] - SCI(S, T_proj), all three by brute force."""
    table = random_table(1, LENGTHS)
    found = tree_score(table, LENGTHS, baseline="uniform_trees")
    slow = []
    for number, n in enumerate(LENGTHS):
        every = [float(sci(table, table_of(tree, 6), LENGTHS)[number]) for tree in all_trees(0, n - 1)]
        slow.append(sum(every) / len(every) - min(every))
    assert found.scores.tolist() == pytest.approx(slow, abs=1e-12)
    assert float(found.per_sentence) == pytest.approx(sum(slow) / 5)
    assert float(found.per_node) == pytest.approx(sum(slow) / (5 + 0 + 3 + 1 + 4))


def released_draw(similarity, first, last, rng):
    """One draw of the score as released: greedy, less one random split at every node."""
    if first == last:
        return 0.0
    worth = {k: float(similarity[first, k] + similarity[k + 1, last]) for k in range(first, last)}
    best = max(worth, key=worth.get)
    return (
        worth[best]
        - worth[first + int(rng.integers(last - first))]
        + released_draw(similarity, first, best, rng)
        + released_draw(similarity, best + 1, last, rng)
    )


def test_as_released_is_the_mean_of_its_draws():
    table, rng = random_table(2, LENGTHS), stream(2, "draws")
    found = tree_score_as_released(table, LENGTHS)
    for number, n in enumerate(LENGTHS):
        draws = np.array([released_draw(table[number], 0, n - 1, rng) for _ in range(1500)])
        error = draws.std() / math.sqrt(len(draws))
        assert abs(float(found.scores[number]) - draws.mean()) <= 4 * error + 1e-12


def test_sampled_trees_agree_with_the_exact_expectation_on_a_long_sentence():
    n, rng = 12, stream(3, "whole trees")
    table = random_table(3, [n])

    def draw(first, last):
        if first == last:
            return 0.0
        k = first + int(rng.integers(last - first))
        return float(table[0, first, k] + table[0, k + 1, last]) + draw(first, k) + draw(k + 1, last)

    draws = np.array([draw(0, n - 1) for _ in range(1500)])
    assert abs(float(expected_value(table, [n])) - draws.mean()) <= 4 * draws.std() / math.sqrt(len(draws))


def test_a_planted_tree_has_the_score_computed_by_hand():
    """Similarity 1 for the nodes of ((0 1) (2 3)) and single words, 0 for others."""
    s = torch.eye(4, dtype=torch.float64)[None]
    s[0, 0, 1] = s[0, 2, 3] = 1
    # Uniform trees of 4 words: 5 of them; (0,1) is in 2, (2,3) in 2. Random splits: 1/2 each.
    assert float(tree_score(s, [4], baseline="uniform_trees").per_sentence) == pytest.approx(2 - 4 / 5)
    assert float(tree_score(s, [4], baseline="random_splits").per_sentence) == pytest.approx(2 - 1)
    # Local: the root's splits are worth 1 (a word), 2 and 1; two-word nodes have one split and add 0.
    assert float(tree_score_as_released(s, [4]).per_sentence) == pytest.approx(2 - 4 / 3)
    assert float(tree_score_as_released(s, [4]).per_node) == pytest.approx((2 - 4 / 3) / 3)


def test_no_structure_no_score():
    for baseline in ("local", "random_splits", "uniform_trees"):
        for decoder in ("chart", "greedy"):
            found = tree_score(torch.full((3, 6, 6), 0.4).double(), [6, 3, 2], decoder=decoder, baseline=baseline)
            assert found.scores.tolist() == pytest.approx([0, 0, 0], abs=1e-12)


def test_two_words_have_one_tree_and_no_score():
    found = tree_score(random_table(0, [2, 2]), [2, 2])
    assert found.scores.tolist() == pytest.approx([0, 0], abs=1e-12)
    assert math.isnan(float(tree_score(random_table(0, [1]), [1]).per_node))


def test_wider_tables_than_needed_and_leading_axes():
    table = random_table(4, [3, 5], lead=(2,))
    wide = torch.nn.functional.pad(table, (0, 2, 0, 2), value=torch.nan)
    for baseline in ("local", "random_splits", "uniform_trees"):
        narrow = tree_score(table, [3, 5], baseline=baseline)
        torch.testing.assert_close(tree_score(wide, [3, 5], baseline=baseline).scores, narrow.scores)
        alone = tree_score(table[1], [3, 5], baseline=baseline)
        torch.testing.assert_close(narrow.per_sentence[1], alone.per_sentence)


def test_from_tokens_to_score_with_every_step_by_hand():
    model = TinyEncoder(causal=True)
    spans = span_similarities(encode(model), [[5, 9, 7, 7, 3], [1, 2, 3]], causal=True, before=[0])
    found = tree_score(spans.similarity, spans.lengths)
    for number, n in enumerate(spans.lengths):
        s = spans.similarity[number]
        best = max(all_trees(0, n - 1), key=lambda tree: value(s, tree, n))
        assert spans_of(found.projection.trees[number]) == {span for span in best if span[0] < span[1]}
        assert float(found.scores[number]) == pytest.approx(value(s, best, n) - recursion(s, 0, n - 1))
        assert float(found.scores[number]) > 0


def test_an_unknown_baseline_is_refused_with_the_known_ones():
    with pytest.raises(LatebloomError, match=r"'locl'\. Did you mean 'local'"):
        tree_score(torch.zeros(1, 3, 3), [3], baseline="locl")
