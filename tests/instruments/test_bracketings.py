import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.bracketings import (
    balanced,
    from_nested,
    from_splits,
    left_branching,
    right_branching,
    to_nested,
)
from latebloom.randomness import stream
from tests.instruments.all_trees import all_trees, spans_of, table_of

NESTED = st.recursive(
    st.integers(0, 99), lambda inner: st.lists(inner, min_size=2, max_size=4).map(tuple), max_leaves=9
)


def leaves(tree):
    return [leaf for child in tree for leaf in leaves(child)] if isinstance(tree, tuple) else [tree]


@given(NESTED)
def test_there_and_back(tree):
    table, lengths = from_nested([tree])
    assert lengths.tolist() == [len(leaves(tree))]
    assert to_nested(table[0], leaves(tree)) == tree


def test_a_tree_by_hand():
    table, lengths = from_nested([(("my", "walrus"), ("does", "sleep")), ["a", "b"], "yes"])
    assert lengths.tolist() == [4, 2, 1]
    assert [spans_of(one) for one in table] == [{(0, 3), (0, 1), (2, 3)}, {(0, 1)}, set()]


def test_brackets_that_join_nothing_leave_words_side_by_side():
    assert to_nested(torch.zeros(3, 3, dtype=torch.bool), "abc") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("shape", "trees"),
    [
        (right_branching, ["a", ("a", "b"), ("a", ("b", ("c", ("d", "e"))))]),
        (left_branching, ["a", ("a", "b"), (((("a", "b"), "c"), "d"), "e")]),
        (balanced, ["a", ("a", "b"), (("a", "b"), ("c", ("d", "e")))]),
        (lambda lengths: balanced(lengths, "left"), ["a", ("a", "b"), ((("a", "b"), "c"), ("d", "e"))]),
    ],
    ids=["right", "left", "balanced", "balanced left"],
)
def test_shapes_of_one_two_and_five_words(shape, trees):
    assert torch.equal(shape([1, 2, 5]), from_nested(trees)[0])


@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_splits_of_any_tree_give_the_tree_whatever_the_other_splits_say(seed, lengths):
    rng = stream(seed, "splits")
    size = max(lengths)
    splits = torch.from_numpy(rng.integers(-3, 9, (len(lengths), size, size)))
    chosen = [trees[int(rng.integers(len(trees)))] for trees in (all_trees(0, n - 1) for n in lengths)]
    for number, tree in enumerate(chosen):
        for first, last in tree:
            for k in range(first, last):
                if {(first, k), (k + 1, last)} <= tree:
                    splits[number, first, last] = k
    found = from_splits(splits, lengths)
    assert torch.equal(found, torch.stack([table_of(tree, size) for tree in chosen]))


def test_errors_say_what_would_be_right():
    with pytest.raises(LatebloomError, match=r"node \('a',\) has 1 children; a node needs two"):
        from_nested([("b", ("a",))])
    with pytest.raises(LatebloomError, match="No trees"):
        from_nested([])
    with pytest.raises(LatebloomError, match="longer is 'middle'; the longer half is 'right' or 'left'"):
        balanced([3], "middle")
