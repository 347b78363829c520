"""Bayesian linear regression one pair at a time, for many priors and many prompts at once (a Kalman filter).

After each pair the posterior of the weights is N(w, P): with S = f' P f + noise and gain g = P f / S, a label y moves
w by g (y - f'w) and P by -g (P f)'. The densities N(y; f'w, S) of the labels, each given those before it, multiply to
the evidence of the prior. Axes are [..., component, prompt] with prompts last, so that every operation runs along
memory. No step writes in place: predictions can be differentiated by the prompt.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Filtered:
    """What each component says before it sees each label."""

    mean: Float[Tensor, "place component prompt"]  # of the label at a place, from the pairs before it
    log_evidence: Float[Tensor, "length component prompt"]  # of the first 0 .. places labels: one more than places


def gaussian_filter(
    features: Float[Tensor, "place feature component prompt"],
    labels: Float[Tensor, "place prompt"],
    variances: Float[Tensor, "feature component"],
    noise_variance: float,
) -> Filtered:
    """Runs y = f'w + noise with independent w_i ~ N(0, variances_i) through all places; nats."""
    _, size, components, count = features.shape
    weights = features.new_zeros(size, components, count)
    covariance = torch.diag_embed(variances.T).permute(1, 2, 0)[..., None].expand(size, size, components, count)
    log_evidence = features.new_zeros(components, count)
    means, evidences = [], [log_evidence]
    for own, label in zip(features.unbind(0), labels.unbind(0), strict=True):
        mean = (weights * own).sum(0)
        reach = (covariance * own).sum(1)
        spread = (reach * own).sum(0) + noise_variance
        error = label - mean
        gain = reach / spread
        weights = weights + gain * error
        covariance = covariance - reach[:, None] * gain
        log_evidence = log_evidence - 0.5 * (torch.log(2 * math.pi * spread) + error * error / spread)
        means.append(mean)
        evidences.append(log_evidence)
    return Filtered(torch.stack(means), torch.stack(evidences))
