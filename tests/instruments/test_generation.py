import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.generation import (
    DELETED,
    PREPOSED,
    choice_among,
    closing_accuracy,
    closing_distances,
    first_word_accuracy,
    full_sentence_accuracy,
    main_auxiliary_accuracy,
    main_verb_accuracy,
    prepose_delete_table,
    shares,
    until,
    without,
    word_at,
)
from latebloom.randomness import stream

WORDS = ["<pad>", "<end>", "my", "raven", "ravens", "that", "does", "doesn't", "sleep", "sleeps", "change", "changes"]
WORDS += ["your", "."]
PAD, END = 0, 1


def rows(*sentences, width=None):
    ids = [[WORDS.index(word) for word in sentence.split()] for sentence in sentences]
    width = width or max(map(len, ids))
    return torch.tensor([one + [PAD] * (width - len(one)) for one in ids])


def test_a_sentence_ends_where_its_end_symbol_stands():
    generated = rows("my raven <end> my my", "my <end> <end> raven <end>", "my raven that does sleep")
    assert until(generated, END, PAD).tolist() == rows("my raven", "my", "my raven that does sleep").tolist()


def test_first_word_and_full_sentence():
    gold = rows("does my raven change", "doesn't your raven sleep")
    predicted = torch.stack([
        rows("does my raven change", "doesn't your raven sleep", width=6),
        rows("does my raven sleep", "does your raven sleep", width=6),
        rows("does my raven change .", "doesn't your raven", width=6),
    ])  # fmt: skip
    assert first_word_accuracy(predicted, gold).tolist() == [1, 0.5, 1]
    assert full_sentence_accuracy(predicted, gold, PAD).tolist() == [1, 0, 0]
    assert full_sentence_accuracy(predicted[..., :3], gold, PAD).tolist() == [0, 0, 0]


def test_the_choice_among_auxiliaries_ignores_all_other_words():
    logits = torch.zeros(2, 3, len(WORDS))
    logits[..., WORDS.index("raven")] = 9.0  # the favourite, but not asked for
    does, doesnt = WORDS.index("does"), WORDS.index("doesn't")
    logits[0, :, does] = 1
    logits[1, :2, doesnt] = 1
    logits[1, 2, does] = 1
    gold = torch.tensor([does, does, doesnt])
    assert choice_among(logits, [doesnt, does])[0].tolist() == [does] * 3
    assert main_auxiliary_accuracy(logits, gold, [doesnt, does]).tolist() == pytest.approx([2 / 3, 0])


def test_shares_of_rules():
    chosen = torch.tensor([[5, 6, 7, 8], [5, 5, 5, 5]])
    found = shares(chosen, {"hierarchical": torch.tensor([5, 6, 0, 0]), "linear": torch.tensor([5, 0, 7, 0])})
    assert found["hierarchical"].tolist() == [0.5, 0.25]
    assert found["linear"].tolist() == [0.5, 0.25]


def test_main_verb_needs_the_kinds_of_all_words_and_the_verb_itself():
    kind = {"<pad>": 0, "<end>": 1, "my": 2, "your": 2, "raven": 3, "ravens": 3, "that": 4, ".": 8}
    category = torch.tensor([kind.get(word, 5) for word in WORDS])  # does, sleep, change, ...: 5
    gold = rows("my raven sleeps", "my raven that sleeps changes")
    verb = torch.tensor([2, 4])
    cases = {
        ("my raven sleeps", "my raven that sleeps changes"): 1,
        ("your ravens sleeps", "your raven that change changes"): 1,  # other words of the same kind
        ("my raven sleep", "my raven that sleeps change"): 0,  # the wrong form
        ("my raven changes", "my raven that sleeps changes"): 0.5,
        ("raven my sleeps", "my raven that sleeps"): 0,  # the wrong kinds
        ("my raven sleeps my", "my raven that sleeps changes"): 0.5,  # too long
    }
    for sentences, accuracy in cases.items():
        assert float(main_verb_accuracy(rows(*sentences), gold, verb, category, PAD)) == accuracy, sentences


def test_word_at_a_place():
    table = rows("my raven", "my raven that")
    assert word_at(table, torch.tensor([1, 2]), PAD).tolist() == [WORDS.index("raven"), WORDS.index("that")]
    assert word_at(table.expand(2, 2, 3), torch.tensor([7, 0]), PAD).tolist() == [[PAD, WORDS.index("my")]] * 2


