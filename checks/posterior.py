"""What is expected of the next label by one who knows that labels are Gaussian under one of several hypotheses."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor


def expected(hypotheses: Iterable[tuple[float, Tensor]], seen: Tensor, noise: float) -> Tensor:
    """[prompt]: the mean of the label after those `seen` [prompt, k].

    A hypothesis is its share before anything is seen, and the covariance of k + 1 clean labels [prompt, k + 1, k + 1].
    The evidence is that of the labels seen, a normal density, taken as it stands in the definition.
    """
    k = seen.shape[1]
    logs, means = [], []
    for share, covariance in hypotheses:
        cover = covariance[:, :k, :k] + noise * torch.eye(k, dtype=seen.dtype)
        density = torch.distributions.MultivariateNormal(torch.zeros(k, dtype=seen.dtype), cover)
        logs.append(density.log_prob(seen) + math.log(share))
        solved = torch.linalg.solve(cover, seen[..., None])[..., 0]
        means.append((covariance[:, k, :k] * solved).sum(-1))
    return (torch.softmax(torch.stack(logs), 0) * torch.stack(means)).sum(0)
