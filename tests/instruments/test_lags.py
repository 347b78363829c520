import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from latebloom.errors import LatebloomError
from latebloom.instruments.causal_push import causal_slopes
from latebloom.instruments.lags import NeuronLags, lag_probe, lagged, published_lag_r2
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "lags").standard_normal(shape))


def summing(batch=300, places=30, window=4, width=12, seed=0):
    """States built by hand: channel 0 holds sin(5 x_n), channel 1 the sum over the window, the others noise."""
    sines = torch.sin(5 * drawn(seed, batch, places))
    lags = lagged(sines, window)
    states = drawn(seed + 1, batch, places, width)
    states[..., 0], states[..., 1] = sines, lags[..., 1:].sum(-1)
    return sines, states


def test_lags_are_those_of_a_loop():
    values = drawn(0, 2, 3, 6)
    found = lagged(values, 4)
    for n in range(6):
        for i in range(5):
            expected = values[..., n - i] if n >= i else torch.zeros(2, 3)
            assert torch.equal(found[..., n, i], expected.double())
    with pytest.raises(LatebloomError, match="lags = 6: a sequence of 6 places has lags 0 to 5"):
        lagged(values, 6)


def test_planted_lags_are_read_and_others_are_not():
    sines, states = summing()
    features = torch.cat([lagged(sines, 7), lagged(sines, 4)[..., 1:].sum(-1, keepdim=True)], -1)
    found = lag_probe(states, features, first=10)
    assert found.r2[0] == pytest.approx(1, abs=1e-6)  # kept
    assert found.r2[-1] == pytest.approx(1, abs=1e-6)  # the sum itself
    assert found.r2[1:5].tolist() == pytest.approx([0.25] * 4, abs=0.06)  # a sum of four knows a quarter of each
    assert found.r2[5:8].abs().max() < 0.02
    assert float(found.weight[0, 0]) == pytest.approx(1, abs=1e-6)


def test_held_out_probes_are_scikit_learns():
    sines, states = summing(batch=40)
    features = lagged(sines, 5)
    ours = lag_probe(states, features, first=6, ridge=0.0)
    x, z = states[:, 6:].numpy(), features[:, 6:].numpy()
    peer = LinearRegression().fit(x[:20].reshape(-1, 12), z[:20].reshape(-1, 6))
    expected = r2_score(z[20:].reshape(-1, 6), peer.predict(x[20:].reshape(-1, 12)), multioutput="raw_values")
    np.testing.assert_allclose(ours.r2, expected, atol=1e-9)
    np.testing.assert_allclose(ours.weight, peer.coef_.T, atol=1e-9)


def test_states_that_know_nothing_score_less_than_zero_held_out_and_the_published_floor_in_sample():
    sines, noise = torch.sin(5 * drawn(0, 60, 30)), drawn(9, 60, 30, 40)
    held_out = lag_probe(noise, lagged(sines, 3), first=10).r2
    assert held_out.max() < 0.02
    published = published_lag_r2(noise, lagged(sines, 3))
    assert float(published.mean()) == pytest.approx(41 / 1800, rel=0.4)
    h = np.concatenate([noise.reshape(-1, 40).numpy(), np.ones((1800, 1))], 1)
    z = lagged(sines, 3).reshape(-1, 4).numpy()
    slow = [
        (z[:, i] @ h @ np.linalg.inv(h.T @ h + 1e-4 * np.eye(41)) @ h.T @ z[:, i]) / (z[:, i] @ z[:, i])
        for i in range(4)
    ]
    np.testing.assert_allclose(published, slow, rtol=1e-9)


def test_members_are_probed_alone():
    sines, states = summing(batch=40)
    two = torch.stack([states, drawn(5, *states.shape)])
    both = lag_probe(two, lagged(sines, 3).expand(2, -1, -1, -1), first=5)
    torch.testing.assert_close(both.r2[0], lag_probe(states, lagged(sines, 3), first=5).r2)
    assert both.r2[1, 0] < 0.05
    with pytest.raises(LatebloomError, match="first = 30: a sequence of 30 places"):
        lag_probe(states, lagged(sines, 3), first=30)


def test_correlations_of_batches_are_those_of_all_rows():
    sines, states = summing(batch=60)
    features = lagged(sines, 5)
    states[..., 11] = 7.0
    maps = NeuronLags()
    for part in range(3):
        maps.add(states[20 * part : 20 * part + 20], features[20 * part : 20 * part + 20])
    rows = np.concatenate([states.reshape(-1, 12).numpy()[:, :11], features.reshape(-1, 6).numpy()], 1)
    np.testing.assert_allclose(maps.correlation[:11], np.corrcoef(rows.T)[:11, 11:], atol=1e-12)
    assert maps.correlation[11].abs().max() == 0
    assert maps.correlation[0, 0] == pytest.approx(1)
    with pytest.raises(LatebloomError, match="No batch was added"):
        _ = NeuronLags().correlation
    with pytest.raises(LatebloomError, match="Neurons have 60 rows"):
        maps.add(states[:2], features[:3])


def test_a_network_that_sums_answers_a_push_within_its_window_and_not_outside():
    """Built by hand: the state is x_n along a direction, the output the sum of what is read at the 4 places before."""
    direction, base = drawn(1, 6), drawn(2, 5, 20, 6)

    def run(added):
        read = (base + added) @ direction
        return lagged(read, 4)[..., 1:].sum(-1)

    slopes = causal_slopes(run, direction, 20, 15, range(8))
    assert slopes.tolist() == pytest.approx([0, 1, 1, 1, 1, 0, 0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"direction": torch.zeros(3)}, "The direction is zero"),
        ({"at": 2}, r"Place 2 and lags \[0, 4\]"),
        ({"sizes": (1.0, 1.0)}, "a slope needs two different sizes"),
    ],
)
def test_pushes_that_cannot_be_are_refused(changes, told):
    settings = {"direction": torch.ones(3), "places": 8, "at": 5, "lags": (0, 4)} | changes
    with pytest.raises(LatebloomError, match=told):
        causal_slopes(lambda added: added.sum(-1)[None], **settings)
