import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score

from latebloom.errors import LatebloomError
from latebloom.instruments.probes import probe, without_outliers
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "probe").normal(size=shape))


@given(st.integers(0, 50), st.booleans(), st.sampled_from([0.0, 0.5, 5.0]), st.sampled_from([0.0, 0.25, 0.5]))
def test_probes_are_scikit_learns_place_by_place(seed, intercept, ridge, held_out):
    x, y = drawn(seed, 40, 3, 4) + 1, drawn(seed + 1000, 40, 3, 2)
    y = y + x @ drawn(seed + 2000, 4, 2)
    ours = probe(x, y, held_out=held_out, intercept=intercept, ridge=ridge)
    split = 40 - round(40 * held_out)
    scored = slice(split if held_out else 0, 40)
    for place in range(3):
        kind = Ridge(alpha=ridge, fit_intercept=intercept) if ridge else LinearRegression(fit_intercept=intercept)
        peer = kind.fit(x[:split, place].numpy(), y[:split, place].numpy())
        said, truth = peer.predict(x[scored, place].numpy()), y[scored, place].numpy()
        expected = r2_score(truth, said, multioutput="variance_weighted")
        assert float(ours.r2[place]) == pytest.approx(expected, rel=1e-6)
        assert float(ours.error[place]) == pytest.approx(((said - truth) ** 2).sum(1).mean() / 2, rel=1e-6)
        np.testing.assert_allclose(ours.weight[place], peer.coef_.T, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(ours.read(x)[:, 0], x[:, 0] @ ours.weight[0] + ours.intercept[0])


def test_a_planted_map_is_found_and_noise_is_not():
    x, noise = drawn(0, 200, 2, 5), drawn(1, 200, 2, 3)
    planted = drawn(2, 2, 5, 3)
    y = torch.einsum("bpd,pdo->bpo", x, planted)
    found = probe(x, y)
    torch.testing.assert_close(found.weight, planted)
    assert found.r2.tolist() == pytest.approx([1, 1])
    assert probe(x, noise).r2.max() < 0.1  # held out, so more inputs cannot look like knowledge
    assert probe(x, noise, held_out=0).r2.min() > 0  # the published way: always a little


def test_channels_of_zeros_and_copies_do_no_harm():
    x, y = drawn(0, 60, 1, 3), drawn(1, 60, 1, 2)
    wide = torch.cat([torch.zeros_like(x), x, x], -1)
    torch.testing.assert_close(probe(wide, y).r2, probe(x, y).r2)
    assert probe(wide, y).weight[0, :3].abs().max() < 1e-9


def test_members_and_layers_are_measured_alone():
    x, y = drawn(0, 2, 3, 40, 2, 4), drawn(1, 2, 3, 40, 2, 2)
    together = probe(x, y, intercept=True)
    assert together.r2.shape == (2, 3, 2)
    torch.testing.assert_close(together.r2[1, 2], probe(x[1, 2], y[1, 2], intercept=True).r2)


@pytest.mark.parametrize("intercept", [False, True])
def test_sequences_left_out_might_as_well_not_be_there(intercept):
    x, y = drawn(0, 40, 1, 3), drawn(1, 40, 1, 2)
    keep = torch.ones(40, 1, dtype=torch.bool)
    keep[[3, 7, 25, 31]] = False
    wild = y.clone()
    wild[~keep] = 1e6
    there = keep[:, 0]
    ours, peer = probe(x, wild, keep=keep, intercept=intercept), probe(x[there], y[there], intercept=intercept)
    torch.testing.assert_close(ours.r2, peer.r2)
    torch.testing.assert_close(ours.error, peer.error)


def test_outliers_are_two_deviations_above_the_mean_length():
    y = drawn(0, 500, 2, 3)
    y[5, 1] *= 100
    kept = without_outliers(y)
    length = np.linalg.norm(y.numpy(), axis=-1)
    np.testing.assert_array_equal(kept, length <= length.mean(0) + 2 * length.std(0))
    assert not kept[5, 1]


@pytest.mark.parametrize("held_out", [1.0, 0.01])
def test_nothing_to_fit_or_score_is_refused(held_out):
    with pytest.raises(LatebloomError, match=f"held_out = {held_out} of 10 sequences leaves"):
        probe(drawn(0, 10, 1, 2), drawn(1, 10, 1, 2), held_out=held_out)
