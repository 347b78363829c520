"""The packs of sentences: the instruments' own trees and stops, and networks that the page can run."""

import numpy as np
import pytest
import torch

import latebloom
from latebloom.instruments.stopping import compare
from latebloom.instruments.tree_projection import project
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.structural_grokking.measures.items import sources
from latebloom.studies.structural_grokking.measures.trees import similarities
from latebloom.tasks.language.recogniser import parse
from latebloom.training.presets import members_of
from latebloom.view.pack import unpack
from latebloom.view.views import packs_of, views_of
from latebloom.view.views.structural_grokking import SENTENCES, parses_pack, readable, spread


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    home = tmp_path_factory.mktemp("sentences")
    return Logged(latebloom.run("structural_grokking.question", scale="smoke", home=home, workers=1))


def _nodes(splits, number):
    return {tuple(pair) for pair in splits[number].tolist() if pair[0] != 255}


def test_parses_are_the_instruments_greedy_trees(logged):
    _, arrays = unpack(packs_of(logged)["parses-1"]())
    own = logged.specifications[1]
    found = sources(own.task, "gen", SENTENCES["gen"])
    params = {name: value[None] for name, value in logged.run.parameters(1).items()}
    spans = similarities(own.model, params, own.task, found)
    trees = {way: project(spans.similarity, spans.lengths, way).trees[0] for way in ("greedy", "chart")}
    expected = {way: [{(int(i), int(j)) for i, j in tree.nonzero()} for tree in t] for way, t in trees.items()}
    ours = [_nodes(arrays["splits"][-1], number) for number in range(len(found.words))]
    assert ours == expected["greedy"]
    assert ours != expected["chart"]  # another decoder would be noticed
    # The node at gap g splits behind word g.
    for number, words in enumerate(found.words):
        for gap, (first, last) in enumerate(arrays["splits"][-1, number][: len(words) - 1].tolist()):
            assert first <= gap < last
            assert gap == first or (first, gap) in ours[number]
            assert gap + 1 == last or (gap + 1, last) in ours[number]


def test_the_first_word_is_what_the_network_says(logged):
    _, arrays = unpack(packs_of(logged)["parses-0"]())
    own = logged.specifications[0]
    labels = own.task.labels("gen")
    row, query = labels["prefix"][0], labels["query"][0]
    params = {name: value[None] for name, value in logged.run.parameters(0).items()}
    with torch.no_grad():
        logits = own.model.forward(params, torch.from_numpy(row)[None, None])[0, 0, query]
    assert np.allclose(arrays["words"][-1, 0], logits.softmax(-1).numpy(), atol=2e-3)
    assert abs(arrays["words"][-1, 0].astype(float).sum() - 1) < 1e-2


def test_sentences_to_pick_have_the_grammars_trees(logged):
    document, _ = unpack(packs_of(logged)["sentences"]())
    assert sum(pick["withheld"] for pick in document["picks"]) == SENTENCES["gen"]
    for pick in document["picks"]:
        brackets = [[first, last - 1] for first, last in parse(pick["words"], "question").brackets()]
        assert sorted(pick["gold"]) == sorted(brackets)
    assert document["grammar"]["vocabulary"][-1] == "<start>"


def test_stops_are_those_of_the_instrument(logged):
    document, arrays = unpack(packs_of(logged)["learning"]())
    steps, known = logged.table(document["known"])
    _, outside = logged.table(document["held_out"])
    kept = compare(steps, known, outside)
    for number, rule in enumerate(document["rules"]):
        assert np.array_equal(arrays[f"step{number}"], kept[rule].step.astype(np.float32), equal_nan=True)
        assert np.array_equal(arrays[f"value{number}"], kept[rule].value.astype(np.float32), equal_nan=True)
    assert document["linear"] == "gen_first_auxiliary"
    assert (document["chance"], document["guess"]) == (0.5, "one of two that agree")


def test_weights_come_one_step_a_pack_spread_over_training(logged):
    names = [name for name in packs_of(logged) if name.startswith("weights-0-")]
    assert names == ["weights-0-30", "weights-0-0", "weights-0-15"]
    for count in (1, 2, 7, 25):
        assert sorted(spread(range(count))) == list(range(count))
    assert sorted(spread(range(0, 90, 10))[:5]) == [0, 20, 40, 60, 80]
    document, arrays = unpack(packs_of(logged)["weights-0-15"]())
    assert document["step"] == 15 and document["settings"]["norm"] == "post"
    for name, value in logged.run.parameters(0, 15).items():
        assert np.abs(arrays[name][0] - value.numpy()).max() < 2e-3


def test_networks_that_read_both_ways_are_drawn_as_curves_only(logged):
    own = logged.specifications[0]
    assert readable(logged.run, 0, own)
    both = own.model_copy(update={"model": own.model.replace({"source_ends": own.task.task_numbers})})
    assert not readable(logged.run, 0, both)
    alone = own.model_copy(update={"task": own.task.replace({"corpus_seed": None})})
    assert not readable(logged.run, 0, alone)


@pytest.mark.parametrize("name", ["tense", "agreement", "dyck", "question_gru"])
def test_every_task_of_the_study_has_the_view(name):
    first = members_of(f"structural_grokking.{name}", "smoke")[0]
    assert [view.name for view in views_of(first)] == ["curves", "structural_grokking"]


def test_verbs_of_tense_inflection_are_asked_where_they_stand(tmp_path):
    run = latebloom.run("structural_grokking.tense", "seed=0", scale="smoke", home=tmp_path, workers=1)
    logged = Logged(run)
    own = logged.specifications[0]
    _, arrays = unpack(parses_pack(logged, 0))
    labels = own.task.labels("gen")
    tokens = own.task.tokens(own.task.corpus()["gen"])[labels["row"][0]].astype(np.int64)
    params = {key: value[None] for key, value in run.parameters(0).items()}
    with torch.no_grad():
        logits = own.model.forward(params, torch.from_numpy(tokens)[None, None])[0, 0, labels["main_query"][0]]
    assert np.allclose(arrays["words"][-1, 0], logits.softmax(-1).numpy(), atol=2e-3)
