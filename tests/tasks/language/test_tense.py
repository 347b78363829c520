"""Tense Inflection against the published counts, and its answers against a slow rule of its own."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from latebloom.data import Place
from latebloom.tasks.base import TASKS
from latebloom.tasks.language import TenseInflection
from latebloom.tasks.language.pair_corpus import COPY, TRANSFORM
from latebloom.tasks.language.structure import CELLS, CLAUSES
from tests.tasks.language.counting import (
    NOUNS,
    PLURAL_NOUNS,
    PRESENT,
    clause_kind,
    inflected,
    left_branching,
    main_verb,
    predicate,
    right_branching,
    subject_modifier,
)
from tests.tasks.language.test_question import bracket_score

SMALL = {"n_train": 3000, "n_val": 100, "n_test": 100, "n_gen": 300}


def parse(**settings):
    return TenseInflection.parse(settings)


def lines(task, split, count=None):
    for item in task.items(task.corpus()[split].first(count)):
        yield list(item.source), item.task, list(item.target)


def conflict(words):
    """Whether the noun before the main verb has another number than the first one."""
    nouns = [word for word in words[: main_verb(words)] if word in NOUNS]
    return (nouns[0] in PLURAL_NOUNS) != (nouns[-1] in PLURAL_NOUNS)


@pytest.fixture(scope="module")
def published():
    return parse()


@pytest.fixture(scope="module")
def test_lines(published):
    return [*lines(published, "test")]


def test_sizes_vocabulary_and_lengths(published):
    assert TASKS["tense_inflection"] is TenseInflection
    sizes = {name: len(rows.keys) for name, rows in published.corpus().items()}
    assert sizes == {"train": 100_000, "val": 1_000, "test": 10_000, "gen": 10_000}
    assert len(published.vocabulary) == 98 + 3
    assert published.signature.n_ctx == 30
    length = {name: published.table(rows).lengths - 1 for name, rows in published.corpus().items()}
    assert 19.4 < length["test"].mean() < 20.0 and length["test"].max() == 29
    assert 19.4 < length["train"].mean() < 20.0 and length["train"].max() == 29
    assert length["gen"].mean() == pytest.approx(21.9, abs=0.1)


def test_structures_of_copies_are_uniform_but_for_the_smallest_cell(test_lines):
    past = [source for source, token, _ in test_lines if token == "PAST"]
    found = Counter((subject_modifier(words), predicate(words, main_verb(words))) for words in past)
    names = [(s, p) for s in ("bare", "PP", "RC") for p in ("intr", "bare", "PP", "RC")]
    expected = np.array([0.041, *[0.959 / 11] * 11]) * len(past)
    assert chisquare([found[name] for name in names], expected).pvalue > 1e-3
    kinds = Counter(
        clause_kind(words[2 : main_verb(words)], PRESENT.__contains__)
        for words in past
        if subject_modifier(words) == "RC"
    )
    expected = np.array([2, 2, 1, 1]) / 6 * sum(kinds.values())
    assert chisquare([kinds[k] for k in ("SRC-i", "SRC-t", "ORC-sg", "ORC-pl")], expected).pvalue > 1e-3
    assert len(past) / len(test_lines) == pytest.approx(0.5826, abs=0.02)


def test_only_copies_may_be_in_conflict(published, test_lines):
    assert not any(conflict(source) for source, token, _ in test_lines if token == "PRESENT")
    assert not any(conflict(source) for source, token, _ in lines(published, "train", 8000) if token == "PRESENT")
    share = np.mean([conflict(source) for source, token, _ in test_lines if token == "PAST"])
    assert share == pytest.approx(0.31, abs=0.035)  # counted in the small dev file
    assert all(conflict(source) and token == "PRESENT" for source, token, _ in lines(published, "gen"))


def test_a_small_cell_goes_short_in_copies_and_inflections_alike(published):
    train = published.corpus()["train"]
    every = np.concatenate([rows.keys for rows in published.corpus().values()])
    assert len(np.unique(every)) == len(every)
    smallest = train.sentences.cell == 0
    assert 500 < smallest.sum() <= 1404
    shares = [smallest[train.task == task].mean() for task in (COPY, TRANSFORM)]
    assert 0.5 < shares[0] / shares[1] < 1.0  # without conflict this cell makes up more of PRESENT


def test_withheld_items_are_the_natural_mix(published):
    kinds = Counter()
    for source, _, _ in lines(published, "gen"):
        modifier = subject_modifier(source)
        kinds[modifier if modifier == "PP" else clause_kind(source[2 : main_verb(source)], PRESENT.__contains__)] += 1
    assert "SRC-i" not in kinds
    seen = [kinds["PP"], kinds["SRC-t"], kinds["ORC-sg"] + kinds["ORC-pl"]]
    for count, released in zip(seen, (6045, 1950, 2005), strict=True):
        # Two samples of 10,000 each.
        assert abs(count - released) < 4 * np.sqrt(2 * released * (1 - released / 10_000))
    assert len(np.unique(published.corpus()["gen"].sentences.template)) == 102


def test_answers_are_those_of_a_slow_rule(test_lines):
    for source, token, target in [*test_lines[:3000], *lines(parse(**SMALL), "gen")]:
        assert target == [*(source if token == "PAST" else inflected(source)), "."]


def test_gold_trees_score_the_recomputed_baselines(published):
    test, gen = published.corpus()["test"], published.corpus()["gen"]
    assert bracket_score(test, right_branching) == pytest.approx(0.501, abs=0.006)
    assert bracket_score(test, left_branching) == pytest.approx(0.365, abs=0.006)
    assert bracket_score(gen, right_branching) == pytest.approx(0.412, abs=0.004)
    assert bracket_score(gen, left_branching) == pytest.approx(0.355, abs=0.004)


def test_labels_say_where_and_what():
    task = parse(**SMALL)
    words = task.vocabulary.words
    for split, copies in (("gen", False), ("val", False), ("val", True)):
        labels, batch = task.labels(split, copies=copies), task.data([task], [0], Place()).splits[split]
        kept = [item for item in lines(task, split) if copies or item[1] == "PRESENT"]
        assert len(kept) == len(labels["row"])
        for index, (source, _token, target) in enumerate(kept):
            row, place = labels["row"][index], labels["main_query"][index]
            verb = target[main_verb(source)]
            assert words[labels["main"][index]] == verb
            assert batch.targets[0, row, place] == labels["main"][index]
            assert words[batch.inputs[0, row, labels["query"][index]]] in ("PAST", "PRESENT")
            assert task.vocabulary.decode(labels["target"][index]) == [*target, "<end>"]
            other = words[labels["distractor"][index]]
            if split == "gen":
                assert other != verb and {other, verb} == {other.removesuffix("s"), verb.removesuffix("s"), *_s(verb)}
            else:
                assert other == verb


def _s(verb):
    return {verb.removesuffix("s"), verb.removesuffix("s") + "s"}


def test_word_classes_tell_nouns_by_number_and_verbs_by_kind():
    task = parse(**SMALL)
    kind = dict(zip(task.vocabulary.words, task.word_classes().tolist(), strict=True))
    assert kind["sleep"] == kind["sleeps"] == kind["slept"] == kind["read"] == kind["reads"] == kind["ate"]
    assert kind["amuse"] == kind["amused"] != kind["sleep"]
    assert kind["newt"] == kind["walrus"] != kind["newts"]
    assert len({kind[word] for word in (".", "PAST", "PRESENT", "<end>", "the", "near", "who")}) == 7


def test_the_answer_found_by_parsing_is_the_one_in_the_rows():
    task = parse(**SMALL)
    data = task.data([task], [0], Place())
    for split in ("val", "gen"):
        batch = data.splits[split]
        places = torch.arange(batch.inputs.shape[-1])
        expected = torch.where(places >= batch.memo["source"][0, :, None], batch.targets[0], 0)
        assert torch.equal(task.answer(batch.inputs[0]), expected)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_subject_clauses_get_their_share(share):
    rows = parse(**SMALL, subject_clauses=share, clause_kinds="object").corpus()["train"]
    inside = np.array([subject in CLAUSES for subject, _ in CELLS])[rows.sentences.cell]
    for task in (COPY, TRANSFORM):
        own = rows.task == task
        assert abs(inside[own].mean() - share) <= 4 * np.sqrt(share * (1 - share) / own.sum())
    assert all(CELLS[cell][0].startswith("ORC") for cell in rows.sentences.cell[inside])


def test_copies_can_be_left_out():
    assert (parse(**SMALL, past=0.0).corpus()["train"].task == TRANSFORM).all()


@pytest.mark.parametrize("rule", ["hierarchical", "linear"])
def test_disambiguating_items_follow_their_rule(rule):
    task = parse(**SMALL, disambiguating=200, disambiguating_rule=rule)
    for source, _token, target in [*lines(task, "train")][-200:]:
        right, main = inflected(source), main_verb(source)
        assert conflict(source)
        assert target[:main] == right[:main] and target[main + 1 : -1] == right[main + 1 :]
        assert (target[main] == right[main]) == (rule == "hierarchical")
