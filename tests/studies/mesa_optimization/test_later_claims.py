"""Claims on partly seen systems, linearised layers, few shots and language, on evidence that is made up."""

import numpy as np
import pandas as pd
import pytest
import torch

from latebloom.baselines.ridge import ridge
from latebloom.claims import NothingToJudge, Verdict
from latebloom.models import initial_parameters
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.claims import linearised, partial, prompts
from latebloom.studies.mesa_optimization.claims.networks import Network, networks
from latebloom.studies.mesa_optimization.claims.prompts import Asked, Layout, least_squares
from latebloom.studies.mesa_optimization.experiments.plain import network
from latebloom.studies.mesa_optimization.experiments.sizes import Size, recipe
from latebloom.training.device import place
from latebloom.training.experiment import Experiment
from tests.studies.mesa_optimization.planted import FakeRun, judged

ENDS = (Verdict.REPRODUCED, Verdict.CONTRADICTED)


def run(size, kinds=("softmax", "mesa"), seeds=5, weights=False, **task):
    """Members without weights, or with their first ones, six times as large, at both steps."""
    made = [
        Experiment(
            name="mesa_optimization.planted",
            task=size.task("plain", **task),
            model=network(size, kinds),
            training=recipe(300, 1e-3, 0.0),
            seed=seed,
        )
        for seed in range(seeds)
    ]
    kept = [{0: {}, 300: {}} for _ in made]
    if weights:
        first = made[0]
        signature, spot = first.task.signature, place("cpu", "float32")
        params = initial_parameters(first.model, [one.model for one in made], signature, range(seeds), spot)
        kept = [
            {step: {name: 6 * value[i] for name, value in params.items()} for step in (0, 300)} for i in range(seeds)
        ]
    return FakeRun(made, kept, pd.DataFrame())


# --- 18 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("copies", "seen", "expected"), [(4, 2, ENDS[0]), (2, 2, ENDS[1]), (4, 4, ENDS[1])])
def test_horizons_are_counted_in_partly_and_fully_seen_systems(monkeypatch, copies, seen, expected):
    def streams(self, step=None, tokens=None, params=None):
        states = self.test[1]
        kept = 1 if step == 0 else seen if self.task.n_hidden is None else copies
        return [states, torch.cat([torch.roll(states, by, 1) for by in range(kept)], -1)]

    monkeypatch.setattr(Network, "streams", streams)
    monkeypatch.setattr(Network, "loss", lambda self, step=None: 0.1)
    size = Size(d=2, length=14, n_test=400)
    assert judged("18", run(size, n_hidden=6), run(size)).verdict is expected


def test_horizons_of_trained_layers_are_looked_for_as_far_back_as_those_of_untrained_ones(monkeypatch):
    """Six states back was the reach of another claim: seven states in a row counted as six."""

    def streams(self, step=None, tokens=None, params=None):
        states = self.test[1]
        kept = 1 if step == 0 else 2 if self.task.n_hidden is None else 7
        return [states, torch.cat([torch.roll(states, by, 1) for by in range(kept)], -1)]

    monkeypatch.setattr(Network, "streams", streams)
    monkeypatch.setattr(Network, "loss", lambda self, step=None: 0.1)
    size = Size(d=2, length=14, n_test=400)
    found = judged("18", run(size, n_hidden=6), run(size))
    assert (found.estimates["horizon"].value, found.estimates["further than fully seen"].value) == (7, 5)
    assert len(found.extra["share unread by distance"]) == partial.DISTANCES


# --- 25 ---------------------------------------------------------------------------------------------------------------


def test_a_linear_layer_is_replaced_without_cost_and_a_shuffled_one_is_not_it():
    size = Size(d=2, length=8, n_test=100)
    (net,) = networks(run(size, ("softmax", "linear"), seeds=1, weights=True))
    assert linearised.cost(net, linearised.copied(net, 1, 5)) == pytest.approx(1, abs=1e-9)
    shuffled = linearised.cost(net, linearised.copied(net, 1, 5, shuffled=True))
    assert abs(shuffled - 1) > 1e-6
    assert np.isfinite(linearised.costs([net], 2)).all()


