"""Prompts whose functions are known, drawn with numpy alone."""

import numpy as np
import torch

from latebloom.randomness import stream


def linear_prompts(prompts, places, d, *, nonzeros=None, noise=0.0, seed=0, unit=True):
    """x [prompt, place, d], noisy y [prompt, place], clean f [prompt, place], w [prompt, d]; float64."""
    draw = stream(seed, "test prompts", prompts, places, d, nonzeros or 0)
    size = d if nonzeros is None else nonzeros
    x = draw.normal(size=(prompts, places, d))
    w = draw.normal(size=(prompts, d)) / (size**0.5 if unit else 1.0)
    if nonzeros is not None:
        rank = draw.random((prompts, d)).argsort(1).argsort(1)
        w = w * (rank < nonzeros)
    f = np.einsum("pnd,pd->pn", x, w)
    y = f + noise**0.5 * draw.normal(size=f.shape)
    return tuple(torch.from_numpy(part) for part in (x, y, f, w))


def normal_log_density(y, covariance):
    """Log density of a zero-mean normal vector, in nats, from the full covariance."""
    if not len(y):
        return 0.0
    _, log_det = np.linalg.slogdet(covariance)
    return -0.5 * (y @ np.linalg.solve(covariance, y) + log_det + len(y) * np.log(2 * np.pi))
