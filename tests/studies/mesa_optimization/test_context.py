"""The picture of loss by length of the context: its references against plain loops, and whether they can be told apart.

Networks are made up; the loops are numpy's and share nothing with the baselines.
"""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from latebloom.studies.drawing.style import styled
from latebloom.studies.mesa_optimization.claims import deep
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.networks import Network, by_place, networks, one_step
from latebloom.studies.mesa_optimization.experiments.plain import network
from latebloom.studies.mesa_optimization.experiments.sizes import Size, recipe
from latebloom.studies.mesa_optimization.figures import context
from latebloom.studies.mesa_optimization.figures import references as own
from latebloom.studies.mesa_optimization.figures.context import STYLES, draw_context
from latebloom.studies.mesa_optimization.figures.references import (
    RATES,
    SHARPNESS,
    chosen,
    filtered,
    references,
)
from latebloom.training.experiment import Experiment
from tests.baselines.test_kalman import joint_covariance
from tests.studies.mesa_optimization.planted import SMALL, FakeRun, one_layer

BOTH = ["softmax kernel", "6 Neumann steps", "6 Richardson steps", "6 solver steps", "least squares", "ridge"]
PENALTY = 1e-3
CHOSEN_ON = 64
LAGS = pytest.mark.parametrize("lagged", [False, True])


