"""In-context learning curves: squared error against the number of pairs seen, and what is read off them.

Everything is divided by the variance of the class that is evaluated, so that the predictor that always answers 0
scores 1 (Garg et al. 2022, arXiv 2208.01066, who measure against clean values on 1,280 prompts). Column k of a
prediction has seen exactly k pairs; all columns come from one forward pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.randomness import stream

VERSION = 1  # bump when any number returned from this file changes

PrefixPredictor = Callable[[Float[Tensor, "prompt place d"], Float[Tensor, "prompt place"]], Tensor]
"""Inputs and labels of prompts -> prediction of every label from the pairs before it, [..., prompt, place]."""


@dataclass(frozen=True)
class EvaluationPrompts:
    """Prompts of one class: inputs, labels as shown, clean values to be judged by, variance over the class."""

    x: Float[Tensor, "prompt place d"]
    y: Float[Tensor, "prompt place"]
    clean: Float[Tensor, "prompt place"]
    variance: float = 1.0


@dataclass(frozen=True)
class IclCurve:
    """Normalised error at each place. Tails are heavy off the training distribution, so the mean is not enough."""

    mean: Float[Tensor, "*lead place"]
    median: Float[Tensor, "*lead place"]
    upper: Float[Tensor, "*lead place"]  # 90th percentile over prompts
    above_one: Float[Tensor, "*lead place"]  # share of prompts that 0 would have served better than on average


@dataclass(frozen=True)
class SelectionCost:
    """What a mixture pays for not knowing the class: its error minus the specialist's, over places."""

    each: Float[Tensor, "*lead place"]
    largest: Float[Tensor, "*lead"]
    mean: Float[Tensor, "*lead"]


def normalised_errors(
    predictions: Float[Tensor, "*lead prompt place"], clean: Float[Tensor, "prompt place"], variance: float = 1.0
) -> Float[Tensor, "*lead prompt place"]:
    """Squared errors over the variance of the class. Raises `LatebloomError` for shapes that do not pair up."""
    if predictions.shape[-2:] != clean.shape[-2:]:
        raise LatebloomError(
            f"Predictions of shape {tuple(predictions.shape)} and values of shape {tuple(clean.shape)} must end in "
            "the same [prompt, place]."
        )
    try:
        torch.broadcast_shapes(predictions.shape, clean.shape)
    except RuntimeError:
        raise LatebloomError(
            f"Predictions of shape {tuple(predictions.shape)} and values of shape {tuple(clean.shape)}: values are "
            "[prompt, place], or have the leading axes of the predictions."
        ) from None
    if not variance > 0:
        raise LatebloomError(f"Errors cannot be divided by the variance {variance}: it must be above 0.")
    return (predictions - clean).square() / variance


def icl_curve(errors: Float[Tensor, "*lead prompt place"]) -> IclCurve:
    """Mean, median, 90th percentile and share above 1 over prompts."""
    return IclCurve(
        errors.mean(-2),
        errors.quantile(0.5, dim=-2),
        errors.quantile(0.9, dim=-2),
        (errors > 1).to(errors.dtype).mean(-2),
    )


def curve_interval(
    errors: Float[Tensor, "*lead prompt place"], seed: int = 0, resamples: int = 1000, level: float = 0.9
) -> tuple[Float[Tensor, "*lead place"], Float[Tensor, "*lead place"]]:
    """Percentile bootstrap interval of the mean over prompts; 1,000 resamples and 5th to 95th percentile published.

    It says how well these prompts measure this network, not how other training seeds would do.
    """
    if not 0 < level < 1:
        raise LatebloomError(f"An interval of level {level} is none: it must be between 0 and 1, e.g. 0.9.")
    n = errors.shape[-2]
    # Counts of each prompt in each resample, instead of resampled copies of the errors.
    counts = stream(seed, "icl curve", n, resamples).multinomial(n, [1 / n] * n, size=resamples)
    means = torch.from_numpy(counts / n).to(errors) @ errors
    tails = means.quantile(
        torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=errors.dtype, device=errors.device), dim=-2
    )
    return tails[0], tails[1]


def selection_cost(mixture: Float[Tensor, "*lead place"], specialist: Float[Tensor, "*lead place"]) -> SelectionCost:
    """Error of the mixture minus that of the specialist, on the specialist's class; largest and mean over places."""
    each = mixture - specialist
    return SelectionCost(each, each.amax(-1), each.mean(-1))


def error_ratio(
    model: Float[Tensor, "*lead place"], optimum: Float[Tensor, "*lead place"], floor: float = 1e-3
) -> Float[Tensor, "*lead place"]:
    """The model's error over the optimum's; both raised to `floor` first, since a ratio of two zeros says nothing."""
    if not floor > 0:
        raise LatebloomError(f"error_ratio: floor = {floor} must be above 0.")
    return model.clamp(min=floor) / optimum.clamp(min=floor)


def cross_evaluation(
    predictors: Mapping[str, PrefixPredictor], prompts: Mapping[str, EvaluationPrompts]
) -> Float[Tensor, "predictor evaluated place"]:
    """Mean normalised error of every predictor on every class, on the same prompts; in the order of the mappings."""
    rows = []
    for predict in predictors.values():
        own = [normalised_errors(predict(p.x, p.y), p.clean, p.variance).mean(-2) for p in prompts.values()]
        rows.append(torch.stack(own))
    return torch.stack(rows)