@pytest.mark.parametrize(
    ("first", "later", "narrow", "shuffled", "expected"),
    [
        (3.0, 1.1, 1.4, 5.0, ENDS[0]),
        (3.0, 1.4, 1.5, 5.0, ENDS[1]),  # later layers not linear
        (1.2, 1.1, 1.4, 5.0, ENDS[1]),  # nor the first anything else
        (3.0, 1.2, 1.1, 5.0, ENDS[1]),  # wide systems no better
        (3.0, 1.1, 1.4, 1.2, Verdict.INCONCLUSIVE),  # a replacement that knows nothing costs nothing either
    ],
)
def test_costs_decide_on_linearity(monkeypatch, first, later, narrow, shuffled, expected):
    def cost(net, tap):
        layer, mixed = tap
        value = shuffled if mixed else first if layer == 0 else later if net.task.n_seen == 6 else narrow
        return value * (1 + 0.001 * net.member)

    monkeypatch.setattr(linearised, "copied", lambda net, layer, rounds, shuffled=False: (layer, shuffled))
    monkeypatch.setattr(linearised, "cost", cost)
    monkeypatch.setattr(Network, "loss", lambda self, step=None: 0.1)
    runs = [run(Size(d=d, length=8, n_test=8), ("softmax",) * 3) for d in (4, 6)]
    assert judged("25", *runs).verdict is expected


# --- 27 and 28 --------------------------------------------------------------------------------------------------------

MARK = 5.0  # the separator that the planted network knows
LONG = Size(d=4, length=60, n_test=8)


def neighbours(tokens):
    """Ridge regression on all neighbouring tokens."""
    return ridge(tokens, tokens.roll(-1, -2), 1e-3)


def pairs_alone(tokens, layout):
    """Ridge regression on the true pairs; zero elsewhere than at the questions."""
    group = 3 if layout.separator else 2
    at = layout.prefix + group * torch.arange(layout.pairs)
    said = torch.zeros_like(tokens)
    said[..., at, :] = ridge(tokens[..., at, :], tokens[..., at + 1, :], 1e-3)
    return said


@pytest.fixture
def few_shot(monkeypatch):
    """Judges 27 and 28 on networks of `says(tokens)`; separators are known by their value."""

    def found(number, says):
        monkeypatch.setattr(prompts, "TASKS", 512)
        vectors = {True: torch.full((5, 1, 4), MARK), False: torch.full((5, 5, 4), MARK)}
        monkeypatch.setattr(Asked, "tuned", lambda self, layout, scale, separator=None: vectors[separator is None])
        monkeypatch.setattr(
            Asked, "says", lambda self, tokens: torch.zeros_like(tokens) if self.step == 0 else says(tokens)
        )
        return judged(number, run(LONG)).verdict

    return found


def helped(tokens):
    """Misled by neighbours, unless separators stand between pairs."""
    for prefix in (False, True):
        layout = Layout.for_length(60, separator=True, prefix=prefix)
        if tokens.shape[-2] == layout.prefix + 3 * layout.pairs and (tokens[0, 0, layout.prefix + 2] == MARK).all():
            return pairs_alone(tokens, layout)
    return neighbours(tokens)


