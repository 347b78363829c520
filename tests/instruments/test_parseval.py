import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.bracketings import balanced, from_nested, right_branching
from latebloom.instruments.parseval import baseline_scores, bracket_scores
from latebloom.instruments.random_trees import constituent_probability
from latebloom.randomness import stream
from tests.instruments.all_trees import all_trees, by_random_splits, spans_of, table_of


@given(n=st.integers(1, 7))
def test_probabilities_are_frequencies_over_all_trees(n):
    trees = all_trees(0, n - 1)
    uniform, splits = (constituent_probability([n], law)[0] for law in ("uniform_trees", "random_splits"))
    weighted = list(by_random_splits(0, n - 1))
    assert len(trees) == math.comb(2 * n - 2, n - 1) // n
    for first in range(n):
        for last in range(n):
            count = sum((first, last) in tree for tree in trees)
            assert float(uniform[first, last]) == pytest.approx(count / len(trees))
            share = sum(p for tree, p in weighted if (first, last) in tree)
            assert float(splits[first, last]) == pytest.approx(share)


@pytest.mark.parametrize("law", ["random_splits", "uniform_trees"])
def test_every_binary_tree_has_one_bracket_less_than_words(law):
    lengths = [1, 2, 3, 10, 60]
    probability = constituent_probability(lengths, law)
    assert torch.isfinite(probability).all() and (probability <= 1 + 1e-9).all()
    assert probability.sum((-2, -1)).tolist() == pytest.approx([2 * n - 1 for n in lengths])


def random_tree(rng, n):
    trees = all_trees(0, n - 1)
    return trees[int(rng.integers(len(trees)))]


@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(2, 7), min_size=1, max_size=6))
def test_scores_count_brackets_over_the_corpus(seed, lengths):
    rng = stream(seed, "two trees a sentence")
    pairs = [(random_tree(rng, n), random_tree(rng, n)) for n in lengths]
    found, gold = (torch.stack([table_of(pair[side], max(lengths)) for pair in pairs]) for side in (0, 1))
    scores = bracket_scores(found, gold)
    hits = sum(
        len(spans_of(table_of(a, n)) & spans_of(table_of(b, n))) for (a, b), n in zip(pairs, lengths, strict=True)
    )
    expected = hits / sum(n - 1 for n in lengths)
    assert [float(scores.f1), float(scores.precision), float(scores.recall)] == pytest.approx([expected] * 3)
    assert float(bracket_scores(gold, gold).f1) == 1


def test_flat_gold_trees_have_fewer_brackets():
    gold, _ = from_nested([("a", "b", "c", "d")])
    scores = bracket_scores(right_branching([4]), gold)
    assert (float(scores.precision), float(scores.recall), float(scores.f1)) == pytest.approx((1 / 3, 1, 1 / 2))


def test_members_and_wider_tables():
    gold, lengths = from_nested([("a", ("b", "c")), (("a", "b"), ("c", "d"))])
    wide = torch.nn.functional.pad(torch.stack([gold, right_branching(lengths)]), (0, 3, 0, 3))
    assert bracket_scores(wide, gold).f1.tolist() == pytest.approx([1, 4 / 5])


@pytest.mark.parametrize("law", ["random_splits", "uniform_trees"])
def test_random_baselines_are_the_mean_over_trees(law):
    rng = stream(0, "gold")
    lengths = [6, 3, 5]
    gold = torch.stack([table_of(random_tree(rng, n), 6) for n in lengths])
    hits = 0.0
    for number, n in enumerate(lengths):
        trees = by_random_splits(0, n - 1)
        if law == "uniform_trees":
            trees = ((tree, 1 / len(all_trees(0, n - 1))) for tree in all_trees(0, n - 1))
        hits += sum(p * len(spans_of(table_of(tree, 6)) & spans_of(gold[number])) for tree, p in trees)
    assert baseline_scores(gold, lengths)[law] == pytest.approx(hits / (5 + 2 + 4))


NP = ("det", "noun")
PP = (NP, ("prep", NP))


def question_corpus():
    """Structures in the proportions of the published files (shares in thousandths, relative clauses split further)."""
    relative = [(NP, ("rel", ("aux", "v")))] * 2
    relative += [(NP, ("rel", ("aux", ("v", NP)))), (NP, ("rel", (NP, ("aux", "v"))))]
    trees = []
    for subject, counts in ((NP, (7, 193, 206, 254)), (PP, (78, 79, 79, 104))):
        objects = (("aux", "v"), ("aux", ("v", NP)), ("aux", ("v", PP)))
        for verb_phrase, count in zip(objects, counts[:3], strict=True):
            trees += [(subject, verb_phrase)] * (4 * count)
        trees += [(subject, ("aux", ("v", object_))) for object_ in relative for _ in range(counts[3])]
    return trees


def tense_corpus():
    """Even choices; half of the present sentences whose subject holds a second noun were withheld, so 3 of 4 remain."""
    relative = [(NP, ("rel", "v")), (NP, ("rel", ("v", NP))), (NP, ("rel", (NP, "v")))]
    objects = [(NP, 3), (PP, 3), *[(one, 1) for one in relative]]
    remaining = [(NP, 12), (PP, 9), (relative[0], 4), (relative[1], 3), (relative[2], 3)]
    trees = []
    for subject, times in remaining:
        for object_, often in [(None, 3), *objects]:
            # The shortest sentences are half as many as drawn, because repeated ones were dropped.
            count = times * often // (2 if object_ is None and subject is NP else 1)
            trees += [(subject, "v" if object_ is None else ("v", object_))] * count
    return trees


@pytest.mark.parametrize(
    ("corpus", "published"),
    [
        (
            question_corpus,
            {"right_branching": 0.662, "left_branching": 0.288, "random_splits": 0.393, "balanced": 0.558},
        ),
        (tense_corpus, {"right_branching": 0.501, "left_branching": 0.365, "random_splits": 0.411, "balanced": 0.548}),
    ],
)
def test_baselines_of_the_published_corpora(corpus, published):
    """The structures of McCoy et al.'s files (2020, arXiv 2001.03632) in their counted proportions, to three digits."""
    gold, lengths = from_nested(corpus())
    found = baseline_scores(gold, lengths)
    for name, value in published.items():
        assert found[name] == pytest.approx(value, abs=0.002), name


def test_which_half_is_longer_matters():
    """The published value is that of a longer right half; the mirror image is eleven points lower."""
    gold, lengths = from_nested(question_corpus())
    assert float(bracket_scores(balanced(lengths, "left"), gold).f1) == pytest.approx(0.446, abs=0.002)


def test_other_sentences_are_refused():
    with pytest.raises(LatebloomError, match=r"shape \(2, 3, 3\).*shape \(3, 3, 3\).*same sentences"):
        bracket_scores(right_branching([3, 3]), right_branching([3, 3, 3]))
    with pytest.raises(LatebloomError, match=r"Unknown law of random trees 'uniform'\. Did you mean 'uniform_trees'"):
        constituent_probability([3], "uniform")
