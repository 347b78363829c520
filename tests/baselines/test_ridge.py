"""Ridge, least squares and kernel regression against scikit-learn and numpy, prefix by prefix; published numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as Peer

from latebloom.baselines.pairs import loss_by_place
from latebloom.baselines.prompt_ridge import Ridge, ridge_risk
from latebloom.baselines.ridge import best_setting, least_squares, ridge, softmax_kernel, stacked_ridge
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from tests.baselines.dynamics import sequences


def random_pairs(seed, pos=6, d_in=3, d_out=2):
    noise = stream(seed, "pairs")
    return (torch.from_numpy(noise.normal(size=(2, pos, d))) for d in (d_in, d_out))


def place_by_place(x, y, lagged, solve):
    said = torch.zeros_like(y)
    for row in range(len(x)):
        for t in range(x.shape[1]):
            if (count := t - int(lagged)) > 0:
                prefix = x[row, :count].numpy(), y[row, :count].numpy()
                said[row, t] = torch.from_numpy(np.atleast_1d(solve(*prefix, x[row, t].numpy())))
    return said


@given(st.integers(0, 100), st.booleans(), st.sampled_from([1e-3, 0.1, 10.0]))
def test_ridge_of_every_prefix_is_scikit_learns(seed, lagged, penalty):
    x, y = random_pairs(seed)

    def solve(a, b, query):
        return Peer(alpha=penalty, fit_intercept=False).fit(a, b).predict(query[None])[0]

    torch.testing.assert_close(ridge(x, y, penalty, lagged), place_by_place(x, y, lagged, solve), rtol=1e-7, atol=1e-9)


@given(st.integers(0, 100), st.booleans())
def test_least_squares_of_every_prefix_is_numpys(seed, lagged):
    x, y = random_pairs(seed)

    def solve(a, b, query):
        return query @ np.linalg.lstsq(a, b)[0]

    torch.testing.assert_close(least_squares(x, y, lagged), place_by_place(x, y, lagged, solve), rtol=1e-7, atol=1e-9)


@given(st.integers(0, 100), st.booleans(), st.floats(0, 4))
def test_kernel_regression_is_a_weighted_mean(seed, lagged, sharpness):
    x, y = random_pairs(seed)

    def solve(a, b, query):
        weight = np.exp(sharpness * a @ query)
        return weight @ b / weight.sum()

    torch.testing.assert_close(softmax_kernel(x, y, sharpness, lagged), place_by_place(x, y, lagged, solve))


def test_queries_may_be_others_and_precision_is_kept():
    x, y = random_pairs(1)
    doubled = ridge(x, y, 0.1, queries=2 * x)
    torch.testing.assert_close(doubled, 2 * ridge(x, y, 0.1))
    single = ridge(x.float(), y.float(), 1e-3)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), ridge(x, y, 1e-3), rtol=1e-3, atol=1e-4)


def test_stacked_observations_determine_a_partly_seen_system():
    noise = stream(5, "partial")
    w = np.linalg.qr(noise.normal(size=(4, 4)))[0]
    c, h = noise.normal(size=(2, 4)), noise.normal(size=4)
    hidden = [h]
    for _ in range(14):
        hidden.append(w @ hidden[-1])
    seen = torch.from_numpy(np.stack(hidden) @ c.T)[None]

    def error(window, padded):
        said = stacked_ridge(seen[:, :-1], seen[:, 1:], window, 1e-9, padded=padded)
        return (said - seen[:, 1:])[0, 9:].abs().max()

    assert error(1, False) > 0.1
    assert error(2, False) < 1e-4  # two observations of two numbers hold four
    assert error(2, True) > 0.1  # one pair with a zero in the place of an observation spoils it
    assert error(3, True) < 1e-4  # unless there is a direction to spare for it


def test_the_best_setting_is_taken_from_the_grid():
    x, y = sequences(3, 12, 40)
    grid = [1e-3, 1e-1, 10.0]
    best, loss = best_setting(lambda penalty: ridge(x, y, penalty), y, grid)
    averages = [float(loss_by_place(ridge(x, y, p), y).mean()) for p in grid]
    assert best == grid[int(np.argmin(averages))]
    assert float(loss.mean()) == pytest.approx(min(averages))


@pytest.mark.parametrize(
    ("d", "length", "zero", "fair", "end", "lagged"),
    [
        (2, 16, 0.344, 0.0318, 0.00011, 0.0488),
        (4, 20, 0.670, 0.0834, 0.00025, 0.107),
        (5, 25, 0.839, 0.100, 0.00032, 0.124),
        (10, 50, 1.68, 0.184, 0.0006, 0.209),
    ],
)
def test_published_anchors_of_ridge_fair_and_lagged(d, length, zero, fair, end, lagged):
    """Ratios to the zero predictor, because starts of other lengths move all losses together."""
    x, y = sequences(d, length, 3000)
    nothing = float(y.square().sum(-1).mean() / 2)
    ours = loss_by_place(ridge(x, y), y)
    theirs = loss_by_place(ridge(x, y, lagged=True), y)
    assert float(ours.mean()) / nothing == pytest.approx(fair / zero, rel=0.04 if d > 2 else 0.08)
    assert float(theirs.mean()) / nothing == pytest.approx(lagged / zero, rel=0.04 if d > 2 else 0.08)
    assert float(ours[-1]) == pytest.approx(end, rel=0.12)
    # Without the newest pair the second place knows nothing: the published table shows 1.675 there.
    assert float(theirs[1]) == pytest.approx(float(y[:, 1].square().sum(-1).mean() / 2))
    assert float(ours[1]) < 0.97 * float(theirs[1])


def test_least_squares_beats_the_kernel_more_in_more_dimensions():
    """Figure 5B's ordering, fair index: kernel loss per dimension rises with d where that of least squares falls."""
    ratios = []
    for d in (4, 10):
        x, y = sequences(d, 4 * d, 256)
        squares = loss_by_place(ridge(x, y), y).mean()
        _, kernel = best_setting(lambda b, x=x, y=y: softmax_kernel(x, y, b), y, list(np.geomspace(1e-4, 4, 40)))
        ratios.append(float(kernel.mean() / squares))
    assert 1.5 < ratios[0] < ratios[1]


def test_a_penalty_of_zero_is_refused():
    with pytest.raises(LatebloomError, match=r"penalty = 0: .* use least_squares"):
        ridge(*random_pairs(0), penalty=0)


def test_a_penalty_that_is_lost_beside_the_inputs_is_refused():
    x, y = random_pairs(0)
    for call in (
        lambda: ridge(1e3 * x, y, penalty=1e-20),
        lambda: Ridge(1e-20).weights(1e3 * torch.ones(2, 3, 4), torch.ones(2, 3)),
        lambda: ridge_risk(1e3 * torch.ones(2, 3, 4), 1e-20, 1.0, 0.1),
    ):
        with pytest.raises(LatebloomError, match=r"penalty = 1e-20 is lost in rounding .* take one above"):
            call()
