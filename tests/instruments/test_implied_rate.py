import numpy as np
import pytest
import torch

from latebloom.baselines import descent
from latebloom.baselines.ridge import ridge
from latebloom.instruments.implied_rate import implied_rate, implied_weights, prediction_difference
from latebloom.randomness import stream
from tests.instruments.in_context import states

S = states(50, 12, 3)
X, Y = S[:, :-1], S[:, 1:]


def test_a_step_implies_its_rate_at_every_place():
    found = implied_rate(descent.one_step(X, Y, 0.07), X, Y)
    assert found.rate[1:].tolist() == pytest.approx([0.07] * 11)
    assert found.cosine[1:].tolist() == pytest.approx([1] * 11)
    assert found.unexplained[1:].tolist() == pytest.approx([0] * 11, abs=1e-9)
    assert found.rate[0].isnan()


def test_ridge_implies_a_falling_rate_and_is_more_than_a_step():
    found = implied_rate(ridge(X, Y), X, Y)
    assert found.rate[1] > found.rate[4] > found.rate[10]
    assert found.unexplained[10] > 0.01
    step = np.zeros((50, 3))
    for row in range(50):
        for j in range(10):
            step[row] += Y[row, j].numpy() * float(X[row, j] @ X[row, 10])
    said = ridge(X, Y)[:, 10].numpy()
    assert float(found.rate[10]) == pytest.approx((said * step).sum() / (step**2).sum())
    assert float(found.cosine[10]) == pytest.approx(np.corrcoef(said.ravel(), step.ravel())[0, 1], abs=0.02)


def test_differences_and_implied_weights():
    w = torch.from_numpy(stream(0, "w").normal(size=(2, 3)))
    queries = torch.from_numpy(stream(1, "q").normal(size=(9, 3)))
    torch.testing.assert_close(implied_weights(queries @ w.T, queries), w)
    assert prediction_difference(X, X + 2).tolist() == pytest.approx([12.0] * 12)
