"""A mixture's posterior at many queries of one context: every hypothesis is solved once, by its normal equations.

`MixturePosterior` runs through all prefixes of many prompts, which is what curves need; whoever moves points by hand
asks for one context and hundreds of queries. With features scaled by their prior standard deviations, S [n, f], the
posterior mean of the scaled weights is A^-1 S'y / noise, A = I + S'S / noise, and the log evidence of the labels is
-(y'y / noise - b'A^-1 b + log det A + n log(2 pi noise)) / 2 with b = S'y / noise.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.mixture_posterior import Hypotheses, MixturePosterior
from latebloom.baselines.predictor import prompts, queries
from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class Answers:
    """What a mixture says of every query, from one context."""

    mean: Float[Tensor, " query"]
    classes: Float[Tensor, " cls"]  # posterior probability of each class
    class_means: Float[Tensor, "query cls"]  # posterior mean if the class were known


def answer(
    mixture: MixturePosterior, context_x: Float[Tensor, "n d"], context_y: Float[Tensor, " n"], query_x: Tensor
) -> Answers:
    """Posterior mean at queries [query, d]. Raises `LatebloomError` for shapes that do not fit."""
    x, y = prompts(context_x, context_y)
    asked = queries(x, query_x)
    if x.ndim != 2 or asked.ndim != 2:
        raise LatebloomError(
            f"Inputs of shape {tuple(x.shape)} and queries of shape {tuple(asked.shape)}: `answer` reads one context, "
            "[n, d], and queries [query, d]."
        )
    both = [_one_class(own, noise, x, y, asked) for own, noise in zip(mixture.classes, mixture.noises, strict=True)]
    means = torch.stack([mean for mean, _ in both], -1)
    evidence = torch.stack([log for _, log in both]) + torch.tensor(mixture.weights, dtype=torch.float64).log()
    share = evidence.softmax(0)
    return Answers((means * share).sum(-1), share, means)


def _one_class(own: Hypotheses, noise: float, x: Tensor, y: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
    """Posterior mean [query] and log evidence of one class, its hypotheses averaged."""
    spread = own.variances(x.shape[-1]).sqrt()  # [feature, component]
    seen = (own.features(x[..., None])[..., 0] * spread).permute(2, 0, 1)  # [component, n, feature]
    moment = (seen.mT @ y[:, None]) / noise
    inner = seen.mT @ seen / noise + torch.eye(seen.shape[-1], dtype=x.dtype)
    factor = torch.linalg.cholesky(inner)
    weights = torch.cholesky_solve(moment, factor)
    log_det = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    explained = (moment * weights).sum((-2, -1))
    log = -0.5 * (y @ y / noise - explained + log_det + len(y) * math.log(2 * math.pi * noise))
    features = (own.features(asked[..., None])[..., 0] * spread).permute(2, 0, 1)
    each = (features @ weights)[..., 0]  # [component, query]
    return log.softmax(0) @ each, log.logsumexp(0) - math.log(len(log))
