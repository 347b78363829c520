"""A linear probe for the posterior over classes: can it be read off the activations, and how well?

Fitted in closed form to centred log-probabilities (for two classes: plus and minus half the log-odds), because log
evidence is what adds up over pairs; judged on other rows, in nats.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

FLOOR = 1e-4  # smallest probability: a posterior that is sure has infinite log-odds


@dataclass(frozen=True)
class ClassProbe:
    """The probe and how it does on rows that it was not fitted to."""

    weight: Float[Tensor, "feature cls"]
    bias: Float[Tensor, " cls"]
    explained: float  # share of the variance of the centred log-probabilities (R squared)
    divergence: float  # mean KL(posterior || probe), nats
    prior_divergence: float  # the same for a probe that knows only the mean posterior of the fitted rows
    agreement: float  # share of rows where both name the same most probable class

    def __call__(self, activations: Float[Tensor, "*row feature"]) -> Float[Tensor, "*row cls"]:
        """Probabilities read off activations."""
        return (activations.to(self.weight) @ self.weight + self.bias).softmax(-1)


def class_posterior_probe(
    activations: Float[Tensor, "row feature"],
    posterior: Float[Tensor, "row cls"],
    held_out_activations: Float[Tensor, "other feature"],
    held_out_posterior: Float[Tensor, "other cls"],
    penalty: float = 1e-3,
) -> ClassProbe:
    """Ridge regression of centred log-probabilities on standardised activations; float64.

    `penalty` is a share of the number of rows. Raises `LatebloomError` where rows do not pair up or probabilities do
    not sum to 1.
    """
    for some, own in ((activations, posterior), (held_out_activations, held_out_posterior)):
        if some.ndim != 2 or own.ndim != 2 or len(some) < 2:
            raise LatebloomError(
                f"class_posterior_probe: activations of shape {tuple(some.shape)} and probabilities of shape "
                f"{tuple(own.shape)}: they must be [row, feature] and [row, class], with at least "
                "two rows to fit and two to score."
            )
        if len(some) != len(own) or not bool(((own.sum(-1) - 1).abs() <= 1e-3).all()):
            raise LatebloomError(
                f"class_posterior_probe: {len(some)} rows of activations and {len(own)} of probabilities must pair up, "
                "and the probabilities of each row must sum to 1."
            )
    for what, fit, score in (
        ("features", activations, held_out_activations),
        ("classes", posterior, held_out_posterior),
    ):
        if fit.shape[1] != score.shape[1]:
            raise LatebloomError(
                f"class_posterior_probe: fitted on {fit.shape[1]} {what} and scored on {score.shape[1]}; they must be "
                "the same."
            )
    inputs, target = activations.double(), _centred_log(posterior)
    mean, spread = inputs.mean(0), inputs.std(0).clamp(min=1e-12)
    scaled = (inputs - mean) / spread
    gram = scaled.mT @ scaled + penalty * len(inputs) * torch.eye(inputs.shape[1]).to(inputs)
    weight = torch.linalg.solve(gram, scaled.mT @ (target - target.mean(0))) / spread[:, None]
    bias = target.mean(0) - mean @ weight
    said = held_out_activations.double() @ weight + bias
    truth = _centred_log(held_out_posterior)
    prior = _log(posterior.double().mean(0, keepdim=True))
    left = (truth - said).square().sum() / (truth - truth.mean(0)).square().sum()
    exact = _log(held_out_posterior)
    return ClassProbe(
        weight,
        bias,
        explained=float(1 - left),
        divergence=_divergence(exact, said.log_softmax(-1)),
        prior_divergence=_divergence(exact, prior.log_softmax(-1)),
        agreement=float((said.argmax(-1) == truth.argmax(-1)).double().mean()),
    )


def _log(posterior: Tensor) -> Tensor:
    return posterior.double().clamp(min=FLOOR).log().log_softmax(-1)


def _centred_log(posterior: Tensor) -> Tensor:
    logs = _log(posterior)
    return logs - logs.mean(-1, keepdim=True)


def _divergence(exact: Tensor, said: Tensor) -> float:
    return float((exact.exp() * (exact - said)).sum(-1).mean())
