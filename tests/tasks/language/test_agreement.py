"""Simple agreement: types by number and pair, held-out sentences in conflict, every verb's right and wrong form."""

import numpy as np
import pytest
import torch

from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.tasks.base import TASKS
from latebloom.tasks.language import SimpleAgreement
from tests.tasks.language.counting import NOUNS, PLURAL_NOUNS

SMALL = {"n_train": 3000, "n_val": 200, "n_gen": 300}


def parse(**settings):
    return SimpleAgreement.parse(SMALL | settings)


@pytest.mark.parametrize(("n_types", "seen"), [(2, 2), (12, 12), (120, 120), (170, 170), (None, 170)])
def test_there_are_as_many_types_as_asked_each_equally_often(n_types, seen):
    rows = parse(n_types=n_types).corpus()["train"]
    counts = np.unique(rows.sentences.template, return_counts=True)[1]
    assert len(counts) == seen
    expected = 3000 / seen
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected)


def test_conflict_is_held_out_and_only_there():
    task = parse()
    for split in ("train", "val", "gen"):
        for item in task.items(task.corpus()[split]):
            nouns = [word for word in item.source[: item.parts.main] if word in NOUNS]
            differs = (nouns[0] in PLURAL_NOUNS) != (nouns[-1] in PLURAL_NOUNS)
            assert differs == (split == "gen") == (item.parts.distractor >= 0)
    keys = np.concatenate([rows.keys for rows in task.corpus().values()])
    assert len(np.unique(keys)) == len(keys)


def test_all_types_put_into_conflict_are_those_of_tense_inflection():
    assert len(np.unique(parse(n_types=None, n_gen=4000).corpus()["gen"].sentences.template)) == 102


def test_labels_and_the_answer_found_by_parsing():
    task = parse()
    for split in ("val", "gen"):
        batch, labels = task.data([task], [0], Place()).splits[split], task.labels(split)
        answer = task.answer(batch.inputs[0]).numpy()
        np.testing.assert_array_equal(answer, labels["right"])
        assert labels["verb"][np.arange(len(answer)), labels["main_query"]].all()
        # A sentence whose verbs all have the wrong number gets the same answer: it is the subject that counts.
        other = np.concatenate([batch.inputs[0, :, :1].numpy(), batch.targets[0].numpy()], axis=1)[:, :-1]
        wrong = np.where(labels["verb"], labels["wrong"], batch.targets[0].numpy())
        other[:, 1:] = wrong[:, :-1]
        np.testing.assert_array_equal(task.answer(torch.from_numpy(other)).numpy(), labels["right"])
        right = [task.vocabulary.words[n] for n in labels["right"][labels["verb"]]]
        bad = [task.vocabulary.words[n] for n in labels["wrong"][labels["verb"]]]
        assert all(a.removesuffix("s") == b.removesuffix("s") and a != b for a, b in zip(right, bad, strict=True))


def test_settings():
    assert TASKS["simple_agreement"] is SimpleAgreement
    assert parse().signature.n_ctx == 15 and len(parse().vocabulary) == 82
    with pytest.raises(LatebloomError, match=r"n_types = 7: Input should be a multiple of 2"):
        parse(n_types=7)
    with pytest.raises(LatebloomError, match=r"Only \d+ of task.n_types = 2 sentence types have the 10{14} sentences"):
        parse(n_types=2, n_train=10**14).corpus()
    one, other = ({*parse(n_types=12, corpus_seed=seed).corpus()["train"].sentences.template} for seed in (0, 5))
    assert one != other
