"""Lasso against scikit-learn, against its optimality conditions, and where paths have ties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso as Peer

from latebloom.baselines import lasso
from latebloom.baselines.lasso import Lasso, coordinate_descent, follow_path, solve_on_support, violation
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from tests.baselines.draws import linear_prompts


def peer_weights(x, y, alpha):
    return Peer(alpha=alpha, fit_intercept=False, tol=1e-13, max_iter=200_000).fit(x.numpy(), y.numpy()).coef_


@pytest.mark.parametrize(("nonzeros", "noise"), [(2, 0.0), (None, 0.0), (None, 0.3)])
@pytest.mark.parametrize("alpha", [1.0, 0.1, 0.01])
def test_weights_equal_scikit_learns_to_a_millionth(nonzeros, noise, alpha):
    x, y, _, _ = linear_prompts(3, 21, 12, nonzeros=nonzeros, noise=noise)
    each = Lasso(alpha).prefix_weights(x, y)
    for p in range(3):
        for k in (1, 2, 3, 5, 8, 11, 12, 13, 16, 20):
            np.testing.assert_allclose(each[p, k], peer_weights(x[p, :k], y[p, :k], alpha), rtol=0, atol=1e-6)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 6), st.floats(0.001, 2))
def test_the_optimality_conditions_hold(seed, n, d, alpha):
    x, y, _, _ = linear_prompts(4, n, d, noise=0.2, seed=seed)
    w = Lasso(alpha).weights(x, y)
    correlation = (x.mT @ (y - (x @ w[..., None])[..., 0])[..., None])[..., 0] / n
    assert bool((correlation.abs() <= alpha + 1e-9).all())
    active = w != 0
    torch.testing.assert_close(correlation[active], alpha * w[active].sign(), rtol=0, atol=1e-9)


def test_orthogonal_inputs_have_the_soft_threshold():
    x = torch.eye(4, dtype=torch.float64)
    y = torch.tensor([3.0, -2.0, 0.5, -0.1], dtype=torch.float64)
    expected = y.sign() * (y.abs() - 4 * 0.2).clamp(min=0)
    torch.testing.assert_close(Lasso(0.2).weights(x, y), expected)


@pytest.mark.parametrize("twist", ["same column", "opposite column", "equal correlations", "zero column"])
def test_ties_are_solved_as_well(twist):
    x, y, _, _ = linear_prompts(5, 8, 4, noise=0.1)
    if twist == "same column":
        x[..., 1] = x[..., 0]
    elif twist == "opposite column":
        x[..., 1] = -x[..., 0]
    elif twist == "zero column":
        x[..., 2] = 0
    else:
        x = torch.cat([torch.eye(4), -torch.eye(4)]).to(x).expand(5, 8, 4)
        y = x.sum(-1)
    w = Lasso(0.05).weights(x, y)
    for p in range(5):
        mine, theirs = w[p].numpy(), peer_weights(x[p], y[p], 0.05)
        # Equal columns share their weight in many optimal ways: predictions and objective are unique, weights are not.
        np.testing.assert_allclose(x[p].numpy() @ mine, x[p].numpy() @ theirs, atol=1e-6)
        assert np.abs(mine).sum() == pytest.approx(np.abs(theirs).sum(), abs=1e-6)


def test_inputs_of_plus_and_minus_one_are_solved_although_whole_columns_agree():
    noise = stream(0, "signs")
    x = torch.tensor(noise.choice([-1.0, 1.0], (400, 4, 8)))
    y = torch.tensor(noise.standard_normal((400, 4)))
    gram, moment = (x.mT @ x).permute(1, 2, 0).contiguous(), (x.mT @ y[..., None])[..., 0].T.contiguous()
    assert follow_path(gram, moment, 0.04).isnan().any()  # what this test is about
    w = Lasso(0.01).weights(x, y)
    for p in range(0, 400, 7):
        mine, theirs = x[p].numpy() @ w[p].numpy(), x[p].numpy() @ peer_weights(x[p], y[p], 0.01)
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert bool(w.isfinite().all())


def problem(seed=0):
    x, y, _, _ = linear_prompts(6, 10, 5, noise=0.2, seed=seed)
    return (x.mT @ x).permute(1, 2, 0).contiguous(), (x.mT @ y[..., None])[..., 0].T.contiguous()


def test_the_three_ways_agree():
    gram, moment = problem()
    path = follow_path(gram, moment, 1.0)
    torch.testing.assert_close(coordinate_descent(gram, moment, 1.0, torch.zeros_like(path)), path, atol=1e-7, rtol=0)
    torch.testing.assert_close(solve_on_support(gram, moment, 1.0, path), path)


def test_violations_are_noticed():
    gram, moment = problem()
    path = follow_path(gram, moment, 1.0)
    assert float(violation(gram, moment, path, 1.0).max()) < 1e-12
    path[0] += 1e-3
    assert float(violation(gram, moment, path, 1.0).min()) > 1e-6


def test_a_spoiled_path_is_repaired(monkeypatch):
    gram, moment = problem()
    right = follow_path(gram, moment, 1.0)
    monkeypatch.setattr(lasso, "follow_path", lambda *_: torch.zeros_like(right))
    torch.testing.assert_close(lasso.solve(gram, moment, 1.0), right, atol=1e-7, rtol=0)


def test_a_descent_that_does_not_settle_says_so(monkeypatch):
    monkeypatch.setattr(lasso, "MAX_SWEEPS", 1)
    gram, moment = problem()
    with pytest.raises(LatebloomError, match="6 prompts did not converge in 1 sweeps; raise alpha"):
        coordinate_descent(gram, moment, 0.01, torch.zeros_like(moment))


def test_blocks_do_not_change_the_answer(monkeypatch):
    x, y, _, _ = linear_prompts(7, 6, 4, noise=0.2)
    whole = Lasso(0.05).prefix_weights(x, y)
    monkeypatch.setattr(lasso, "PROMPTS_AT_ONCE", 3)
    torch.testing.assert_close(Lasso(0.05).prefix_weights(x, y), whole)
