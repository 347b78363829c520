"""Live curves: one pass for all queries says what a pass for each says; words that help where points do not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import latebloom
from latebloom import studies
from latebloom.claims import NothingToJudge
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.runs.run import Run
from latebloom.studies.model_selection import load, predict
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import arms
from latebloom.studies.model_selection.claims.references import optimum
from latebloom.studies.model_selection.experiments.testbed import COMBINED, MIXTURE
from latebloom.studies.model_selection.figures.pick import draw_run
from latebloom.studies.model_selection.live import FARTHEST

studies.load()
X, Y, QUERY = np.array([-1.0, 0.3, 0.9]), np.array([0.5, -0.2, 1.4]), np.linspace(-2, 2, 7)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    names = ("testbed", "testbed_specialists", "linear")
    return {name: latebloom.run(f"model_selection.{name}", scale="smoke", home=home, workers=1) for name in names}


@pytest.fixture
def snapshot(runs):
    return load(runs["testbed"], runs["testbed_specialists"], seed=1)


def test_every_network_answers_as_it_would_query_by_query(runs, snapshot):
    found = predict(snapshot, X, Y, QUERY).curves
    groups = arms(runs["testbed"]) | arms(runs["testbed_specialists"])
    assert set(snapshot.names) == set(groups)
    for name, nets in groups.items():
        right = []
        for q in QUERY:
            x = torch.from_numpy(np.append(X, q)[None, :, None])
            y = torch.from_numpy(np.append(Y, 99.0)[None])  # the query's own label is never looked at
            right.append(float(nets[1].says(x, y)[0, -1]))
        np.testing.assert_allclose(found[f"trained on {name}"], right, atol=1e-5)


def test_a_mixture_of_which_nobody_is_left(runs, monkeypatch):
    members = runs["testbed"].members()
    lost = members.assign(diverged=members["mixture"] == COMBINED)
    monkeypatch.setattr(Run, "members", lambda run: lost)
    groups = networks._arms.__wrapped__(runs["testbed"].path, "", ())
    assert len(groups[MIXTURE]) == 2
    with pytest.raises(NothingToJudge, match=r"No member trained on line.sinusoid.line~.* reached its end"):
        groups[COMBINED]
    with pytest.raises(KeyError):  # a fault of the judge, not of the runs
        groups["lines"]


def test_queries_do_not_see_each_other(snapshot):
    alone = predict(snapshot, X, Y, QUERY[2:3]).curves
    together = predict(snapshot, X, Y, QUERY).curves
    for name, curve in alone.items():
        np.testing.assert_allclose(curve, together[name][2:3], atol=1e-6)


def test_references_and_posterior(snapshot):
    found = predict(snapshot, X, 2 * X, QUERY)
    np.testing.assert_allclose(found.curves["least squares"], 2 * QUERY, atol=1e-9)
    x, y = (torch.from_numpy(part) for part in (X[:, None], 2 * X))
    right = optimum(snapshot.task)(x, y, torch.from_numpy(QUERY[:, None]))
    np.testing.assert_allclose(found.curves["optimum of line+sinusoid"], right.numpy(), atol=1e-8)
    assert found.classes["line"] == pytest.approx(1 - found.classes["sinusoid"])
    assert found.classes["line"] > 0.5


def test_no_points_yet(snapshot):
    found = predict(snapshot, [], [], QUERY)
    assert found.classes == pytest.approx({"line": 0.5, "sinusoid": 0.5})
    assert np.all(found.curves["least squares"] == 0)


@pytest.mark.parametrize(
    ("mixture", "known"), [("line+fourier@gaussian", True), ("line+fourier", False), ("relu+line", False)]
)
def test_classes_beyond_the_testbed(mixture, known, snapshot):
    task = snapshot.task.replace({"mixture": mixture, "tests": mixture})
    found = predict(replace(snapshot, task=task), X, Y, QUERY)
    assert "trained on line" in found.curves and "least squares" in found.curves
    assert (f"optimum of {mixture}" in found.curves) == known
    assert set(found.classes) == ({"line", "fourier@gaussian"} if known else set())


def test_the_optimum_of_fourier_series_is_that_of_their_covariance(snapshot):
    task = snapshot.task.replace({"mixture": "fourier:scale=2:terms=3", "tests": "line", "noise_variance": 0.01})
    found = predict(replace(snapshot, task=task), X, Y, QUERY).curves["optimum of fourier:scale=2:terms=3"]
    logs, means = [], []
    for terms in (1, 2, 3):  # 4 / N times the sum of cos(pi n (x - x') / 5)
        n = np.arange(1, terms + 1)[:, None, None]
        inner, cross = (4 / terms * np.cos(np.pi / 5 * n * (a[:, None] - X)).sum(0) for a in (X, QUERY))
        inner = inner + 0.01 * np.eye(3)
        means.append(cross @ np.linalg.solve(inner, Y))
        logs.append(-0.5 * (Y @ np.linalg.solve(inner, Y) + np.linalg.slogdet(inner)[1]))
    share = np.exp(np.array(logs) - max(logs))
    np.testing.assert_allclose(found, share @ np.array(means) / share.sum(), atol=1e-8)


def test_a_run_is_no_snapshot(runs):
    with pytest.raises(LatebloomError, match=r"testbed.* is no snapshot: give what load\(run\)"):
        predict(runs["testbed"], X, Y, QUERY)


@pytest.mark.parametrize(
    ("x", "y", "query", "words"),
    [
        (stream(0, "x").normal(size=9), np.zeros(9), QUERY, "9 points are more than the 4 that this network"),
        ([1.0, 2.0], [1.0], QUERY, "rows of equal length"),
        ([1.0], [np.nan], QUERY, r"y\[0\] = nan"),
        ([1.0], [1.0], [], "at least one number"),
        ([1e200], [1.0], QUERY, r"x\[0\] = 1e\+200: points and queries must be finite, between -1e\+12 and 1e\+12"),
    ],
)
def test_points_that_do_not_fit(snapshot, x, y, query, words):
    with pytest.raises(LatebloomError, match=words):
        predict(snapshot, x, y, query)


def test_the_farthest_points_still_have_answers(snapshot):
    curves = predict(snapshot, [FARTHEST, -FARTHEST], [FARTHEST, 0.0], [-FARTHEST, FARTHEST]).curves
    assert all(np.isfinite(curve).all() for curve in curves.values())


def test_runs_that_do_not_fit(runs):
    with pytest.raises(LatebloomError, match=r"'model_selection.testbed' is no run: give what"):
        load("model_selection.testbed")
    with pytest.raises(LatebloomError, match="no networks of seed 77"):
        load(runs["testbed"], seed=77)
    with pytest.raises(LatebloomError, match="functions of one number"):
        load(runs["linear"])
    with pytest.raises(LatebloomError, match="no run"):
        load()


def test_one_mixture_is_one_network(runs, snapshot, tmp_path):
    """Rates of one run are told apart by nobody; of two runs the first is taken, and its mixture comes first."""
    rates = latebloom.run("model_selection.testbed", "training.lr=1e-3,2e-3", scale="smoke", home=tmp_path, workers=1)
    with pytest.raises(LatebloomError, match=r"several networks of seed 0 trained on 'line\+sinusoid'"):
        load(rates)
    drawn = {path.stem for path in draw_run(rates, tmp_path)}  # no picture takes several for one
    assert "icl" in drawn and not drawn & {"gallery", "shares", "extremes"}
    again = load(runs["testbed"], runs["testbed"], runs["testbed_specialists"], seed=1)
    assert again.names == snapshot.names and again.names[0] == MIXTURE
    assert all(torch.equal(value, snapshot.parameters[name]) for name, value in again.parameters.items())


def test_inputs_that_tell_classes_apart_have_no_optimum(snapshot):
    task = snapshot.task.replace({"tests": "line"})
    with pytest.raises(LatebloomError, match=r"inputs of 'line' and 'fourier' differ.*fourier@gaussian"):
        optimum(task, "line+fourier")
    assert len(optimum(task, "line@uniform+fourier").classes) > 1  # 5 either way
