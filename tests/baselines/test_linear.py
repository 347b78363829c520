"""Least squares, ridge, averaging, neighbours and recursive least squares against closed forms and slow references."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsRegressor

from latebloom.baselines.averaging import Averaging
from latebloom.baselines.lasso import Lasso
from latebloom.baselines.least_squares import LeastSquares
from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.baselines.nearest import NearestNeighbours
from latebloom.baselines.network_descent import NetworkDescent
from latebloom.baselines.predictor import Predictor, predict_prefixes
from latebloom.baselines.prompt_ridge import Ridge, ridge_risk
from latebloom.baselines.recursive import RecursiveLeastSquares
from latebloom.baselines.trees import BoostedTrees, GreedyTree
from latebloom.errors import LatebloomError
from tests.baselines.draws import linear_prompts, normal_log_density

EVERY = [
    LeastSquares(),
    Ridge(0.1),
    Averaging(),
    NearestNeighbours(3),
    RecursiveLeastSquares(0.5, 0.1),
    Lasso(0.05),
    dense_and_sparse(4, 2),
    NetworkDescent(hidden=8, steps=5),
    GreedyTree(),
    BoostedTrees(trees=3),
]


def named(predictor):
    return type(predictor).__name__


@pytest.mark.parametrize("predictor", EVERY, ids=named)
def test_every_predictor_keeps_the_contract(predictor):
    """Any leading axes, any dtype, 0 without pairs, the same prefix by prefix, no prompt sees another."""
    assert isinstance(predictor, Predictor)
    x, y, _, _ = linear_prompts(6, 7, 4, noise=0.1)
    every = predict_prefixes(predictor, x, y)
    assert every.shape == (6, 7)
    assert every.dtype == torch.float64
    torch.testing.assert_close(every[:, 0], torch.zeros(6, dtype=torch.float64))
    for k in (1, 3, 6):
        once = predictor(x[:, :k], y[:, :k], x[:, k])
        torch.testing.assert_close(every[:, k], once, rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(predictor(x[2, :k], y[2, :k], x[2, k]), once[2], rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(predict_prefixes(predictor, x, y, [5, 1]), every[:, [5, 1]])
    folded = predict_prefixes(predictor, x.reshape(2, 3, 7, 4), y.reshape(2, 3, 7))
    torch.testing.assert_close(folded.reshape(6, 7), every, rtol=1e-9, atol=1e-10)
    many = predictor(x[:1, :5], y[:1, :5], x[3, :, :])  # one context, seven queries
    torch.testing.assert_close(many[2], predictor(x[0, :5], y[0, :5], x[3, 2]), rtol=1e-9, atol=1e-10)
    # Not to the bit: LAPACK's last one depends on how memory happens to be aligned.
    torch.testing.assert_close(predict_prefixes(predictor, x, y), every, rtol=1e-11, atol=1e-12)
    rounded = predict_prefixes(predictor, x.float(), y.float())
    assert rounded.dtype == torch.float64


@pytest.mark.parametrize("predictor", EVERY, ids=named)
def test_later_pairs_and_the_query_s_own_label_are_not_looked_at(predictor):
    x, y, _, _ = linear_prompts(3, 6, 4, noise=0.1)
    changed = y.clone()
    changed[:, 4:] += 100
    torch.testing.assert_close(predict_prefixes(predictor, x, y)[:, :5], predict_prefixes(predictor, x, changed)[:, :5])


def test_least_squares_has_error_one_minus_k_over_d():
    x, y, f, _ = linear_prompts(4000, 10, 8)
    for sparse in (False, True):
        if sparse:
            x, y, f, _ = linear_prompts(4000, 10, 8, nonzeros=2)
        error = (predict_prefixes(LeastSquares(), x, y) - f).square()
        spread = error.std(0) / 4000**0.5
        expected = torch.tensor([max(0.0, 1 - k / 8) for k in range(10)])
        assert bool(((error.mean(0) - expected).abs() <= 4 * spread + 1e-9).all())


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 6))
def test_least_squares_is_the_pseudo_inverse(seed, n, d):
    x, y, _, _ = linear_prompts(3, n, d, noise=0.5, seed=seed)
    if n > 1:
        x[:, -1] = x[:, 0]  # a repeated input makes the context rank deficient
    slow = np.stack([np.linalg.pinv(a, rcond=1e-12) @ b for a, b in zip(x.numpy(), y.numpy(), strict=True)])
    np.testing.assert_allclose(LeastSquares().weights(x, y), slow, rtol=1e-6, atol=1e-7)


def test_least_squares_in_a_subspace_is_exact_from_its_dimension_on():
    x, _, _, w = linear_prompts(20, 9, 8, seed=3)
    x[..., 4:] = 0
    turn = torch.linalg.qr(torch.from_numpy(np.random.Generator(np.random.Philox(key=1)).normal(size=(8, 8))))[0]
    x = x @ turn
    f = (x * w[:, None]).sum(-1)
    torch.testing.assert_close(predict_prefixes(LeastSquares(), x, f, [4, 6, 8]), f[:, [4, 6, 8]])


@given(st.integers(0, 10**6), st.floats(0.01, 10), st.integers(0, 6))
def test_ridge_solves_its_normal_equations(seed, penalty, n):
    x, y, _, _ = linear_prompts(2, n, 4, noise=0.5, seed=seed)
    w = Ridge(penalty).weights(x, y)
    gradient = (x.mT @ ((x @ w[..., None])[..., 0] - y)[..., None])[..., 0] + penalty * w
    torch.testing.assert_close(gradient, torch.zeros_like(w), atol=1e-9, rtol=0)


def test_ridge_prefix_weights_are_those_of_each_prefix():
    x, y, _, _ = linear_prompts(3, 6, 4, noise=0.1)
    each = Ridge(0.2).prefix_weights(x, y)
    for k in range(6):
        torch.testing.assert_close(each[:, k], Ridge(0.2).weights(x[:, :k], y[:, :k]))


def test_ridge_risk_is_the_error_of_ridge_over_weights_noise_and_query():
    draw = np.random.Generator(np.random.Philox(key=5))
    x = torch.from_numpy(draw.normal(size=(5, 4)))
    n = 200_000
    w = torch.from_numpy(draw.normal(size=(n, 4))) * 0.7**0.5
    y = w @ x.T + 0.3**0.5 * torch.from_numpy(draw.normal(size=(n, 5)))
    query = torch.from_numpy(draw.normal(size=(n, 4)))
    label = (w * query).sum(-1) + 0.3**0.5 * torch.from_numpy(draw.normal(size=n))
    error = (Ridge(0.9)(x.expand(n, 5, 4), y, query) - label).square()
    assert abs(float(error.mean()) - float(ridge_risk(x, 0.9, 0.7, 0.3))) < 4 * float(error.std()) / n**0.5


def test_averaging_has_error_d_plus_one_over_k():
    x, y, f, _ = linear_prompts(6000, 9, 6)
    error = (predict_prefixes(Averaging(), x, y) - f).square()
    spread = error.std(0) / 6000**0.5
    expected = torch.tensor([1.0] + [7 / k for k in range(1, 9)])
    assert bool(((error.mean(0) - expected).abs() <= 4 * spread).all())


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 5))
def test_nearest_neighbours_are_scikit_learns(seed, n, neighbours):
    x, y, _, _ = linear_prompts(2, n + 1, 3, noise=0.5, seed=seed)
    for p in range(2):
        peer = KNeighborsRegressor(min(neighbours, n)).fit(x[p, :n].numpy(), y[p, :n].numpy())
        expected = peer.predict(x[p, n:].numpy())[0]
        np.testing.assert_allclose(NearestNeighbours(neighbours)(x[p, :n], y[p, :n], x[p, n]), expected)


def test_a_repeated_query_is_its_own_nearest_neighbour():
    x, y, _, _ = linear_prompts(50, 6, 3)
    torch.testing.assert_close(NearestNeighbours(1)(x, y, x[:, 2]), y[:, 2])


@pytest.mark.parametrize(("variance", "noise"), [(0.25, 0.1), (1.0, 1e-6), (2.0, 3.0)])
def test_recursive_least_squares_is_ridge_and_its_evidence_is_the_joint_density(variance, noise):
    x, y, _, _ = linear_prompts(5, 12, 4, noise=noise)
    rule = RecursiveLeastSquares(variance, noise)
    torch.testing.assert_close(rule.prefixes(x, y), Ridge(noise / variance).prefixes(x, y), rtol=1e-7, atol=1e-8)
    evidence = rule.log_evidence(x, y)
    for p, n in ((0, 0), (1, 3), (2, 12)):
        rows = x[p, :n].numpy()
        covariance = variance * rows @ rows.T + noise * np.eye(n)
        expected = normal_log_density(y[p, :n].numpy(), covariance)
        np.testing.assert_allclose(evidence[p, n], expected, rtol=1e-6 if noise < 1e-3 else 1e-10)


def test_predictions_can_be_differentiated_by_the_prompt():
    """Ridge is linear in the labels: its gradient by them is x (X'X + penalty)^-1 X'."""
    x, y, _, _ = linear_prompts(1, 6, 3, noise=0.1)
    for predictor in (Ridge(0.5), RecursiveLeastSquares(1.0, 0.5)):
        labels = y[0, :5].clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(predictor(x[0, :5], labels, x[0, 5]), labels)
        rows = x[0, :5]
        expected = rows @ torch.linalg.solve(rows.T @ rows + 0.5 * torch.eye(3, dtype=torch.float64), x[0, 5])
        torch.testing.assert_close(slope, expected)


X, Y = torch.zeros(2, 5, 3), torch.zeros(2, 5)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: Ridge(0.0), r"Ridge: penalty = 0\.0 must be a number above 0"),
        (lambda: Lasso(-1), r"Lasso: alpha = -1 must be a number above 0"),
        (lambda: NearestNeighbours(0), "neighbours = 0"),
        (lambda: RecursiveLeastSquares(1.0, -0.1), r"noise_variance = -0\.1"),
        (lambda: Averaging()(X, Y[:, :4], X[:, 0]), r"inputs must be \[\.\.\., n, d\] and labels"),
        (lambda: Averaging()(X, Y, X[:, 0, :2]), r"query of shape \(2, 2\) does not fit contexts of shape \(2, 5, 3\)"),
        (lambda: predict_prefixes(Averaging(), X, Y, [5]), "Place 5 is outside the prompt: 5 pairs"),
    ],
)
def test_bad_input_is_told_in_a_sentence(call, told):
    with pytest.raises(LatebloomError, match=told):
        call()