@pytest.fixture(scope="module", autouse=True)
def fewer():
    """Settings are chosen on a quarter of the sequences, by plain loops, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deep, "FIT_ON", CHOSEN_ON)
        patch.setattr(own, "FIT_ON", CHOSEN_ON)
        yield


@pytest.fixture(scope="module")
def seen(fewer):
    """A network of a fully seen system, and its references."""
    net = networks(one_layer(SMALL, 0.1, 1))[0]
    return net, references(net)


def partly(n_test=200, **task):
    """A network of a partly seen system, without weights."""
    size = Size(d=2, length=16, batch=8, n_test=n_test)
    made = Experiment(
        name="mesa_optimization.planted",
        task=size.task("plain", n_hidden=4, **task),
        model=network(size, ("softmax", "mesa")),
        training=recipe(300, 1e-3, 0.0),
        seed=0,
    )
    return Network(FakeRun([made], [{0: {}, 300: {}}]), 0)


def by_loops(x, y, lagged, say):
    """Loss at each place of `say(pairs' inputs, pairs' targets, query)`; 0 is said where there are no pairs."""
    losses = np.zeros(x.shape[1])
    for t in range(x.shape[1]):
        count = max(t - int(lagged), 0)
        for row in range(len(x)):
            said = say(x[row, :count], y[row, :count], x[row, t]) if count else np.zeros(y.shape[2])
            losses[t] += ((said - y[row, t]) ** 2).sum() / 2 / len(x)
    return losses


def by_ridge(x, y, query):
    return y.T @ x @ np.linalg.solve(x.T @ x + PENALTY * np.eye(len(query)), query)


def by_least_squares(x, y, query):
    return np.linalg.lstsq(x, y, rcond=None)[0].T @ query


def by_steps(rate):
    """Six steps of one rate, as a power: what is left of the first error is (I - rate B)^6."""

    def say(x, y, query):
        gram = x.T @ x + PENALTY * np.eye(len(query))
        whole = np.linalg.solve(gram, query)
        scale = np.linalg.norm(gram)
        left = np.linalg.matrix_power(np.eye(len(query)) - rate * gram / scale, 6)
        return y.T @ x @ (whole + left @ (query / scale - whole))

    return say


def by_kernel(sharpness):
    def say(x, y, query):
        weights = np.exp(sharpness * x @ query)
        return y.T @ weights / weights.sum()

    return say


def best_of(net, lagged, grid, make):
    """The setting with the least loss on the first sequences of those that references choose on."""
    x, y = (part[:CHOSEN_ON].numpy() for part in net.other[1:])
    return min(grid, key=lambda value: by_loops(x, y, lagged, make(value)).mean())


@LAGS
def test_regressions_and_steps_are_those_of_plain_loops(seen, lagged):
    net, found = seen
    x, y = (part.numpy() for part in net.test[1:])
    rows = found.lagged if lagged else found.fair
    for name, say in (("ridge", by_ridge), ("least squares", by_least_squares), ("6 Neumann steps", by_steps(1.0))):
        np.testing.assert_allclose(rows[name], by_loops(x, y, lagged, say), rtol=1e-5, err_msg=name)


@LAGS
@pytest.mark.parametrize(
    ("name", "grid", "make"),
    [("softmax kernel", SHARPNESS, by_kernel), ("6 Richardson steps", RATES, by_steps)],
)
def test_settings_are_those_that_do_best_on_other_sequences(seen, lagged, name, grid, make):
    net, found = seen
    x, y = (part.numpy() for part in net.test[1:])
    best = best_of(net, lagged, grid, make)
    rows = found.lagged if lagged else found.fair
    np.testing.assert_allclose(rows[name], by_loops(x, y, lagged, make(best)), rtol=1e-6)


@LAGS
def test_six_solver_steps_are_the_control_of_the_claims(seen, lagged):
    net, found = seen
    expected = by_place(net, solved(net, fitted(net, lagged=lagged), lagged))
    np.testing.assert_allclose((found.lagged if lagged else found.fair)["6 solver steps"], expected, rtol=1e-6)


def test_only_those_with_pairs_left_out_say_nothing_at_the_second_place(seen):
    """The published handicap: one pair has been seen there, and the released controls do not use it."""
    net, found = seen
    assert list(found.lagged) == BOTH
    nothing = found.fair["zero"]
    for name in BOTH:
        assert found.lagged[name][1] == pytest.approx(nothing[1]), name
        assert abs(found.fair[name][1] / nothing[1] - 1) > 0.01, name
        assert (found.fair[name][0], found.lagged[name][0]) == pytest.approx((nothing[0], nothing[0])), name
    np.testing.assert_allclose(found.fair["one gradient step"], by_place(net, one_step(net)))
    assert found.window == 1


@pytest.mark.parametrize(
    "task", [{}, {"start": "normal", "start_size": 0.5, "noise": 0.1, "seen_noise": 0.2}], ids=["as it is", "other"]
)
def test_the_filter_is_told_what_made_the_sequences(task):
    """Against the mean that follows from the joint normal distribution of all that is seen."""
    net = partly(n_test=12, **task)
    made = net.task.test_sequences(net.seed)
    noise, blur = task.get("noise", 0.01), task.get("seen_noise", 0.01)
    variance = task.get("start_size", 1.0) ** 2 * (1 if "start" in task else 1 / 3)
    said = filtered(net).numpy()
    for row in range(12):
        covariance = joint_covariance(made.dynamics[row], made.readout[row], noise, blur, variance, 17)
        for t in (1, 2, 5, 16):
            past, following = slice(0, 2 * t), slice(2 * t, 2 * t + 2)
            weights = np.linalg.solve(covariance[past, past], covariance[past, following])
            expected = made.seen[row, :t].ravel() @ weights
            np.testing.assert_allclose(said[row, t - 1], expected, rtol=1e-4, atol=1e-6)


def test_what_is_added_to_partly_seen_states_is_what_the_filter_believes():
    made = partly().task.test_sequences(0)
    blur = made.seen - np.einsum("bij,btj->bti", made.readout, made.hidden)
    assert blur.std() == pytest.approx(0.01, rel=0.03)


def test_partly_seen_systems_are_read_several_states_at_a_time():
    net = partly(400)
    found = references(net)
    assert 2 <= found.window <= 6  # four hidden numbers, two of them seen
    alone, several = found.fair["ridge, last state alone"], found.fair["ridge"]
    assert several[-1] < 0.5 * alone[-1]
    known = found.fair["Kalman filter (told W, C)"]
    assert all(known.mean() < row.mean() for name, row in found.fair.items() if not name.startswith("Kalman"))
    assert "best of 12 numbers" not in found.fair  # a formula of one layer that sees the whole state


def test_windows_are_chosen_for_the_system():
    """Where each state says all, more of them are noise to ridge from few pairs."""
    net = networks(one_layer(SMALL, 0.1, 1))[0]
    assert chosen(net, range(1, 5)).window == 1
    assert chosen(partly(400), [3]).x.shape[-1] == 3 * 2


@pytest.fixture
def drawn(monkeypatch):
    """The picture of made-up networks that say half of the truth, and what `references` says of the first."""

    def draw(nets):
        monkeypatch.setattr(Network, "outputs", lambda self, step=None, tokens=None: 0.5 * self.test[2])
        found = references(nets[0])
        monkeypatch.setattr(context, "references", {nets[0]: found}.__getitem__)
        with styled():
            return draw_context(nets, "heading", "caption"), found

    return draw


def look(line):
    dashes = line._unscaled_dash_pattern  # matplotlib has no public word for it
    return to_hex(line.get_color()), str(dashes), line.get_linewidth() > 1.5


@pytest.mark.parametrize("kind", ["fully", "partly"])
def test_the_picture_shows_every_reference_and_all_look_different(drawn, kind):
    nets = networks(one_layer(SMALL, 0.1, 2)) if kind == "fully" else [partly()]
    figure, found = drawn(nets)
    for axis, rows in zip(figure.axes, (found.fair, found.lagged), strict=True):
        lines = {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}
        assert set(rows) == set(lines) & set(STYLES)
        for name, row in rows.items():
            np.testing.assert_array_equal(lines[name].get_ydata(), row)
        assert len({look(line) for line in lines.values()}) == len(lines)
        bold = next(line for name, line in lines.items() if name not in STYLES)
        np.testing.assert_allclose(bold.get_ydata(), np.median([by_place(n, n.outputs()) for n in nets], 0))
        assert axis.get_legend() is None  # the legend is outside the axes, once
    assert axis.get_ylim()[1] <= 2.01 * found.fair["zero"].max()
    assert len(figure.legends[0].get_texts()) == len(found.fair) + 1
    assert ("the filter is told" in figure._supxlabel.get_text()) is (kind == "partly")


def test_styles_are_the_same_on_both_sides(drawn):
    figure, _ = drawn(networks(one_layer(SMALL, 0.1, 1)))
    left, right = ({line.get_label(): look(line) for line in axis.lines} for axis in figure.axes)
    assert all(left[name] == right[name] for name in BOTH)


def test_a_peak_of_least_squares_does_not_stretch_the_picture(monkeypatch, drawn):
    monkeypatch.setitem(own.IN_CONTEXT, "least squares", lambda pairs, lagged: torch.full_like(pairs.y, 1e6))
    figure, found = drawn(networks(one_layer(SMALL, 0.1, 1)))
    assert found.fair["least squares"].max() > 1e10
    assert figure.axes[0].get_ylim()[1] <= 2.01 * found.fair["zero"].max()