def test_prepose_and_delete_by_hand():
    source = rows(*["my raven that doesn't sleep does change"] * 8)
    first, main = torch.full((8,), 3), torch.full((8,), 5)
    predicted = rows(
        "does my raven that doesn't sleep change",  # the hierarchical rule
        "doesn't my raven that sleep does change",  # the linear rule
        "doesn't my raven that doesn't sleep change",  # the first in front, the main one gone
        "does my raven that sleep does change",
        "does my raven that doesn't sleep does change",  # copied, nothing gone
        "my raven that doesn't sleep does change",  # nothing in front: its first word is another
        "raven my raven that doesn't sleep change",
        "does my raven",
    )
    found = prepose_delete_table(predicted, source, first, main, PAD)
    expected = dict.fromkeys([(p, d) for p in PREPOSED for d in DELETED], 0)
    for cell in [
        "main main",
        "first first",
        "first main",
        "main first",
        "main none",
        "other other",
        "other main",
        "main other",
    ]:
        expected[tuple(cell.split())] += 1 / 8
    assert {(p, d): float(found[i, j]) for i, p in enumerate(PREPOSED) for j, d in enumerate(DELETED)} == expected
    # Members lead, and one auxiliary at both places counts as the main one.
    assert torch.equal(prepose_delete_table(predicted.expand(2, 8, -1), source, first, main, PAD)[1], found)
    alone = prepose_delete_table(predicted[1:2], source[:1], first[:1], first[:1], PAD)
    assert float(alone[0, 0]) == 1


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=4), st.integers(0, 5))
def test_without_a_word_is_del(sentences, place):
    width = max(map(len, sentences))
    table = torch.tensor([one + [PAD] * (width - len(one)) for one in sentences])
    found = without(table, torch.full((len(sentences),), place), PAD)
    for row, one in zip(found.tolist(), sentences, strict=True):
        kept = one[:place] + one[place + 1 :]
        assert row == kept + [PAD] * (width - len(kept))


OPEN, CLOSE = (2, 3, 4), (5, 6, 7)


def dyck(seed, pairs):
    """A random well-nested string of so many pairs, with the distance of every closing bracket by its own stack."""
    rng, open_, word, distance = stream(seed, "dyck"), [], [], []
    left = pairs
    while left or open_:
        if left and (not open_ or rng.integers(2)):
            kind = int(rng.integers(3))
            open_.append((kind, len(word)))
            word.append(OPEN[kind])
            distance.append(0)
            left -= 1
        else:
            kind, at = open_.pop()
            distance.append(len(word) - at)
            word.append(CLOSE[kind])
    return word, distance


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_distances_of_brackets(seed, pairs):
    word, distance = dyck(seed, pairs)
    assert closing_distances(torch.tensor([word]), OPEN, CLOSE)[0].tolist() == distance


def test_far_brackets_count_only_if_far():
    # 2 [3 6]*5 5: the last bracket closes the first over ten places, five others their neighbours.
    word = [2, *[3, 6] * 5, 5]
    logits = torch.zeros(2, 1, len(word), 9)
    logits[..., 0] = 9.0  # padding, not asked for
    logits[:, 0, :, 6] = 1  # always says 6: right for the near ones
    logits[1, 0, -1, 5] = 2
    tokens = torch.tensor([word])
    assert closing_accuracy(logits, tokens, OPEN, CLOSE, min_distance=1).tolist() == pytest.approx([5 / 6, 1])
    assert closing_accuracy(logits, tokens, OPEN, CLOSE).tolist() == [0, 1]
    assert closing_accuracy(logits, tokens, OPEN, CLOSE, min_distance=11).tolist() == [0, 1]
    assert math.isnan(float(closing_accuracy(logits, tokens, OPEN, CLOSE, min_distance=12)[0]))


def test_a_bracket_that_closes_nothing_is_named():
    with pytest.raises(LatebloomError, match="Row 0 closes with token 6 at place 2 what is not open"):
        closing_distances(torch.tensor([[2, 3, 6, 5], [2, 3, 6, 5]])[:, [0, 0, 2, 3]], OPEN, CLOSE)
