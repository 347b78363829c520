"""Sentences as integers: decoding, drawing without repeats, cells that run out, and what repeats do to shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.language.grammar import Grammar, after_repeats, draw, everything
from latebloom.tasks.language.lexicon import agreement_words, question_words, tense_words
from latebloom.tasks.language.shares import fold, largest_remainder, spread, where, with_clause_share
from latebloom.tasks.language.structure import CELLS, CLAUSES, Template
from latebloom.tasks.language.trees import Tree

NOTHING = np.empty(0, dtype=np.int64)
each_grammar = pytest.mark.parametrize("auxiliaries", [True, False])


def test_vocabularies_have_the_published_sizes():
    assert len(question_words()) == 68
    assert len(tense_words()) == 98
    assert len(agreement_words()) == 79  # 6 + 26 + 8 + 2 + 2 * 18 and the period
    assert {"tyrannosauruses", "walruses", "yaks", "don't", "quest", "decl", "?"} <= question_words()
    assert {"slept", "swam", "ate", "read", "high_fived", "applauded", "giggled", "PAST"} <= tense_words()


@each_grammar
def test_capacity_is_the_number_of_sentences_of_a_cell_counted_one_by_one(auxiliaries):
    grammar = Grammar.of(auxiliaries)
    size = int(grammar.capacity[0])  # bare + intransitive
    assert size == 6 * 26 * 9 * (2 if auxiliaries else 1)
    sentences = grammar.decode(np.arange(size))
    seen = {(*n, *c) for n, c in zip(sentences.numbers.tolist(), sentences.choices.tolist(), strict=True)}
    assert len(seen) == size


@each_grammar
@given(data=st.data())
def test_encode_undoes_decode(auxiliaries, data):
    grammar = Grammar.of(auxiliaries)
    cell = data.draw(st.integers(0, len(CELLS) - 1))
    key = int(grammar.first[cell]) + data.draw(st.integers(0, int(grammar.capacity[cell]) - 1))
    found, template = grammar.decode(np.array([key])), grammar.templates[cell]
    assert found.cell[0] == cell and found.length[0] == len(template.slots)
    numbers = tuple(found.numbers[0, : len(template.numbers)].tolist())
    choices = tuple(found.choices[0, : len(template.slots)].tolist())
    assert grammar.encode(cell, numbers, choices) == key
    for number, fixed in zip(numbers, template.numbers, strict=True):
        assert fixed in (None, number)


@each_grammar
def test_words_and_numbers_are_uniform(auxiliaries):
    grammar = Grammar.of(auxiliaries)
    cell = CELLS.index(("PP", "PP"))
    shares = np.zeros(len(CELLS))
    shares[cell] = 1.0
    sentences = grammar.decode(draw(grammar, shares, 20_000, stream(0, "uniform"), NOTHING))
    for feature in range(4):
        assert abs(sentences.numbers[:, feature].mean() - 0.5) < 4 * 0.5 / np.sqrt(20_000)
    for place, slot in enumerate(grammar.templates[cell].slots):
        counts = np.bincount(sentences.choices[:, place])
        choices = {"Det": 6, "N": 13, "Prep": 8, "Aux": 2, "Vt": 9}[slot.part]
        assert len(counts) == choices
        assert np.abs(counts / 20_000 - 1 / choices).max() < 4 * np.sqrt(1 / choices / 20_000)


@each_grammar
@pytest.mark.parametrize("count", [1, 400, 5000])
def test_drawn_sentences_are_distinct_and_none_was_taken(auxiliaries, count):
    grammar = Grammar.of(auxiliaries)
    shares = np.full(len(CELLS), 1 / len(CELLS))
    taken = draw(grammar, shares, 3000, stream(0, "first"), NOTHING)
    keys = draw(grammar, shares, count, stream(0, "second"), taken)
    assert len(keys) == len(np.unique(keys)) == count
    assert not np.isin(keys, taken).any()


def test_a_cell_that_runs_out_gives_all_it_has_and_the_others_make_up():
    grammar = Grammar.of(False)
    shares = np.zeros(len(CELLS))
    shares[0], shares[1] = 0.9, 0.1
    keys = draw(grammar, shares, 5000, stream(0, "run out"), NOTHING)
    cells = np.bincount(grammar.cells(keys), minlength=2)
    assert cells[:2].tolist() == [1404, 5000 - 1404]
    shares[1] = 0.0
    with pytest.raises(LatebloomError, match="5000 different sentences were asked for, but only 1404"):
        draw(grammar, shares, 5000, stream(0, "run out"), NOTHING)


def test_accept_is_obeyed():
    grammar = Grammar.of(True)
    shares = np.full(len(CELLS), 1 / len(CELLS))
    keys = draw(grammar, shares, 500, stream(0, "accept"), NOTHING, lambda s: s.numbers[:, 0] == 1)
    assert (grammar.decode(keys).numbers[:, 0] == 1).all()
    assert everything(grammar.decode(keys)).all()


def test_dropping_repeats_lowers_small_cells_as_drawing_and_dropping_does():
    grammar = Grammar.of(True)
    printed = np.full((3, 4), 1 / 18) + np.array([[1 / 9, 0, 0, 0]] * 3)  # half intransitive
    shares = spread(printed, np.full(4, 0.25), np.full(4, 0.25))
    generator = stream(0, "slow")
    draws = grammar.first + (generator.random((30_000, len(CELLS))) * grammar.capacity).astype(np.int64)
    cells = generator.choice(len(CELLS), p=shares, size=30_000)
    kept = np.unique(draws[np.arange(30_000), cells])
    slow = np.bincount(grammar.cells(kept), minlength=len(CELLS)) / len(kept)
    fast = after_repeats(shares, grammar.capacity, len(kept))
    assert shares[0] > 0.16 and fast[0] < 0.12  # bare + intransitive has 2,808 sentences only
    assert np.abs(slow - fast).max() < 4 * np.sqrt(0.25 / len(kept))
    assert abs(slow[0] - fast[0]) < 4 * np.sqrt(0.1 / len(kept))
    with pytest.raises(LatebloomError, match="no 2809 different sentences"):
        after_repeats(where(("bare",), ("intransitive",)), grammar.capacity, 2809)


@given(st.lists(st.floats(0.01, 1), min_size=12, max_size=12), st.floats(0.05, 0.95))
def test_shares_keep_their_tables(values, share):
    table = np.array(values).reshape(3, 4) / sum(values)
    clauses = np.array([0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(fold(spread(table, clauses, clauses)), table)
    moved = with_clause_share(spread(table, clauses, clauses), share)
    assert (moved * where(CLAUSES)).sum() == pytest.approx(share)
    assert moved.sum() == pytest.approx(1)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=6), st.integers(0, 20_000))
def test_largest_remainder_adds_up_and_is_near(weights, total):
    exact = np.array(weights) * total / sum(weights)
    counts = largest_remainder(np.array(weights), total)
    assert counts.sum() == total
    assert (np.abs(counts - exact) < 1).all()


@each_grammar
def test_trees_are_binary_and_cover_their_words(auxiliaries):
    for cell in range(len(CELLS)):
        template = Template.build(cell, auxiliaries)
        words = [f"w{place}" for place in range(len(template.slots))]
        tree = template.tree.filled(words)
        assert tree.words() == words
        assert len(tree.brackets()) == len(words) - 1  # binary, whole sentence included
        assert len(set(tree.brackets())) == len(words) - 1
        assert all(len(node.children) in (0, 2) for node in _nodes(tree))


def _nodes(tree):
    yield tree
    for child in tree.children:
        yield from _nodes(child)


def test_a_tree_of_the_wrong_size():
    tree = Tree("NP", (Tree("Det", word="the"), Tree("N", word="newt")))
    with pytest.raises(LatebloomError, match="over 2 words cannot take 3"):
        tree.filled(["a", "b", "c"])