def test_few_shots_with_and_without_help(few_shot):
    assert few_shot("27", helped) is Verdict.REPRODUCED
    assert few_shot("27", neighbours) is Verdict.CONTRADICTED  # nothing helps
    assert (
        few_shot("27", lambda tokens: pairs_alone(tokens, Layout(tokens.shape[-2] // 2))) is Verdict.CONTRADICTED
    )  # no rise
    assert few_shot("27", torch.zeros_like) is Verdict.CONTRADICTED


def recent(tokens):
    """Ridge regression that has forgotten all but the last places."""
    said = torch.zeros_like(tokens)
    for t in range(tokens.shape[-2]):
        first = max(0, t - 11)
        said[..., t, :] = neighbours(tokens[..., first : t + 1, :])[..., -1, :]
    return said


def test_a_second_task(few_shot):
    assert few_shot("28", neighbours) is Verdict.REPRODUCED
    assert few_shot("28", lambda tokens: pairs_alone(tokens, Layout(tokens.shape[-2] // 2))) is Verdict.REPRODUCED
    assert few_shot("28", recent) is Verdict.CONTRADICTED  # recovers, and as fast as it had learned
    assert few_shot("28", torch.zeros_like) is Verdict.CONTRADICTED


def two_tasks(again, jump=1.3, end=0.3):
    """A loss that falls from 1 to .4 in eleven pairs, jumps, stands at `again` after eleven more, and ends at `end`."""
    curve = np.interp(np.arange(30), [0, 11], [1.0, 0.4])
    curve[12:24] = np.interp(np.arange(12), [0, 11], [jump, again])
    curve[24:] = end
    return curve


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (two_tasks(again=0.5), ENDS[0]),
        (two_tasks(again=0.41), ENDS[1]),  # as fast
        (two_tasks(again=0.3), ENDS[1]),  # faster
        (two_tasks(again=0.5, jump=0.55), ENDS[1]),  # no jump
        (two_tasks(again=0.9, end=0.85), ENDS[1]),  # slower, and never there
    ],
)
def test_slower_is_asked_at_equal_numbers_of_pairs_of_each_task(monkeypatch, curve, expected):
    """Thirty pairs, twelve of the first task: its last question comes after eleven, so the second is asked there."""
    flat = np.ones(30)

    def losses(self, layout, separator=None, prefix=None):
        assert (layout.pairs, layout.switch_after) == (30, 12)
        return np.stack([(flat if self.step == 0 else curve) * (1 + 0.01 * seed) for seed in range(5)])

    monkeypatch.setattr(prompts, "TASKS", 4)
    monkeypatch.setattr(Asked, "losses", losses)
    found = judged("28", run(LONG))
    assert found.verdict is expected
    slower = found.estimates["second / first task, 11 pairs each"]
    assert slower.value == pytest.approx(curve[23] / curve[11])


def test_a_second_task_that_is_learned_as_fast_by_some_seeds_is_undecided(monkeypatch):
    curves = np.stack([two_tasks(again=value) for value in (0.4, 0.41, 0.5, 0.5, 0.5)])

    def losses(self, layout, separator=None, prefix=None):
        return np.ones((5, 30)) if self.step == 0 else curves

    monkeypatch.setattr(prompts, "TASKS", 4)
    monkeypatch.setattr(Asked, "losses", losses)
    assert judged("28", run(LONG)).verdict is Verdict.INCONCLUSIVE


def test_references_see_what_they_should():
    asked = Asked(networks(run(LONG, seeds=1)))
    layout = Layout.for_length(60)
    true, spurious = (least_squares(asked, layout, spurious=flag)[0] for flag in (False, True))
    assert true[-1] < 1e-3 < 0.1 < spurious[-1]
    assert true[0] == pytest.approx(4 / 6, rel=0.1)
    assert [Layout.for_length(224, *flags) for flags in ((), (True,), (True, True))] == [
        Layout(112),
        Layout(74, True),
        Layout(68, True, 20),
    ]


def test_tuning_moves_only_vectors_and_lowers_their_loss(monkeypatch):
    monkeypatch.setattr(prompts, "TASKS", 64)
    size = Size(d=2, length=24, n_test=8)
    asked = Asked(networks(run(size, seeds=2, weights=True)))
    layout = Layout.for_length(24, separator=True)
    before = {name: value.clone() for name, value in asked.weights.items()}
    separator = asked.tuned(layout, "quick")
    assert separator.shape == (2, 1, 2)
    first = [stream(seed, "few shot vectors", 1).standard_normal((1, 2)) for seed in (0, 1)]
    start = torch.from_numpy(np.stack(first)).float()
    assert asked.losses(layout, separator).mean() < asked.losses(layout, start).mean()
    longer = Layout.for_length(24, separator=True, prefix=True)
    assert asked.tuned(longer, "smoke", separator).shape == (2, 2, 2)
    assert all(torch.equal(asked.weights[name], value) for name, value in before.items())


# --- 31 ---------------------------------------------------------------------------------------------------------------


def text_run(loss):
    """Members whose last test loss is `loss` with something of their own."""
    rows = [
        {"member": seed, "seed": seed, "step": step, "test_loss": value, "loss_by_place": np.full(8, value)}
        for seed in range(5)
        for step in (0, 100)
        for value in [4.0 if step == 0 else loss + 0.01 * seed]
    ]
    return FakeRun([], [], pd.DataFrame(rows))


@pytest.mark.parametrize(
    ("softmax", "linear", "mesa", "expected"),
    [(1.7, 2.0, 1.8, ENDS[0]), (1.7, 1.8, 1.9, ENDS[1]), (1.9, 2.0, 1.8, ENDS[1])],
)
def test_the_order_of_kinds_in_language(softmax, linear, mesa, expected):
    assert judged("31", *(text_run(loss) for loss in (softmax, linear, mesa))).verdict is expected


def test_kinds_are_compared_for_the_seeds_that_are_left():
    runs = [text_run(loss) for loss in (1.7, 2.0, 1.8)]
    found = judged("31", runs[0].without(0), runs[1].without(1), runs[2])
    assert (found.verdict, found.seeds) == (Verdict.REPRODUCED, 3)
    with pytest.raises(NothingToJudge, match="No member of run aa11 reached its end"):
        judged("31", *runs[:2], runs[2].without(*range(5)))


def test_probes_reach_back_further_than_the_widest_horizon_that_is_published():
    assert partial.DISTANCES > 5
