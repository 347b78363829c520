"""Claims without training: their checks notice a wrong layer, and what they compare with is right."""

import numpy as np
import pytest
import torch

from latebloom.baselines import descent
from latebloom.claims import Verdict
from latebloom.instruments import constructions
from latebloom.studies.mesa_optimization.claims import kernel, mesa_layer, propositions
from latebloom.studies.mesa_optimization.claims.propositions import sequences
from tests.studies.mesa_optimization.planted import judged


@pytest.mark.parametrize("number", ["01", "04", "05", "07", "08"])
def test_reproduced(number):
    assert judged(number, scale="quick").verdict is Verdict.REPRODUCED


def test_a_layer_that_is_a_little_off_is_noticed(monkeypatch):
    right = constructions.one_step
    monkeypatch.setattr(propositions.constructions, "one_step", lambda d, rate, start: right(d, rate * 1.0001, start))
    assert judged("01", scale="quick").verdict is Verdict.CONTRADICTED


def test_a_mesa_layer_that_is_a_little_off_is_noticed(monkeypatch):
    right = mesa_layer.mesa_attention

    def wrong(q, k, v, lam=None, gamma=None, **more):
        out, state = right(q, k, v, lam, gamma, **more)
        return out * (1.0 if more.get("form") in ("direct", None) else 1.001), state

    monkeypatch.setattr(mesa_layer, "mesa_attention", wrong)
    assert judged("04", scale="quick").verdict is Verdict.CONTRADICTED
    assert judged("05", scale="quick").verdict is Verdict.CONTRADICTED


def test_the_definition_in_numpy_is_the_mesa_layer():
    q, k, v = mesa_layer.problem(9, 3, "test", rows=2)
    right = mesa_layer.mesa_attention(q, k, v, 0.4, torch.full((9,), 0.8, dtype=torch.float64))[0]
    np.testing.assert_allclose(mesa_layer.solved(q, k, v, 0.4, 0.8), right, rtol=1e-8)


def test_one_stacked_layer_is_one_step():
    data = sequences(4, 10, 16, "test")
    assert propositions.stacked_loss(0.07, 1, data) == pytest.approx(propositions.descent_loss(0.07, 1, data), rel=1e-9)


def stacked_by_loop(states, targets, rate, steps):
    """The stack of one sequence without any attention: each pair's error reduced by the pairs up to it."""
    said = np.zeros(targets.shape)
    # The pair (s_{j-1}, s_j) ends at place j; its error begins as s_j, and the first state has no input.
    inputs = np.concatenate([np.zeros((1, states.shape[1])), states[:-1]])
    error = states.copy()
    for _ in range(steps):
        said = said + rate * np.stack([error[: t + 1].T @ (inputs[: t + 1] @ states[t]) for t in range(len(states))])
        error = error - rate * np.stack([error[: t + 1].T @ (inputs[: t + 1] @ inputs[t]) for t in range(len(states))])
    return said


def test_claim_3_is_contradicted_by_a_plain_loop_too():
    """The stack is not behind descent at small depths: recomputed without the instruments."""
    states, targets = sequences(10, 50, 64, "stacked")
    x, y, rate = states.numpy(), targets.numpy(), 0.032
    said = np.stack([stacked_by_loop(x[i], y[i], rate, 3) for i in range(len(x))])
    layers = constructions.stacked_steps(10, [rate] * 3).layers()
    np.testing.assert_allclose(propositions.said(layers, propositions.tokens(states), 10), said, atol=1e-10)
    ours = float(((said - y) ** 2).sum(-1).mean() / 2)
    best = min(propositions.descent_loss(r, 3, (states, targets)) for r in np.linspace(0.005, 0.04, 36))
    assert min(ours, propositions.stacked_loss(0.025, 3, (states, targets))) < best


def test_the_slow_references_agree_with_the_fast_ones():
    states, targets = sequences(3, 8, 2, "test")
    start = torch.full((3, 3), 0.2, dtype=torch.float64)
    slow = propositions.by_autograd(states[0], targets[0], start, 0.1)
    torch.testing.assert_close(slow, descent.one_step(states[:1], targets[:1], 0.1, start)[0])
    layers = constructions.preconditioned_step(3, [0.4, 0.3], [0.0, 0.1], propositions.PENALTY).layers()
    fast = propositions.said(layers, propositions.tokens(states), 3)[0]
    torch.testing.assert_close(propositions.by_eigenvalues(states[0], targets[0], [0.4, 0.3], [0.0, 0.1]), fast)


def test_solver_errors_stay_below_their_bounds():
    found = propositions.solver_errors(sequences(3, 12, 8, "test")[0], 4)
    assert all(0 < share <= 1 + 1e-6 for share, _ in found.values())


def test_kernels_and_least_squares_at_four_numbers():
    row = kernel.compared(4, seed=0, points=8)
    assert row["least squares, all pairs"] < row["least squares, as released"] < row["kernel"]
    assert row["least squares, as released"] == pytest.approx(0.0328, rel=0.15)
