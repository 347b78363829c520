"""One property of the evaluated functions or inputs is moved while everything else stays: errors against its value.

The caller says how prompts are drawn at each value; then this serves sweeps over the number of non-zero weights, over
convex combinations, frequency, amplitude, and the scale of inputs or weights (Yadlowsky et al. 2023, figures 3, 5 and
6; Garg et al. 2022). Draw the prompts of all values from the same stream, so that neighbouring values share noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.icl_curve import (
    EvaluationPrompts,
    IclCurve,
    PrefixPredictor,
    icl_curve,
    normalised_errors,
)
from latebloom.instruments.prediction_similarity import prediction_distance

VERSION = 1  # bump when any number returned from this file changes

LINE_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
FREQUENCY_FACTORS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
AMPLITUDE_FACTORS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
SCALE_FACTORS = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)


@dataclass(frozen=True)
class Sweep:
    """Curves of every predictor at every value, and how far predictors are apart."""

    values: tuple[float, ...]
    curves: dict[str, IclCurve]  # each field [value, *lead, place]
    distances: dict[tuple[str, str], Float[Tensor, "value *lead place"]]  # of the pairs asked for


def sweep(
    values: Sequence[float],
    prompts_at: Callable[[float], EvaluationPrompts],
    predictors: Mapping[str, PrefixPredictor],
    pairs: Sequence[tuple[str, str]] = (),
) -> Sweep:
    """Errors of every predictor at every value; `pairs` names predictors whose squared difference is wanted too.

    Everything at one value is measured on the same prompts. Raises `LatebloomError` for a pair that names nobody.
    """
    unknown = sorted({name for pair in pairs for name in pair} - set(predictors))
    if unknown:
        raise LatebloomError(f"No predictor is called {unknown[0]!r}; known: {', '.join(sorted(predictors))}.")
    if not values:
        raise LatebloomError("A sweep needs at least one value.")
    found: dict[str, list[IclCurve]] = {name: [] for name in predictors}
    apart: dict[tuple[str, str], list[Tensor]] = {pair: [] for pair in pairs}
    for value in values:
        prompts = prompts_at(value)
        said = {name: predict(prompts.x, prompts.y) for name, predict in predictors.items()}
        for name, own in said.items():
            found[name].append(icl_curve(normalised_errors(own, prompts.clean, prompts.variance)))
        for first, second in pairs:
            apart[first, second].append(prediction_distance(said[first], said[second], prompts.variance))
    return Sweep(
        tuple(values),
        {name: _stacked(curves) for name, curves in found.items()},
        {pair: torch.stack(own) for pair, own in apart.items()},
    )


def excess_over_best(
    model: Float[Tensor, "value *lead"], others: Sequence[Float[Tensor, "value *lead"]]
) -> Float[Tensor, "value *lead"]:
    """Error of the model minus the smallest error of the others, value by value: 0 where it follows their envelope."""
    if not others:
        raise LatebloomError("excess_over_best: no others to compare with.")
    return model - torch.stack(list(others)).amin(0)


def _stacked(curves: Sequence[IclCurve]) -> IclCurve:
    names = ("mean", "median", "upper", "above_one")
    return IclCurve(*(torch.stack([getattr(curve, name) for curve in curves]) for name in names))
