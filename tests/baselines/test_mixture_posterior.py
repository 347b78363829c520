"""The mixture posterior against direct enumeration, its calibration, its optimality, and the published-size tables."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latebloom.baselines import mixture_posterior as module
from latebloom.baselines.fourier_series import FourierHypotheses
from latebloom.baselines.lasso import Lasso
from latebloom.baselines.least_squares import LeastSquares
from latebloom.baselines.line_or_sinusoid import SinusoidHypotheses, combination_optimum, line_or_sinusoid
from latebloom.baselines.mixture_posterior import LinearHypotheses, MixturePosterior, dense_and_sparse
from latebloom.baselines.predictor import predict_prefixes
from latebloom.baselines.prompt_ridge import Ridge
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from tests.baselines.draws import linear_prompts, normal_log_density


def slow_posterior(x, y, query, hypotheses):
    """Mean, evidence and probability of every hypothesis (prior, features, variances, noise), from full covariances."""
    logs, means = [], []
    for prior, phi, variances, noise in hypotheses:
        rows, own = phi(x), phi(query[None])[0]
        covariance = rows @ np.diag(variances) @ rows.T + noise * np.eye(len(y))
        logs.append(math.log(prior) + normal_log_density(y, covariance))
        means.append(own @ np.diag(variances) @ rows.T @ np.linalg.solve(covariance, y) if len(y) else 0.0)
    logs = np.array(logs)
    total = np.logaddexp.reduce(logs)
    share = np.exp(logs - total)
    return share @ np.array(means), total, share


def dense_and_sparse_hypotheses(d, s, weight, noise):
    supports = list(itertools.combinations(range(d), s))
    yield weight, (lambda x: x), np.full(d, 1 / d), noise
    for support in supports:
        yield (1 - weight) / len(supports), (lambda x, own=list(support): x[:, own]), np.full(s, 1 / s), noise


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.data())
def test_it_is_the_direct_enumeration(seed, data):
    d = data.draw(st.integers(2, 5))
    s, n = data.draw(st.integers(1, d - 1)), data.draw(st.integers(0, 7))
    weight, noise = data.draw(st.floats(0.01, 0.99)), data.draw(st.floats(1e-3, 1))
    x, y, _, _ = linear_prompts(2, n + 1, d, noise=noise, seed=seed)
    found = dense_and_sparse(d, s, weight, noise).posterior(x, y)
    rows, labels = x.numpy(), y.numpy()
    for p in range(2):
        hypotheses = list(dense_and_sparse_hypotheses(d, s, weight, noise))
        mean, evidence, share = slow_posterior(rows[p, :n], labels[p, :n], rows[p, n], hypotheses)
        np.testing.assert_allclose(found.mean[p, n], mean, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(found.log_evidence[p, n], evidence, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(found.classes[p, n, 0], share[0], rtol=1e-8, atol=1e-12)


def test_a_whole_support_is_the_dense_class_and_one_class_is_ridge():
    x, y, _, _ = linear_prompts(4, 9, 4, noise=0.1)
    only = dense_and_sparse(4, 4, 0.5, 0.1).posterior(x, y)
    torch.testing.assert_close(only.classes, torch.full_like(only.classes, 0.5))
    torch.testing.assert_close(only.mean, Ridge(4 * 0.1).prefixes(x, y))
    torch.testing.assert_close(dense_and_sparse(4, 2, 1.0, 0.1).prefixes(x, y), Ridge(4 * 0.1).prefixes(x, y))


def drawn_from(d, s, weight, noise, prompts, places, seed):
    """Prompts of the mixture itself; the last value says which are dense."""
    half = stream(seed, "which class").random(prompts) < weight
    dense = linear_prompts(prompts, places, d, noise=noise, seed=seed)
    sparse = linear_prompts(prompts, places, d, nonzeros=s, noise=noise, seed=seed + 1)
    pick = torch.from_numpy(half)
    mixed = [torch.where(pick.view(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(dense, sparse, strict=True)]
    return *mixed[:3], pick


@pytest.fixture(scope="module")
def own_data():
    x, y, f, dense = drawn_from(6, 2, 0.5, 0.01, 4000, 9, seed=7)
    return x, y, f, dense, dense_and_sparse(6, 2, 0.5, 0.01).posterior(x, y)


def test_on_data_of_its_own_prior_it_beats_every_other_predictor(own_data):
    x, y, f, _, own = own_data
    mine = (own.mean - f).square()
    rivals = {
        "least squares": predict_prefixes(LeastSquares(), x, y),
        "ridge": Ridge(0.06).prefixes(x, y),
        "dense class": own.class_means[..., 0],
        "sparse class": own.class_means[..., 1],
        "rarer": dense_and_sparse(6, 2, 0.1, 0.01).prefixes(x, y),
        "less noise": dense_and_sparse(6, 2, 0.5, 1e-4).prefixes(x, y),
    } | {f"lasso {alpha}": Lasso(alpha).prefixes(x, y) for alpha in (0.003, 0.01, 0.03, 0.1)}
    for name, prediction in rivals.items():
        # Up to three of six pairs: beyond, the error of least squares has no variance to speak of.
        excess = ((prediction - f).square() - mine)[:, 1:4].mean(1)
        assert float(excess.mean()) > 3 * float(excess.std()) / len(excess) ** 0.5, name


def test_the_class_posterior_is_calibrated(own_data):
    """Among prompts given a probability near q, a share near q is dense; its mean is the weight."""
    *_, dense, own = own_data
    for k in (2, 3, 4):
        probability = own.classes[:, k, 0]
        for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
            inside = (probability >= low) & (probability <= high)
            count = int(inside.sum())
            if count > 50:
                gap = float(dense[inside].double().mean() - probability[inside].mean())
                assert abs(gap) < 4 * 0.5 / count**0.5
        assert abs(float(probability.mean() - dense.double().mean())) < 4 * 0.5 / len(dense) ** 0.5


def test_a_miscalibrated_posterior_would_be_noticed(own_data):
    x, y, _, dense, _ = own_data
    probability = dense_and_sparse(6, 2, 0.05, 0.01).posterior(x, y).classes[:, 3, 0]
    assert abs(float(probability.mean() - dense.double().mean())) > 4 * 0.5 / len(dense) ** 0.5


def test_without_noise_a_sparse_function_is_known_after_nonzeros_plus_one_pairs():
    x, y, f, _ = linear_prompts(200, 5, 8, nonzeros=2)
    error = (dense_and_sparse(8, 2, 0.5, 1e-8).prefixes(x, y) - f).square()
    assert float(error[:, 3:].mean()) < 1e-4
    assert float(error[:, 1].mean()) > 0.3


def test_the_reduced_size_table():
    """d = 8, 2 non-zeros, noise 0.01, computed independently beforehand with 4,000 prompts (standard error 0.025)."""
    sparse_given_sparse = [0.86, 0.63, 0.33, 0.12, 0.042, 0.015, 0.007, 0.004]
    mixture_given_sparse = [0.87, 0.67, 0.41, 0.18, 0.059, 0.023, 0.009, 0.004]
    sparse_given_dense = [0.91, 0.89, 1.09, 1.37, 1.18, 0.98, 0.70, 0.60]
    at = [1, 2, 3, 4, 5, 6, 8, 10]
    x, y, f, _ = linear_prompts(3000, 11, 8, nonzeros=2, noise=0.01)
    own = dense_and_sparse(8, 2).posterior(x, y)
    np.testing.assert_allclose((own.class_means[..., 1] - f).square().mean(0)[at], sparse_given_sparse, atol=0.06)
    np.testing.assert_allclose((own.mean - f).square().mean(0)[at], mixture_given_sparse, atol=0.06)
    x, y, f, _ = linear_prompts(3000, 11, 8, noise=0.01)
    own = dense_and_sparse(8, 2).posterior(x, y)
    np.testing.assert_allclose((own.class_means[..., 1] - f).square().mean(0)[at], sparse_given_dense, atol=0.16)


def test_mixed_noise_levels_are_told_apart():
    """Bai et al.: the same functions at two noise levels; each prompt is recognised and solved as if it were known."""
    classes = [LinearHypotheses("quiet", 0.25), LinearHypotheses("loud", 0.25)]
    mixture = MixturePosterior(classes, [0.5, 0.5], [0.01, 1.0])
    for which, noise in enumerate((0.01, 1.0)):
        x, y, _, _ = linear_prompts(300, 20, 4, noise=noise)
        own = mixture.posterior(x, y)
        assert float(own.classes[:, -1, which].mean()) > 0.95
        torch.testing.assert_close(own.class_means[..., which], Ridge(4 * noise).prefixes(x, y), rtol=1e-6, atol=1e-8)


def test_blocks_and_leading_axes_do_not_change_the_answer(monkeypatch):
    x, y, _, _ = linear_prompts(6, 5, 5, noise=0.1)
    whole = dense_and_sparse(5, 2).posterior(x, y)
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 1)
    again = dense_and_sparse(5, 2).posterior(x.reshape(2, 3, 5, 5), y.reshape(2, 3, 5))
    torch.testing.assert_close(again.mean.reshape(6, 5), whole.mean)
    torch.testing.assert_close(again.classes.reshape(6, 5, 2), whole.classes)
    torch.testing.assert_close(again.log_evidence.reshape(6, 5), whole.log_evidence)


def test_it_can_be_differentiated_by_the_prompt():
    x, y, _, _ = linear_prompts(1, 5, 3, noise=0.1)
    mixture = dense_and_sparse(3, 1)
    labels = y[0, :4].clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda own: mixture(x[0, :4], own, x[0, 4]), (labels,))


def test_line_or_sinusoid_is_the_direct_enumeration():
    draw = stream(3, "line or sinusoid")
    x, y = draw.normal(size=(7, 1)), draw.normal(size=7)
    omegas = np.linspace(1, 5, 9)
    hypotheses = [(0.3, lambda x: x, np.ones(1), 0.05)]
    for omega in omegas:
        hypotheses.append((0.7 / 9, lambda x, o=omega: np.c_[np.sin(o * x), np.cos(o * x)], np.ones(2), 0.05))
    mean, evidence, share = slow_posterior(x[:6], y[:6], x[6], hypotheses)
    mixture = line_or_sinusoid(0.3, 0.05, grid=9)
    found = mixture.at_query(torch.from_numpy(x[:6]), torch.from_numpy(y[:6]), torch.from_numpy(x[6]))
    np.testing.assert_allclose(found.mean[0], mean)
    np.testing.assert_allclose(found.log_evidence[0], evidence)
    np.testing.assert_allclose(found.classes[0, 0], share[0])


def test_fourier_series_and_powers_are_the_direct_enumeration():
    draw = stream(4, "series")
    x, y = draw.uniform(-5, 5, (6, 1)), draw.normal(size=6)
    hypotheses = []
    for count in (1, 2, 3):
        angles = np.pi / 5 * np.arange(1, count + 1)
        waves = lambda x, a=angles: np.c_[np.cos(a * x), np.sin(a * x)]  # noqa: E731
        hypotheses.append((1 / 3, waves, np.full(2 * count, 1 / count), 0.1))
    mean, evidence, _ = slow_posterior(x[:5], y[:5], x[5], hypotheses)
    series = MixturePosterior([FourierHypotheses(terms=3)], [1.0], 0.1)
    found = series.posterior(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found.mean[5], mean)
    np.testing.assert_allclose(found.log_evidence[5], evidence)

    x = draw.normal(size=(6, 2))
    hypotheses = [
        (0.4, lambda x: x, np.full(2, 0.5), 0.1),
        (0.6, lambda x: x**2 / 3**0.5, np.full(2, 0.5), 0.1),
    ]
    classes = [LinearHypotheses("linear", 0.5), LinearHypotheses("quadratic", 0.5 / 3, power=2)]
    mean, evidence, share = slow_posterior(x[:5], y[:5], x[5], hypotheses)
    found = MixturePosterior(classes, [0.4, 0.6], 0.1).posterior(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found.mean[5], mean)
    np.testing.assert_allclose(found.classes[5], share)


def convex(line_share, prompts=600, places=11, seed=0):
    draw = stream(seed, "convex")
    x = draw.normal(size=(prompts, places, 1))
    a, alpha, beta = draw.normal(size=(3, prompts, 1))
    omega = draw.uniform(1, 5, (prompts, 1))
    line, wave = a * x[..., 0], alpha * np.sin(omega * x[..., 0]) + beta * np.cos(omega * x[..., 0])
    return torch.from_numpy(x), torch.from_numpy(line_share * line + (1 - line_share) * wave)


def test_convex_combinations_lie_outside_the_mixture_and_inside_the_aware_optimum():
    """Computed beforehand at ten pairs: mixture 0.00, 0.25, 0.00 at shares 0, 1/2, 1; combination-aware 0.01 at 1/2."""
    error = {}
    for share in (0.0, 0.5, 1.0):
        x, y = convex(share)
        variance = share**2 + (1 - share) ** 2
        error[share] = float((line_or_sinusoid().prefixes(x, y) - y)[:, 10].square().mean() / variance)
    x, y = convex(0.5)
    aware = float((combination_optimum(0.5).prefixes(x, y) - y)[:, 10].square().mean() / 0.5)
    assert error[0.0] < 0.03
    assert 0.12 < error[0.5] < 0.45
    assert error[1.0] < 0.01
    assert aware < 0.05


def without_noise(noise_variance):
    x, y, _, _ = linear_prompts(40, 12, 4)
    return dense_and_sparse(4, 2, 0.5, noise_variance).prefixes(x, y)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: dense_and_sparse(4, 5), r"'sparse' has 5 non-zero weights, but the inputs have 4 dimensions"),
        (lambda: dense_and_sparse(4, 0), r"nonzeros must be 1 to 4"),
        (lambda: dense_and_sparse(60, 12), r"supports of 12 among 60 coordinates; enumeration stops at 200,000"),
        (lambda: dense_and_sparse(4, 2, 0.5, 0.0), r"noise_variance = 0\.0: .* use 1e-6 for clean labels"),
        (lambda: dense_and_sparse(4, 2, 0.5, -0.1), r"noise_variance = -0\.1"),
        (lambda: without_noise(1e-18), r"noise_variance = 1e-18 is lost in rounding .* use 1e-6 for clean ones"),
        (lambda: dense_and_sparse(4, 2, 1.5), r"Mixture weights \[1\.5, -0\.5\] sum to 1"),
        (lambda: dense_and_sparse(4, 2, scaling="paper"), "must be 'unit' or 'published'"),
        (lambda: MixturePosterior([LinearHypotheses("a", 1.0)], [0.9], 0.1), r"sum to 0\.9: they must be at least 0"),
        (lambda: MixturePosterior([LinearHypotheses("a", 1.0)], [0.5, 0.5], 0.1), "1 classes and 2 weights"),
        (lambda: MixturePosterior([LinearHypotheses("a", 1.0)], [1.0], [0.1, 0.2]), "2 noise variances for 1 classes"),
        (lambda: line_or_sinusoid(low=3, high=2), "no grid"),
        (lambda: line_or_sinusoid()(torch.zeros(3, 2), torch.zeros(3), torch.zeros(2)), "functions of one number"),
        (lambda: FourierHypotheses(terms=0), "terms = 0"),
        (lambda: combination_optimum(1.2), r"line_share = 1\.2 must be between 0 and 1"),
        (lambda: SinusoidHypotheses(sinusoid=-1.0), "at least 0"),
    ],
)
def test_bad_input_is_told_in_a_sentence(call, told):
    with pytest.raises(LatebloomError, match=told):
        call()
