import math

import numpy as np
import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.huber import best_linear_r2, huber_by_coin, huber_of_sine_sums, lag_floors
from latebloom.randomness import stream
from latebloom.tasks.sine_sum import SineSum


def by_monte_carlo(b, window, places, recovered, rows=20_000):
    """Loss of a network that adds up the nearest lags it knows and is asked for the sum everywhere."""
    task = SineSum(places=places, window=window, b=b, p=1.0)
    inputs, targets, _ = task.draw(stream(1, "floor"), rows)
    said = np.zeros((rows, places))
    for lag in range(1, recovered + 1):
        said[:, lag:] += np.sin(b * inputs[:, :-lag, 0])
    wrong = np.abs(targets[..., 0] - said)
    return float(np.where(wrong <= 1, wrong**2 / 2, wrong - 0.5).mean())


@pytest.mark.parametrize(("b", "window", "places"), [(10.0, 10, 64), (5.0, 6, 32), (5.0, 8, 32), (1.0, 3, 8)])
def test_floors_are_what_monte_carlo_finds(b, window, places):
    floors = lag_floors(b, window, places)
    assert len(floors) == window + 1
    assert floors[-1] == pytest.approx(0, abs=1e-6)
    for recovered in (0, 1, window // 2):
        assert floors[recovered] == pytest.approx(by_monte_carlo(b, window, places, recovered), abs=0.006)


def test_the_published_trivial_loss_and_the_floors_worked_out_for_the_reduced_sizes():
    assert lag_floors(10, 10, 64, 5) == pytest.approx([1.257, 1.16, 1.07, 0.97, 0.87, 0.76], abs=0.01)
    assert lag_floors(5, 6, 32, 4) == pytest.approx([0.88, 0.76, 0.64, 0.51, 0.37], abs=0.005)
    assert lag_floors(5, 8, 32, 4) == pytest.approx([1.03, 0.93, 0.82, 0.71, 0.59], abs=0.005)


@pytest.mark.parametrize("b", [0.5, 1.0, 10.0])
def test_one_sine_has_half_its_variance_as_loss(b):
    assert huber_of_sine_sums(b, 1)[1] == pytest.approx((1 - math.exp(-2 * b**2)) / 4, abs=1e-6)


@pytest.mark.parametrize(("b", "r2"), [(1, 0.85), (2, 0.147), (3, 0.0022)])
def test_a_line_explains_little_of_a_fast_sine(b, r2):
    x = stream(0, "line").standard_normal(400_000)
    assert best_linear_r2(b) == pytest.approx(r2, rel=0.02)
    assert np.corrcoef(x, np.sin(b * x))[0, 1] ** 2 == pytest.approx(r2, abs=0.003)


def test_losses_apart_by_coin_are_those_of_a_loop():
    noise = stream(2, "coin")
    out, to = (3 * torch.tensor(noise.standard_normal((2, 40, 5))) for _ in range(2))
    coins = torch.tensor(noise.random((2, 40, 5)) < 0.3).double()
    found = huber_by_coin(out, to, coins, torch.tensor([0.3, 0.5]))
    for member, p in enumerate((0.3, 0.5)):
        one, zero = [], []
        for row in range(40):
            for n in range(5):
                d = abs(float(out[member, row, n] - to[member, row, n]))
                (one if coins[member, row, n] else zero).append(d**2 / 2 if d <= 1 else d - 0.5)
        assert float(found.sums[member]) == pytest.approx(np.mean(one))
        assert float(found.copies[member]) == pytest.approx(np.mean(zero))
        assert float(found.normalised[member]) == pytest.approx(np.mean(one + zero) / p)
    assert found.sums_by_place.shape == (2, 5)
    weights = coins.sum(1)
    torch.testing.assert_close((found.sums_by_place * weights).sum(-1) / weights.sum(-1), found.sums)
    assert math.isnan(huber_by_coin(out, to, torch.ones_like(coins), 1.0).copies[0])


def test_what_cannot_be_is_refused():
    zeros = torch.zeros(1, 2, 3)
    with pytest.raises(LatebloomError, match="p = 0: the loss is divided by p"):
        huber_by_coin(zeros, zeros, zeros, 0.0)
    with pytest.raises(LatebloomError, match="window = 9: a past of at most 7 places"):
        lag_floors(5, 9, 8)
    with pytest.raises(LatebloomError, match="recovered = 4 lags of window = 3"):
        lag_floors(5, 3, 8, 4)
    with pytest.raises(LatebloomError, match="b = 0"):
        huber_of_sine_sums(0, 2)
