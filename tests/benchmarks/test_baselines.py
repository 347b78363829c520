"""Both sides of the baselines' comparison give the same answers."""

import numpy as np
import torch

from benchmarks.baselines import ALPHA, NOISE, linear_prompts, plain_lasso, plain_posterior
from latebloom.baselines.lasso import Lasso
from latebloom.baselines.mixture_posterior import dense_and_sparse


def test_the_loop_over_supports_is_the_same_posterior():
    x, y = linear_prompts(3, 6)
    ours = dense_and_sparse(20, 2, noise_variance=NOISE).prefixes(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    np.testing.assert_allclose(plain_posterior(x, y), ours, atol=1e-10)
    np.testing.assert_allclose(plain_posterior(x[1], y[1]), ours[1], atol=1e-10)


def test_one_by_one_is_the_same_lasso():
    for nonzeros in (2, 20):
        x, y = linear_prompts(2, 21, nonzeros)
        ours = Lasso(ALPHA).prefixes(torch.from_numpy(x), torch.from_numpy(y)).numpy()
        np.testing.assert_allclose(plain_lasso(x, y), ours, atol=1e-3)
