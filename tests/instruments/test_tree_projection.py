import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.tree_projection import project, sci, tree_value
from latebloom.randomness import stream
from tests.instruments.all_trees import all_trees, spans_of, table_of, value


def random_table(seed, lengths, lead=()):
    size = max(lengths)
    table = torch.from_numpy(stream(seed, "similarities").uniform(-1, 1, (*lead, len(lengths), size, size)))
    for number, length in enumerate(lengths):
        outside = torch.ones(size, size, dtype=torch.bool)
        outside[:length, :length] = torch.ones(length, length, dtype=torch.bool).tril(-1)
        table[..., number, outside] = torch.nan  # as span_similarities leaves it
    return table


def greedy_by_hand(similarity, first, last):
    if first == last:
        return frozenset()
    split = max(range(first, last), key=lambda k: float(similarity[first, k] + similarity[k + 1, last]))
    return greedy_by_hand(similarity, first, split) | greedy_by_hand(similarity, split + 1, last) | {(first, last)}


@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_the_chart_finds_the_best_of_all_trees(seed, lengths):
    table = random_table(seed, lengths)
    found = project(table, lengths)
    for number, n in enumerate(lengths):
        trees = all_trees(0, n - 1)
        best = max(trees, key=lambda tree: value(table[number], tree, n))
        assert torch.equal(found.trees[number], table_of(best, max(lengths)))
        assert float(found.value[number]) == pytest.approx(value(table[number], best, n) if n > 1 else 0, abs=1e-12)
        distances = [float(sci(table, table_of(tree, max(lengths)), lengths)[number]) for tree in trees]
        assert float(sci(table, found.trees, lengths)[number]) == pytest.approx(min(distances), abs=1e-12)


@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_greedy_goes_down_as_by_hand_and_never_beats_the_chart(seed, lengths):
    table = random_table(seed, lengths)
    found = project(table, lengths, "greedy")
    for number, n in enumerate(lengths):
        assert spans_of(found.trees[number]) == greedy_by_hand(table[number], 0, n - 1)
    assert (found.value <= project(table, lengths).value + 1e-12).all()


@pytest.mark.parametrize("decoder", ["chart", "greedy"])
@given(seed=st.integers(0, 10**6), choice=st.integers(0, 10**6), n=st.integers(2, 7))
def test_a_planted_tree_is_found(decoder, seed, choice, n):
    trees = all_trees(0, n - 1)
    planted = table_of(trees[choice % len(trees)], n)
    noise = 0.1 * random_table(seed, [n]).nan_to_num(0)[0]
    table = torch.where(planted | torch.eye(n, dtype=torch.bool), 0.9, 0.3) + noise
    assert torch.equal(project(table[None], [n], decoder).trees[0], planted)


def test_greedy_misses_a_good_node_below_a_bad_one():
    """Four words; the best split of the whole hides the only good pair (1, 2)."""
    s = torch.zeros(1, 4, 4, dtype=torch.float64)
    s[0, 0, 1] = s[0, 2, 3] = 0.3  # ((0 1) (2 3)) looks best from the top: 0.6
    s[0, 0, 2] = 0.5  # ((0 (1 2)) 3) starts with 0.5
    s[0, 1, 2] = 1.0
    greedy, chart = project(s, [4], "greedy"), project(s, [4], "chart")
    assert spans_of(greedy.trees[0]) == {(0, 3), (0, 1), (2, 3)}
    assert spans_of(chart.trees[0]) == {(0, 3), (0, 2), (1, 2)}
    assert (float(greedy.value), float(chart.value)) == (0.6, 1.5)


@pytest.mark.parametrize("decoder", ["chart", "greedy"])
def test_ties_go_to_the_left_split(decoder):
    found = project(torch.ones(1, 5, 5), [5], decoder)
    assert spans_of(found.trees[0]) == {(0, 4), (1, 4), (2, 4), (3, 4)}


def test_leading_axes_and_lengths_do_not_see_each_other():
    lengths = [3, 7, 1, 5]
    table = random_table(3, lengths, lead=(2, 3))
    together = project(table, lengths)
    for index in np.ndindex(2, 3):
        for number, n in enumerate(lengths):
            alone = project(table[(*index, slice(number, number + 1))][:, :n, :n], [n])
            assert torch.equal(together.trees[(*index, number)][:n, :n], alone.trees[0])
            assert not together.trees[(*index, number)][n:].any()
            assert float(together.value[(*index, number)]) == pytest.approx(float(alone.value), abs=1e-12)


def test_sci_and_value_by_hand():
    s = torch.tensor([[[0.9, 0.4, 1.0], [0.0, 0.8, 0.5], [0.0, 0.0, 0.7]]], dtype=torch.float64)
    tree = table_of({(0, 2), (1, 2)}, 3)[None]
    assert float(tree_value(s, tree, [3])) == pytest.approx(0.9 + 0.8 + 0.7 + 0.5)
    assert float(sci(s, tree, [3])) == pytest.approx(0.1 + 0.2 + 0.3 + 0.5 + 0.0)
    assert float(sci(s[:, :1, :1], torch.zeros(1, 1, 1, dtype=torch.bool), [1])) == pytest.approx(0.1)


def test_errors_say_what_would_be_right():
    with pytest.raises(LatebloomError, match=r"Unknown decoder 'chat'\. Did you mean 'chart'"):
        project(torch.zeros(1, 3, 3), [3], "chat")
    with pytest.raises(
        LatebloomError, match=r"shape \(3, 3\) does not fit 1 sentences; it must be \[..., 1, words, words\]"
    ):
        project(torch.zeros(3, 3), [3])
    with pytest.raises(LatebloomError, match="from 2 to 4 words do not fit a table for 1 to 3 words"):
        project(torch.zeros(2, 3, 3), [2, 4])
