"""The systems against plain loops and against what a uniform orthogonal matrix must look like."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from latebloom.randomness import stream
from latebloom.tasks.dynamics_systems import GeluFeatures, contracting, haar_orthogonal, roll_out, start_states


@given(st.integers(1, 8), st.integers(0, 1000))
def test_drawn_matrices_are_orthogonal(d, seed):
    matrix = haar_orthogonal(stream(seed, "w"), 5, d)
    np.testing.assert_allclose(matrix @ matrix.transpose(0, 2, 1), np.broadcast_to(np.eye(d), (5, d, d)), atol=1e-12)


def traces(matrices):
    # Rounded: a reflection of the plane has trace 0, and no test of distributions may see 1e-17 beside -1e-17.
    return matrices.trace(axis1=1, axis2=2).round(9)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_drawn_matrices_are_uniform(d):
    ours = haar_orthogonal(stream(0, "ours"), 4000, d)
    peer = stats.ortho_group(d, seed=stream(0, "peer")).rvs(4000)
    fixed = np.linalg.qr(stream(0, "fixed").normal(size=(d, d)))[0]
    # Uniform means: unchanged by a fixed rotation from either side. Entries, trace and determinant are compared.
    for row, column in [(0, 0), (0, d - 1), (d - 1, 0), (d - 1, d - 1)]:
        assert stats.ks_2samp(ours[:, row, column], peer[:, row, column]).pvalue > 1e-3
        assert stats.ks_2samp((fixed @ ours)[:, row, column], peer[:, row, column]).pvalue > 1e-3
    for matrices in (ours, ours[:2000] @ ours[2000:]):
        assert stats.ks_2samp(traces(matrices), traces(peer)).pvalue > 1e-3
    assert abs((np.linalg.det(ours) > 0).mean() - 0.5) < 0.04


def test_the_check_of_uniformity_can_fail():
    lopsided = np.linalg.qr(stream(0, "qr").normal(size=(4000, 3, 3)))[0]  # LAPACK's own signs
    peer = stats.ortho_group(3, seed=stream(0, "peer")).rvs(4000)
    assert stats.ks_2samp(lopsided[:, 0, 0], peer[:, 0, 0]).pvalue < 1e-6


def test_contracting_matrices_have_the_published_eigenvalues():
    matrix = contracting(stream(1, "w"), 50, 4)
    for own in matrix:
        values = np.sort_complex(np.linalg.eigvals(own))
        assert np.abs(values.imag).max() < 1e-6
        assert values.real.min() > 0.3 - 1e-6
        assert values.real[-1] == pytest.approx(0.9, abs=1e-6)


@pytest.mark.parametrize("clip", [np.inf, 0.8])
def test_rolling_out_is_the_plain_loop(clip):
    noise = stream(2, "roll")
    w, start, shocks = noise.normal(size=(3, 4, 4)), noise.normal(size=(3, 4)) * 0.3, noise.normal(size=(3, 6, 4))
    features = GeluFeatures.drawn(noise, 4, 7, 1.1, normalise=True)
    for f in (None, features):
        states = roll_out(w, start, shocks.transpose(1, 2, 0), clip, f)
        for row in range(3):
            h = start[row]
            np.testing.assert_array_equal(states[row, 0], h)
            for step in range(6):
                source = h if f is None else f(h[:, None])[:, 0]
                h = np.clip(w[row] @ source + shocks[row, step], -clip, clip)
                np.testing.assert_allclose(states[row, step + 1], h, rtol=1e-9, atol=1e-12)


def test_features_use_the_tanh_formula_and_have_length_one():
    import torch

    noise = stream(3, "features")
    states = noise.normal(size=(4, 9))
    for normalise in (True, False):
        f = GeluFeatures.drawn(stream(4, "f"), 4, 7, 1.1, normalise)
        hidden = torch.nn.functional.gelu(torch.from_numpy(f.inner @ states), approximate="tanh").numpy()
        expected = f.outer @ hidden
        if normalise:
            expected = expected / np.linalg.norm(expected, axis=0)
        np.testing.assert_allclose(f(states), expected, rtol=1e-10)


def test_starts_have_the_asked_shape():
    assert np.abs(start_states(stream(0, "s"), 1000, 3, "uniform", 0.25)).max() <= 0.25
    assert start_states(stream(0, "s"), 9000, 3, "normal", 2.0).std() == pytest.approx(2.0, rel=0.02)
