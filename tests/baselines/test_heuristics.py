"""Rules of word order on the tasks they were made for: perfect in distribution, and what they score when it counts."""

import numpy as np
import pytest

from latebloom.baselines.heuristics import (
    agree,
    expected_accuracy,
    first_auxiliary,
    first_place,
    front_first,
    inflect,
    last_place,
    uniform_over,
)
from latebloom.tasks.language import QuestionFormation, TenseInflection
from latebloom.tasks.language.lexicon import AUXILIARIES, NOUNS, PAST, PRESENT

SIZES = {"n_train": 10, "n_val": 600, "n_test": 10, "n_gen": 900, "n_eval": None}
QUESTION, TENSE = QuestionFormation.parse(SIZES), TenseInflection.parse(SIZES)
FORMS = {
    past: (PRESENT[part][0][index], PRESENT[part][1][index])
    for part in ("Vi", "Vt")
    for index, past in enumerate(PAST[part][0])
}
PLURAL = {word: bool(number) for number, words in enumerate(NOUNS) for word in words}


@pytest.mark.parametrize(("split", "score"), [("val", 1.0), ("gen", 0.0)])
def test_the_first_auxiliary_is_right_in_distribution_and_never_when_withheld(split, score):
    labels = QUESTION.labels(split)
    guess = first_auxiliary(labels["prefix"], labels["candidates"])
    assert (guess == labels["first_word"]).mean() == score
    assert (guess == labels["distractor"]).all()
    words = {word for half in AUXILIARIES for word in half}
    items = [item for item in QUESTION.items(QUESTION.corpus()[split]) if item.task == "quest"]
    assert np.mean([front_first(item.source, words) == list(item.target) for item in items]) == score


def test_chance_among_auxiliaries_that_agree_is_a_half_and_among_all_a_quarter():
    for split in ("val", "gen"):
        labels = QUESTION.labels(split)
        fair = uniform_over(labels["compatible"])
        assert expected_accuracy(fair, labels["candidates"], labels["first_word"]) == 0.5
        blind = uniform_over(np.ones_like(labels["compatible"]))
        assert expected_accuracy(blind, labels["candidates"], labels["first_word"]) == 0.25


@pytest.mark.parametrize(("split", "nearest"), [("val", 1.0), ("gen", 0.0)])
def test_nouns_as_subjects(split, nearest):
    labels = TENSE.labels(split)
    number = TENSE.vocabulary.number
    nouns = np.array([number[word] for word in PLURAL])
    plural = np.array([number[word] for word, many in PLURAL.items() if many])
    forms = np.array(
        [
            sorted((number[one], number[many]), key=lambda n: TENSE.vocabulary.words[n].endswith("s"), reverse=True)
            for right in labels["main"]
            for one, many in FORMS.values()
            if right in (number[one], number[many])
        ]
    )
    main = labels["main_query"] - labels["query"] + 1  # source and target are alike up to the main verb
    recent = last_place(labels["prefix"], nouns, main)
    first = first_place(labels["prefix"], nouns)
    assert (agree(labels["prefix"], recent, plural, forms) == labels["main"]).mean() == nearest
    assert (agree(labels["prefix"], recent, plural, forms) == labels["distractor"]).all()
    assert (agree(labels["prefix"], first, plural, forms) == labels["main"]).mean() == 1.0


def test_whole_answers_of_noun_rules():
    right = {"val": [], "gen": []}
    for split, found in right.items():
        for item in TENSE.items(TENSE.corpus()[split]):
            if item.task == "PRESENT":
                found.append(
                    [inflect(item.source, FORMS, PLURAL, nearest) == list(item.target) for nearest in (True, False)]
                )
    assert np.mean(right["val"], axis=0)[0] == 1.0  # verbs in clauses always stand next to what they agree with
    assert np.mean(right["gen"], axis=0)[0] == 0.0
    assert 0.5 < np.mean(right["gen"], axis=0)[1] < 1.0  # the first noun is wrong for clauses with another subject


def test_places_where_there_is_nothing_to_find():
    sentences = np.array([[1, 2, 3], [4, 4, 4]])
    assert first_place(sentences, np.array([3])).tolist() == [2, -1]
    assert last_place(sentences, np.array([4, 1]), np.array([0, 2])).tolist() == [-1, 1]
    assert first_auxiliary(sentences, np.array([2])).tolist() == [2, -1]
    assert front_first(["the", "newt"], {"do"}) == ["the", "newt", "?"]
    assert inflect(["slept", "the", "newt"], {"slept": ("sleeps", "sleep")}, {"newt": False}, True) == [
        "sleeps", "the", "newt", ".",
    ]  # fmt: skip
