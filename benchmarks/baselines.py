"""Reference predictors for many prompts at once, beside one prompt at a time as published code computes them.

The posterior's peer is a plain loop over supports, every prompt and prefix by itself; the second row's peer is a loop
over supports and prefixes that takes all prompts together. Lasso's peer calls scikit-learn one by one, at a tolerance
that gives the same answer (its default is a tenth faster). Peers do a part of the prompts; rates count what was done.
"""

import itertools
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso as OneByOne

from benchmarks.measuring import Effort, Row, rate
from latebloom.baselines.lasso import Lasso
from latebloom.baselines.mixture_posterior import dense_and_sparse
from latebloom.randomness import stream

D, NONZEROS, NOISE, ALPHA = 20, 2, 0.01, 0.01
SUPPORTS = list(itertools.combinations(range(D), NONZEROS))


def linear_prompts(count: int, places: int, nonzeros: int = NONZEROS) -> tuple[np.ndarray, np.ndarray]:
    """Linear prompts of variance 1 with a little noise: x [prompt, place, d], y [prompt, place]."""
    draw = stream(0, "benchmark prompts", count, places)
    x = draw.normal(size=(count, places, D))
    w = draw.normal(size=(count, D)) * (draw.random((count, D)).argsort(1).argsort(1) < nonzeros) / nonzeros**0.5
    return x, np.einsum("npd,nd->np", x, w) + NOISE**0.5 * draw.normal(size=(count, places))


def hypothesis(x: np.ndarray, y: np.ndarray, query: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Log evidence, up to a constant, and mean of one support, for prompts [..., k, s]."""
    penalty = NOISE / variance
    inner = np.swapaxes(x, -1, -2) @ x + penalty * np.eye(x.shape[-1])
    moment = (np.swapaxes(x, -1, -2) @ y[..., None])[..., 0]
    w = np.linalg.solve(inner, moment[..., None])[..., 0]
    rest = (np.sum(y * y, -1) - np.sum(moment * w, -1)) / NOISE
    log_det = np.linalg.slogdet(inner)[1] - x.shape[-1] * np.log(penalty)
    return -0.5 * (rest + log_det), np.sum(query * w, -1)


def plain_posterior(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Posterior mean at every place, all prompts [..., place, d] together, one support and prefix at a time."""
    found = []
    for k in range(x.shape[-2]):
        evidence, mean = hypothesis(x[..., :k, :], y[..., :k], x[..., k, :], 1 / D)
        logs, means = [np.log(0.5) + evidence], [mean]
        for support in SUPPORTS:
            own = list(support)
            evidence, mean = hypothesis(x[..., :k, own], y[..., :k], x[..., k, own], 1 / NONZEROS)
            logs.append(np.log(0.5 / len(SUPPORTS)) + evidence)
            means.append(mean)
        share = np.exp(np.array(logs) - np.max(logs, 0))
        found.append(np.sum(share * np.array(means), 0) / share.sum(0))
    return np.stack(found, -1)


def plain_lasso(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Prediction at every place from scikit-learn's Lasso fitted to each prefix by itself."""
    said, rule = np.zeros_like(y), OneByOne(alpha=ALPHA, fit_intercept=False, tol=1e-10, max_iter=100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for prompt, (rows, labels) in enumerate(zip(x, y, strict=True)):
            for k in range(1, len(labels)):
                said[prompt, k] = rows[k] @ rule.fit(rows[:k], labels[:k]).coef_
    return said


def baselines(effort: Effort) -> list[Row]:
    """Prompts a second, all their prefixes included, beside one prompt at a time."""
    whole = max(effort.members) >= 64  # the sizes of docs/performance.md; otherwise only that it runs
    posterior, lasso = (4000, 800) if whole else (40, 20)
    some = 2 if whole else 1
    x, y = linear_prompts(posterior, 16)
    mixture = dense_and_sparse(D, NONZEROS, noise_variance=NOISE)
    ours = _rate(effort, posterior, lambda: mixture.prefixes(torch.from_numpy(x), torch.from_numpy(y)))
    single = _rate(effort, some, lambda: [plain_posterior(x[p], y[p]) for p in range(some)])
    together = _rate(effort, min(posterior, 500), lambda: plain_posterior(x[:500], y[:500]))
    name = f"mixture posterior, {posterior} prompts, 16 prefixes, {len(SUPPORTS)} supports"
    rows = [Row.rate(name, "prompts/s", ours, single), Row.rate(f"{name}, batched loop", "prompts/s", ours, together)]
    rule = Lasso(ALPHA)
    for kind, nonzeros in (("sparse", NONZEROS), ("dense", D)):
        x, y = linear_prompts(lasso, 21, nonzeros)
        ours = _rate(effort, lasso, lambda x=x, y=y: rule.prefixes(torch.from_numpy(x), torch.from_numpy(y)))
        peer = _rate(effort, 5 * some, lambda x=x, y=y: plain_lasso(x[: 5 * some], y[: 5 * some]))
        rows.append(Row.rate(f"Lasso, {kind}, {lasso} prompts, 20 prefixes", "prompts/s", ours, peer))
    return rows


def _rate(effort: Effort, prompts: int, once: Callable[[], object]) -> float:
    once()
    return prompts * rate(once, effort.seconds * min(effort.rounds, 4), time.process_time)
