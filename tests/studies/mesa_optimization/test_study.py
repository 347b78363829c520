"""Experiments, measures and figures of the study on real (smoke) runs, and the table of its claims."""

import numpy as np
import pytest
import torch

import latebloom
from latebloom import studies
from latebloom.baselines.pairs import loss_by_place
from latebloom.claims import Evidence, get, judge
from latebloom.claims.registry import of_study
from latebloom.errors import LatebloomError
from latebloom.instruments.weight_blocks import gradient_step
from latebloom.studies.mesa_optimization.claims import prompts
from latebloom.studies.mesa_optimization.claims.networks import networks
from latebloom.studies.mesa_optimization.figures import draw_run, pick
from latebloom.training.experiment import SCALES
from latebloom.training.measures import MEASURES
from latebloom.training.population import Population
from latebloom.training.presets import PRESETS, members_of
from latebloom.training.rate import rate_factor
from latebloom.training.view import View

studies.load()
OWN = [name for name in PRESETS if name.startswith("mesa_optimization.")]


def test_all_thirty_two_claims_are_there_and_say_what_they_need():
    claims = of_study("mesa_optimization")
    assert [claim.id for claim in claims] == [f"mesa_optimization.{number:02}" for number in range(1, 33)]
    for claim in claims:
        assert (claim.judge is None) == bool(claim.why)
        assert claim.cost, claim.id


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", OWN)
def test_every_experiment_exists_at_every_scale(name, scale):
    members = members_of(name, scale)
    assert len({member.seed for member in members}) >= (5 if scale in ("laptop", "paper") else 1)
    loss = "cross_entropy" if "language" in name else "half_squared_error"
    assert all(member.training.loss == loss for member in members)


def test_the_published_softmax_stack_is_trained_as_its_code_says():
    """Ten thousand steps: up to 8e-4 in the first thousand, then down a cosine that would end at 1e-5 after 30,000."""
    training = members_of("mesa_optimization.softmax", "paper", ())[0].training
    rates = {
        step: training.lr * rate_factor(step, training.warmup, training.decay, training.decay_steps, training.decay_to)
        for step in (499, 1000, 15_500, 30_000)
    }
    assert rates == pytest.approx({499: 4e-4, 1000: 8e-4, 15_500: (8e-4 + 1e-5) / 2, 30_000: 1e-5})
    assert training.steps == 10_000


@pytest.mark.parametrize("name", ["deep", "deep_wide", "deep_fixed"])
def test_stacks_of_the_published_size_are_kept_where_the_release_ends_them(name):
    """Two layers have 5,000 steps there, four 10,000, six 15,000, all at one rate from the first step to the last."""
    for member in members_of(f"mesa_optimization.{name}", "paper", ()):
        training = member.training
        ends = {5000, 10_000, training.steps}
        assert training.steps == 15_000
        for schedule in (member.log, member.snapshots, member.measure[0].when):
            assert ends <= set(schedule.steps(training.steps))
        for step in (0, 5000, 14_999):
            told = (training.warmup, training.decay, training.decay_steps or training.steps, training.decay_to)
            assert rate_factor(step, *told) == 1


@pytest.mark.parametrize("need", ["laptop", "paper"])
def test_claims_ask_for_experiments_that_exist(need):
    for claim in of_study("mesa_optimization"):
        if claim.judge is not None and need in claim.scales:
            assert all(request.experiment in OWN for request in claim.needs(need))


