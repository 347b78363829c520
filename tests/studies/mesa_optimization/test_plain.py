"""Claims on plain tokens: binding read from planted streams, and losses on networks that are made up."""

import numpy as np
import pandas as pd
import pytest
import torch

from latebloom.claims import Verdict
from latebloom.studies.mesa_optimization.claims import plain
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.networks import Network, networks, ridge_of
from latebloom.studies.mesa_optimization.experiments.plain import network
from latebloom.studies.mesa_optimization.experiments.sizes import recipe
from latebloom.training.experiment import Experiment
from tests.studies.mesa_optimization.planted import SMALL, FakeRun, judged


def run(depths=(2, 7), kind="softmax", seeds=5):
    """Members without weights; what they say is put in their place by the tests."""
    made = [
        Experiment(
            name="mesa_optimization.planted",
            task=SMALL.task("plain"),
            model=network(SMALL, ("softmax", "mesa") if kind == "hybrid" else ("softmax",) * depth),
            training=recipe(300, 1e-3, 0.0),
            seed=seed,
        )
        for depth in depths
        for seed in range(seeds)
    ]
    return FakeRun(made, [{0: {}, 300: {}} for _ in made], pd.DataFrame())


@pytest.fixture
def says(monkeypatch):
    """Networks that say what a function of (network, step) says."""

    def put(function):
        def loss(self, step=None):
            out = function(self, step)
            return float((out - self.test[2]).square().sum(-1).mean() / 2)

        monkeypatch.setattr(Network, "outputs", lambda self, step=None, tokens=None: function(self, step))
        monkeypatch.setattr(Network, "loss", loss)

    return put


def blurred(net, amount):
    """Ridge regression with an error of its own."""
    noise = np.random.Generator(np.random.Philox(net.member)).standard_normal(tuple(net.test[2].shape))
    return ridge_of(net) + amount * torch.from_numpy(noise)


def test_six_steps_and_two_layers(says):
    numbers = fitted(networks(run())[5])

    def like_six(net, step):
        return solved(net, numbers) if net.model.n_layers == 7 else torch.zeros_like(net.test[2])

    says(like_six)
    assert judged("19", run()).verdict is Verdict.REPRODUCED
    assert judged("19", run((2, 7, 12))).verdict is Verdict.REPRODUCED  # twelve layers are not what it is about
    says(lambda net, step: blurred(net, 0.5))
    assert judged("19", run()).verdict is Verdict.CONTRADICTED


def test_hybrid_between_softmax_and_ridge(says):
    def order(hybrid, stack):
        def function(net, step):
            if step == 0:
                return torch.zeros_like(net.test[2])
            return blurred(net, hybrid if net.model.mixer(1) == "mesa" else stack)

        return function

    says(order(0.1, 0.3))
    assert judged("20", run((2,), "hybrid"), run((7,))).verdict is Verdict.REPRODUCED
    says(order(0.3, 0.1))
    assert judged("20", run((2,), "hybrid"), run((7,))).verdict is Verdict.CONTRADICTED


def test_binding_is_read_from_the_first_layer(monkeypatch):
    def streams(copies):
        def function(self, step=None, tokens=None, params=None):
            states = self.test[1]
            back = [torch.roll(states, by, 1) for by in range(1 if step == 0 else copies)]
            return [states, torch.cat(back, -1)]

        return function

    for copies, expected in ((2, Verdict.REPRODUCED), (1, Verdict.CONTRADICTED), (4, Verdict.CONTRADICTED)):
        monkeypatch.setattr(Network, "streams", streams(copies))
        # Orthogonal systems with three numbers: older states are in part the same plane, so they are not all unread.
        monkeypatch.setattr(plain, "DISTANCES", 3)
        assert judged("17", run((7,))).verdict is expected, copies
