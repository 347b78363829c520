"""Question Formation against the published counts, and its answers against a slow rule of its own."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from latebloom.data import Place
from latebloom.errors import LatebloomError
from latebloom.tasks.base import TASKS
from latebloom.tasks.language import QuestionFormation
from latebloom.tasks.language.pair_corpus import COPY, TRANSFORM, Rows
from latebloom.tasks.language.structure import CELLS, CLAUSES
from tests.tasks.language.counting import (
    AUXILIARIES,
    PLURAL_NOUNS,
    left_branching,
    main_auxiliary,
    predicate,
    right_branching,
    subject_modifier,
)

# Counted in the released dev and test files (fact sheet, section 2.2): rows bare, PP, RC; columns intr, bare, PP, RC.
DECL = [[0.005, 0.130, 0.137, 0.182], [0.057, 0.052, 0.057, 0.072], [0.066, 0.069, 0.074, 0.099]]
QUEST = [[0.007, 0.193, 0.206, 0.254], [0.078, 0.079, 0.079, 0.104]]
SMALL = {"n_train": 3000, "n_val": 100, "n_test": 100, "n_gen": 300}


def parse(**settings):
    return QuestionFormation.parse(settings)


def lines(task, split, seed=0, kind=None, count=None):
    """(source words, task token, target words) of a split."""
    rows = task.corpus(seed)[split]
    keep = np.flatnonzero((rows.task == kind) | (kind is None))[:count]
    for item in task.items(Rows(rows.grammar, rows.keys[keep], rows.task[keep], rows.linear[keep])):
        yield list(item.source), item.task, list(item.target)


@pytest.fixture(scope="module")
def published():
    """The task at the published sizes."""
    return parse()


@pytest.fixture(scope="module")
def train_lines(published):
    return [*lines(published, "train", count=12_000)]


def cells(items):
    """Counter of (subject, predicate), read off the words."""
    found = Counter()
    for source, _, _ in items:
        main = main_auxiliary(source)
        found[subject_modifier(source), predicate(source, main + 1)] += 1
    return found


def test_it_is_registered():
    assert TASKS["question_formation"] is QuestionFormation


def test_sizes_vocabulary_and_lengths(published):
    sizes = {name: len(rows.keys) for name, rows in published.corpus().items()}
    assert sizes == {"train": 100_000, "val": 1_000, "test": 10_000, "gen": 10_000}
    assert len(published.vocabulary) == 68 + 3
    assert published.signature.n_ctx == 36
    length = {name: published.table(rows).lengths - 1 for name, rows in published.corpus().items()}  # no start, no end
    assert length["train"].mean() == pytest.approx(22.4, abs=0.1)
    assert length["train"].max() == 35
    assert length["gen"].mean() == pytest.approx(22.6, abs=0.15)
    assert length["gen"].max() == 31


@pytest.mark.parametrize(("token", "table"), [("decl", DECL), ("quest", QUEST)])
def test_structures_occur_as_often_as_in_the_released_data(train_lines, token, table):
    own = [item for item in train_lines if item[1] == token]
    found = cells(own)
    names = [(s, p) for s in ("bare", "PP", "RC")[: len(table)] for p in ("intr", "bare", "PP", "RC")]
    assert sum(found[name] for name in names) == len(own)
    expected = np.array(table).ravel() / np.sum(table) * len(own)
    assert chisquare([found[name] for name in names], expected).pvalue > 1e-3
    # The same test notices the printed weights.
    printed = [*lines(parse(structure="printed"), "train", count=3000)]
    printed_own = [item for item in printed if item[1] == token]
    expected = expected * len(printed_own) / len(own)
    assert chisquare([cells(printed_own)[name] for name in names], expected).pvalue < 1e-9


def test_clause_kinds_and_numbers(train_lines):
    subjects, objects = Counter(), Counter()
    for source, _, _ in train_lines:
        main = main_auxiliary(source)
        if subject_modifier(source) == "RC":
            subjects[_clause(source[2:main])] += 1
        if predicate(source, main + 1) == "RC":
            objects[_clause(source[main + 4 :])] += 1
    kinds = ("SRC-i", "SRC-t", "ORC-sg", "ORC-pl")
    assert chisquare([subjects[k] for k in kinds]).pvalue > 1e-3
    total = sum(objects.values())
    assert chisquare([objects[k] for k in kinds], np.array([4, 2, 1, 1]) / 8 * total).pvalue > 1e-3
    plural = np.mean([source[1] in PLURAL_NOUNS for source, _, _ in train_lines])
    assert abs(plural - 0.5) < 4 * 0.5 / np.sqrt(len(train_lines))


def _clause(clause):
    """With auxiliaries: Rel Aux V [Det N], or Rel Det N Aux V."""
    if clause[1] in AUXILIARIES:
        return "SRC-t" if len(clause) > 3 else "SRC-i"
    return "ORC-pl" if clause[2] in PLURAL_NOUNS else "ORC-sg"


def test_share_of_declaratives_and_of_subject_clauses(published):
    rows = published.corpus()["train"]
    assert (rows.task == COPY).mean() == pytest.approx(0.596, abs=0.006)
    embedded = np.isin(rows.sentences.cell, [c for c, (subject, _) in enumerate(CELLS) if subject in CLAUSES])
    assert embedded[rows.task == COPY].mean() == pytest.approx(0.308, abs=0.006)
    assert not embedded[rows.task == TRANSFORM].any()  # withheld


def test_no_sentence_occurs_twice_in_or_across_splits(published):
    keys = np.concatenate([rows.keys for rows in published.corpus().values()])
    assert len(np.unique(keys)) == len(keys)
    texts = {" ".join(source) for source, _, _ in lines(parse(**SMALL), "train")}
    assert len(texts) == SMALL["n_train"]  # different keys are different sentences


def test_answers_are_those_of_a_slow_rule(train_lines):
    gen = list(lines(parse(**SMALL), "gen"))
    for source, token, target in [*train_lines[:3000], *gen]:
        main = main_auxiliary(source)
        moved = [source[main], *source[:main], *source[main + 1 :], "?"]
        assert target == ([*source, "."] if token == "decl" else moved)


def test_withheld_items_meet_the_published_quotas(published):
    kinds, orders = Counter(), Counter()
    for source, token, target in lines(published, "gen"):
        auxiliaries = [word for word in source if word in AUXILIARIES]
        assert token == "quest" and len(auxiliaries) == 2
        assert {auxiliaries[0], auxiliaries[1]} in ({"do", "don't"}, {"does", "doesn't"})
        assert subject_modifier(source) == "RC"
        assert target[0] == auxiliaries[1]
        kinds[_clause(source[2 : main_auxiliary(source)])] += 1
        orders[tuple(auxiliaries)] += 1
    assert kinds["SRC-i"] == 3204 and kinds["SRC-t"] == 3463 and kinds["ORC-sg"] + kinds["ORC-pl"] == 3333
    assert all(abs(count - 2500) < 4 * np.sqrt(2500 * 0.75) for count in orders.values())
    assert len(orders) == 4


def test_sentence_types_are_as_many_as_counted(published):
    gen, test = published.corpus()["gen"].sentences, published.corpus()["test"]
    assert len(np.unique(gen.template)) == 56
    both = len(np.unique(test.sentences.template * 2 + test.task))
    assert 355 <= both <= 374  # 369 were counted, of 272 + 102 that there are


def bracket_score(rows, make):
    """F1 of a fixed tree shape against the gold brackets, over a corpus."""
    hits = total = 0
    for cell, length in zip(rows.sentences.cell, rows.sentences.length, strict=True):
        gold = set(rows.grammar.templates[cell].tree.brackets())
        hits += len(gold & set(make(int(length))))
        total += len(gold)
    return hits / total


def test_gold_trees_score_the_recomputed_baselines(published):
    test = published.corpus()["test"]
    quest = np.flatnonzero(test.task == TRANSFORM)
    questions = Rows(test.grammar, test.keys[quest], test.task[quest], test.linear[quest])
    assert bracket_score(questions, right_branching) == pytest.approx(0.662, abs=0.006)
    assert bracket_score(questions, left_branching) == pytest.approx(0.288, abs=0.006)
    gen = published.corpus()["gen"]
    assert bracket_score(gen, right_branching) == pytest.approx(0.367, abs=0.004)
    assert bracket_score(gen, left_branching) == pytest.approx(0.341, abs=0.004)


def test_the_answer_found_by_parsing_is_the_one_in_the_rows():
    task = parse(**SMALL)
    data = task.data([task], [0], Place())
    for split in ("val", "gen"):
        batch = data.splits[split]
        places = torch.arange(batch.inputs.shape[-1])
        expected = torch.where(places >= batch.memo["source"][0, :, None], batch.targets[0], 0)
        assert torch.equal(task.answer(batch.inputs[0]), expected)


def test_labels_say_where_and_what():
    task = parse(**SMALL, n_eval=200)
    words, labels = task.vocabulary.words, task.labels("gen")
    batch = task.data([task], [0], Place()).splits["gen"]
    assert batch.inputs.shape == (1, 200, 36)
    for index, (source, _, target) in enumerate(lines(task, "gen", count=200)):
        row = batch.inputs[0, labels["row"][index]]
        query = labels["query"][index]
        assert words[row[query]] == "quest"
        np.testing.assert_array_equal(labels["prefix"][index, : query + 1], row[: query + 1])
        assert not labels["prefix"][index, query + 1 :].any()
        assert batch.targets[0, index, query] == labels["first_word"][index] == labels["main"][index]
        assert labels["main_query"][index] == query
        assert task.vocabulary.decode(labels["target"][index]) == [*target, "<end>"]
        first = next(word for word in source if word in AUXILIARIES)
        assert words[labels["distractor"][index]] == first != words[labels["main"][index]]
        fitting = [words[c] for c in labels["candidates"][labels["compatible"][index]]]
        assert set(fitting) == {first, target[0]}
    val = task.labels("val")
    assert len(val["row"]) == sum(1 for _ in lines(task, "val", kind=TRANSFORM))
    assert (val["main"] == val["distractor"]).all()  # in distribution both rules agree
    every = task.labels("val", copies=True)
    assert len(every["row"]) == 100
    with pytest.raises(LatebloomError, match=r"Unknown split 'gne'\. Did you mean 'gen'\?"):
        task.labels("gne")


def shares(**variant):
    rows = parse(**(SMALL | variant)).corpus()["train"]
    embedded = np.isin(rows.sentences.cell, [c for c, (subject, _) in enumerate(CELLS) if subject in CLAUSES])
    copies = rows.task == COPY
    return rows, copies, embedded


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_centre_embedded_declaratives_get_their_share(share):
    _, copies, embedded = shares(centre_embedded=share)
    assert abs(embedded[copies].mean() - share) <= 4 * np.sqrt(share * (1 - share) / copies.sum())
    assert not embedded[~copies].any()


def test_copies_can_be_left_out_or_set():
    _, copies, _ = shares(declaratives=0.0)
    assert not copies.any()
    _, copies, _ = shares(declaratives=0.5)
    assert abs(copies.mean() - 0.5) < 0.04


@pytest.mark.parametrize(("count", "embedded"), [(1, 1.0), (5, None), (20, 0.5), (200, None)])
def test_declaratives_have_so_many_sentence_types_equally_often(count, embedded):
    rows, copies, inside = shares(declarative_trees=count, centre_embedded=embedded, n_train=10_000)
    counts = Counter(rows.sentences.template[copies].tolist())
    assert len(counts) == count
    share = 0.308 if embedded is None else embedded  # of the items, however many types either sort has
    assert inside[copies].mean() == pytest.approx(share, abs=0.03)
    for sort in (inside, ~inside):
        found = [*Counter(rows.sentences.template[copies & sort].tolist()).values()]
        assert len(found) < 2 or chisquare(found).pvalue > 1e-3
    assert len(np.unique(rows.sentences.template[~copies])) > 70  # questions keep theirs


def test_types_differ_between_seeds_and_too_many_are_refused():
    one, other = (
        set(
            np.unique(
                parse(**SMALL, declarative_trees=5, corpus_seed=s, declaratives=1.0)
                .corpus()["train"]
                .sentences.template
            )
        )
        for s in (0, 1)
    )
    assert one != other
    with pytest.raises(LatebloomError, match=r"Only \d+ of task.declarative_trees = 300"):
        parse(**SMALL, declarative_trees=300).corpus()


@pytest.mark.parametrize("kinds", ["subject", "object"])
def test_clause_kinds_can_be_restricted_in_training_only(kinds):
    rows, copies, embedded = shares(clause_kinds=kinds)
    prefix = "SRC" if kinds == "subject" else "ORC"
    assert all(CELLS[c][0].startswith(prefix) for c in rows.sentences.cell[embedded])
    assert embedded[copies].mean() == pytest.approx(0.308, abs=0.05)
    gen = {CELLS[c][0][:3] for c in parse(**SMALL, clause_kinds=kinds).corpus()["gen"].sentences.cell}
    assert gen == {"SRC", "ORC"}


@pytest.mark.parametrize("rule", ["hierarchical", "linear"])
def test_disambiguating_items_are_added_and_follow_their_rule(rule):
    task = parse(**SMALL, disambiguating=250, disambiguating_rule=rule)
    rows = task.corpus()["train"]
    assert len(rows.keys) == SMALL["n_train"] + 250
    assert not np.isin(rows.keys, task.corpus()["gen"].keys).any()
    added = [*lines(task, "train")][-250:]
    for source, token, target in added:
        auxiliaries = [word for word in source if word in AUXILIARIES]
        assert token == "quest" and subject_modifier(source) == "RC"
        assert target[0] == auxiliaries[1 if rule == "hierarchical" else 0]
        assert sorted(target) == sorted([*source, "?"])
        assert target[1:-1] == [w for p, w in enumerate(source) if p != source.index(target[0])]


def test_evaluation_splits_do_not_depend_on_the_variant_or_the_training_size():
    plain = parse(**SMALL).corpus()
    for variant in ({"centre_embedded": 0.0}, {"n_train": 500}, {"disambiguating": 9}, {"declaratives": 0.0}):
        other = parse(**(SMALL | variant)).corpus()
        for split in ("val", "test", "gen"):
            np.testing.assert_array_equal(plain[split].keys, other[split].keys)


def test_the_corpus_is_a_function_of_its_seed():
    again = parse(**SMALL).build(3)
    np.testing.assert_array_equal(parse(**SMALL, corpus_seed=3).corpus(7)["train"].keys, again["train"].keys)
    np.testing.assert_array_equal(parse(**SMALL, corpus_seed=None).corpus(3)["train"].keys, again["train"].keys)
    other = parse(**SMALL).build(4)
    # Neighbouring seeds share sentences by chance only: a few of the small bare + intransitive cell.
    assert np.isin(other["train"].keys, again["train"].keys).mean() < 0.01


def test_the_printed_weights_saturate_the_smallest_cell():
    cells = np.bincount(parse(structure="printed").corpus()["train"].sentences.cell, minlength=42)
    assert 0.9 * 2808 < cells[0] * 1.11 <= 2808  # it would be a sixth of all; only 2,808 sentences exist