LATER = (
    "partial",
    "partial_seen",
    "few_shot",
    "linearised_4",
    "linearised_6",
    "language_softmax",
    "language_linear",
    "language_mesa",
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A smoke run of each kind of network."""
    home = tmp_path_factory.mktemp("home")
    names = ("one_layer", "deep", "mesa", "hybrid", *LATER)
    return {name: latebloom.run(f"mesa_optimization.{name}", scale="smoke", home=home, workers=1) for name in names}


def test_networks_are_read_back_as_they_were_measured(runs):
    run = runs["deep"]
    frame = run.measurements()
    for net in networks(run):
        row = frame[(frame["member"] == net.member) & (frame["step"] == net.steps[-1])].iloc[0]
        assert net.loss() == pytest.approx(row["test_loss"], rel=1e-4)
        assert net.loss_of(net.layers()) == pytest.approx(net.loss(), rel=1e-6)
        assert np.mean(row["loss_by_place"]) == pytest.approx(row["test_loss"], rel=1e-4)


@pytest.mark.parametrize("number", [18, 25, 27, 28, 31])
def test_judges_read_real_runs(runs, number, monkeypatch):
    """At smoke there is no verdict; the judge goes all the way."""
    monkeypatch.setattr(prompts, "TASKS", 64)
    claim = get(f"mesa_optimization.{number}")
    needed = tuple(runs[need.experiment.partition(".")[2]] for need in claim.needs("smoke"))
    entry = judge(claim, Evidence("smoke", needed))
    assert (entry.verdict, entry.seeds) == ("not run", 2)
    assert entry.extra


def view_of(name):
    return View(Population.start(members_of(name, "smoke")[:1]), 0)


def test_measures_are_the_instruments(runs):
    view = view_of("mesa_optimization.one_layer")
    places = MEASURES["mesa_optimization.places"].measure(view)["loss_by_place"]
    batch = view.splits["test"]
    said = view.population.model.forward(view.params, batch.inputs)
    torch.testing.assert_close(places, loss_by_place(said, batch.targets))
    found = MEASURES["mesa_optimization.first_layer"].measure(view)
    net = networks(runs["one_layer"])[0]
    right = gradient_step(net.layers(0)[0], net.task.n_seen)
    assert float(found["eta"][0]) == pytest.approx(float(right.rate), rel=1e-3)
    assert float(found["other"][0]) == pytest.approx(float(right.other), rel=1e-3)
    assert found["qk_mean"].shape == found["ov_mean"].shape == (1, 2 * 16)


def test_measures_refuse_what_they_cannot_read():
    view = view_of("grokking.modular_addition")
    with pytest.raises(LatebloomError, match="needs a task with real targets"):
        MEASURES["mesa_optimization.places"].measure(view)
    with pytest.raises(LatebloomError, match=r"text_places needs a task with labels.*places is for these"):
        MEASURES["mesa_optimization.text_places"].measure(view_of("mesa_optimization.one_layer"))
    with pytest.raises(LatebloomError, match="work on channels"):
        MEASURES["mesa_optimization.first_layer"].measure(view)


EXPECTED = {
    "one_layer": {"curves", "measures", "context", "halfway", "blocks_before", "blocks"},
    "deep": {"curves", "context", "depth", "halfway", "blocks_before", "blocks", "probes"},
    "mesa": {"curves", "context", "blocks_before", "blocks"},
    "hybrid": {"curves", "binding", "context"},
    "partial": {"curves", "binding", "context"},
    "language_mesa": {"curves"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_pictures_of_a_run(runs, name, tmp_path):
    written = draw_run(runs[name], tmp_path)
    assert {path.stem for path in written} == EXPECTED[name]
    assert all(path.stat().st_size > 2000 for path in written)


def test_probes_are_of_the_member_or_of_the_first_deepest_where_it_has_one_layer(runs, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(pick, "draw_probes", lambda net, *_: shown.append((net.member, net.model.n_layers)))
    for member in (0, 1, 2, 3):
        list(pick._of_member(runs["deep"], member))
    assert shown == [(2, 2), (2, 2), (2, 2), (3, 2)]


def test_a_member_that_is_not_there_is_refused(runs, tmp_path):
    with pytest.raises(LatebloomError, match="has members 0 to 1; there is no 7"):
        draw_run(runs["mesa"], tmp_path, 7)
