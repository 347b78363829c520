"""The Kalman filter against the conditional mean of the joint normal distribution, written out."""

import numpy as np
import pytest
import torch

from latebloom.baselines.kalman import kalman
from latebloom.baselines.pairs import loss_by_place
from latebloom.baselines.ridge import stacked_ridge
from latebloom.randomness import stream


def joint_covariance(w, c, noise, seen_noise, start_variance, length):
    """Covariance of s_1 .. s_length, from the linear map that makes them of start, shocks and blurs."""
    n, m = len(w), len(c)
    maps = []
    state = np.concatenate([np.sqrt(start_variance) * np.eye(n), np.zeros((n, n * length + m * length))], axis=1)
    for t in range(length):
        row = c @ state
        row[:, n + n * length + m * t : n + n * length + m * (t + 1)] += seen_noise * np.eye(m)
        maps.append(row)
        state = w @ state
        state[:, n + n * t : n + n * (t + 1)] += noise * np.eye(n)
    stacked = np.concatenate(maps)
    return stacked @ stacked.T


@pytest.mark.parametrize("m", [1, 2])
def test_every_prediction_is_the_conditional_mean(m):
    draw = stream(0, "kalman", m)
    w = np.linalg.qr(draw.normal(size=(2, 3, 3)))[0]
    c, seen = draw.normal(size=(2, m, 3)), draw.normal(size=(2, 5, m))
    ours = kalman(*(torch.from_numpy(v) for v in (seen, w, c)), noise=0.3, seen_noise=0.2, start_variance=0.5)
    for row in range(2):
        covariance = joint_covariance(w[row], c[row], 0.3, 0.2, 0.5, 6)
        for t in range(1, 6):
            past, following = slice(0, m * t), slice(m * t, m * (t + 1))
            mean = covariance[following, past] @ np.linalg.solve(covariance[past, past], seen[row, :t].ravel())
            np.testing.assert_allclose(ours[row, t - 1], mean, rtol=1e-8, atol=1e-10)


def test_knowing_the_system_is_better_than_learning_it():
    draw = stream(1, "kalman")
    w = np.linalg.qr(draw.normal(size=(100, 4, 4)))[0]
    c, h = draw.normal(size=(100, 2, 4)) * 0.5, draw.uniform(-1, 1, (100, 4))
    seen = []
    for _ in range(21):
        seen.append(np.einsum("bij,bj->bi", c, h) + 0.01 * draw.normal(size=(100, 2)))
        h = np.einsum("bij,bj->bi", w, h) + 0.01 * draw.normal(size=(100, 4))
    s = torch.from_numpy(np.stack(seen, 1))
    said = kalman(s[:, :-1], torch.from_numpy(w), torch.from_numpy(c), 0.01, 0.01, 1 / 3)
    known = loss_by_place(said, s[:, 1:])
    learned = loss_by_place(stacked_ridge(s[:, :-1], s[:, 1:], 3), s[:, 1:])
    assert (known < learned).all()
    assert known[-1] < 0.002


@pytest.mark.parametrize(("m", "noise"), [(3, 0.0), (1, 0.0), (4, 0.1), (2, 0.1)])
def test_what_is_seen_without_noise_is_known(m, noise):
    """Against the conditional mean with a pseudo-inverse; 4 numbers of a state of 3 never have a full covariance."""
    draw = stream(2, "kalman", m)
    w, c = np.linalg.qr(draw.normal(size=(3, 3)))[0], draw.normal(size=(m, 3))
    h, seen = draw.normal(size=3), []
    for _ in range(9):
        seen.append(c @ h)
        h = w @ h + noise * draw.normal(size=3)
    seen = np.stack(seen)
    args = (torch.from_numpy(v)[None] for v in (seen[:-1], w, c))
    ours = kalman(*args, noise, 0.0, 0.5)[0].numpy()
    covariance = joint_covariance(w, c, noise, 0.0, 0.5, 9)
    for t in range(1, 9):
        past, following = slice(0, m * t), slice(m * t, m * (t + 1))
        inverse = np.linalg.pinv(covariance[past, past], rcond=1e-11, hermitian=True)
        np.testing.assert_allclose(ours[t - 1], covariance[following, past] @ inverse @ seen[:t].ravel(), atol=1e-6)
    if noise == 0:  # three numbers are known once as many have been seen
        known = -(-3 // m)
        np.testing.assert_allclose(ours[known - 1 :], seen[known:], atol=1e-6)


@pytest.mark.parametrize("seen_noise", [0.0, 0.01])
def test_a_state_that_is_seen_as_it_is_moves_as_the_matrix_says(seen_noise):
    """Whole numbers, so that what is left to learn after one place is exactly nothing."""
    w = torch.eye(3, dtype=torch.float64)[[1, 2, 0]][None]
    h = torch.tensor([[1.0, -2.0, 4.0]], dtype=torch.float64)
    states = torch.stack([h, h @ w[0].T, h @ w[0].T @ w[0].T, h], 1)
    said = kalman(states[:, :-1], w, torch.eye(3, dtype=torch.float64)[None], 0.0, seen_noise, 0.5)
    torch.testing.assert_close(said, states[:, 1:], rtol=0, atol=1e-12 if seen_noise == 0 else 1e-3)
