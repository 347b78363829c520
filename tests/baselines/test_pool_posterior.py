"""The posterior over finitely many functions: against plain enumeration, its optimality, and what it tends to."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latebloom.baselines import pool_posterior as module
from latebloom.baselines.pool_posterior import PoolPosterior
from latebloom.baselines.predictor import predict_prefixes
from latebloom.baselines.prompt_ridge import Ridge
from latebloom.errors import LatebloomError
from latebloom.randomness import stream


def pool_prompts(functions, prompts, places, d, noise, seed=0):
    """x, noisy y, clean f, the pool's weights, which function each prompt is of."""
    draw = stream(seed, "pool prompts", functions, d)
    weights = draw.normal(size=(functions, d)) / d**0.5
    which = draw.integers(functions, size=prompts)
    x = draw.normal(size=(prompts, places, d))
    f = np.einsum("pnd,pd->pn", x, weights[which])
    y = f + noise**0.5 * draw.normal(size=f.shape)
    return *(torch.from_numpy(part) for part in (x, y, f, weights)), which


def slow(x, y, query, weights, noise):
    """The mean over functions, each weighed by the density of the labels, one after the other."""
    logs = [sum(-((b - w @ a) ** 2) / (2 * noise) for a, b in zip(x, y, strict=True)) for w in weights]
    shares = [math.exp(log - max(logs)) for log in logs]
    return sum(share * float(w @ query) for share, w in zip(shares, weights, strict=True)) / sum(shares)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(0, 5), st.floats(1e-3, 1))
def test_it_is_plain_enumeration(seed, functions, n, noise):
    x, y, _, weights, _ = pool_prompts(functions, 2, n + 1, 3, noise, seed)
    found = PoolPosterior(weights, noise)
    for p in range(2):
        right = slow(x[p, :n].numpy(), y[p, :n].numpy(), x[p, n].numpy(), weights.numpy(), noise)
        assert float(found.prefixes(x, y)[p, n]) == pytest.approx(right, rel=1e-8, abs=1e-10)
        assert float(found(x[p, :n], y[p, :n], x[p, n])) == pytest.approx(right, rel=1e-8, abs=1e-10)


def test_all_prefixes_at_once_are_one_after_the_other_however_many_go_through_together(monkeypatch):
    x, y, _, weights, _ = pool_prompts(9, 5, 4, 3, 0.1)
    whole = PoolPosterior(weights, 0.1).prefixes(x, y)
    one = torch.stack([PoolPosterior(weights, 0.1)(x[:, :k], y[:, :k], x[:, k]) for k in range(4)], -1)
    torch.testing.assert_close(whole, one)
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 1)
    torch.testing.assert_close(PoolPosterior(weights, 0.1).prefixes(x, y), whole)
    assert torch.equal(predict_prefixes(PoolPosterior(weights, 0.1), x, y, [2]), whole[:, 2:3])


def test_on_functions_of_the_pool_it_is_better_than_ridge_and_on_others_worse():
    x, y, f, weights, _ = pool_prompts(16, 2000, 9, 4, 0.05)
    pool, ridge = PoolPosterior(weights, 0.05), Ridge(4 * 0.05)
    inside = [float((own.prefixes(x, y) - f)[:, 3].square().mean()) for own in (pool, ridge)]
    assert inside[0] < 0.3 * inside[1]
    x, y, f, *_ = pool_prompts(5000, 2000, 9, 4, 0.05, seed=1)
    outside = [float((own.prefixes(x, y) - f)[:, 6].square().mean()) for own in (pool, ridge)]
    assert outside[0] > 2 * outside[1]


def test_over_many_functions_it_tends_to_ridge():
    x, y, *_ = pool_prompts(3, 200, 5, 2, 0.2, seed=2)
    ridge = Ridge(2 * 0.2).prefixes(x, y)
    far, near = (
        float((PoolPosterior(pool_prompts(count, 1, 1, 2, 0.2)[3], 0.2).prefixes(x, y) - ridge).square().mean())
        for count in (10, 20_000)
    )
    assert near < 1e-3 < far


def test_labels_that_no_function_explains_still_have_an_answer():
    x, y, _, weights, _ = pool_prompts(5, 3, 4, 3, 1e-6)
    assert PoolPosterior(weights, 1e-6).prefixes(x, 1e3 * y).isfinite().all()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: PoolPosterior(torch.ones(3), 0.1), r"weights of shape \(3,\) are no pool"),
        (lambda: PoolPosterior(torch.ones(0, 2), 0.1), "at least one function"),
        (lambda: PoolPosterior([[1.0, 2.0]], 0.1), "weights of type list are no pool"),
        (lambda: PoolPosterior(torch.full((2, 2), math.nan), 0.1), "PoolPosterior: the weights hold nan"),
        (lambda: PoolPosterior(torch.ones(2, 2), 0), "noise_variance = 0 must be a number above 0"),
        (
            lambda: PoolPosterior(torch.ones(2, 2), 1.0)(torch.ones(1, 2), [1e200], torch.ones(2)),
            "are too large for float64",
        ),
        (lambda: PoolPosterior(torch.ones(2, 2), 1.0).prefixes(torch.ones(4, 3), torch.ones(4)), "inputs of 3 numbers"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(make, told):
    with pytest.raises(LatebloomError, match=told):
        make()
