"""Measurement of the gradient's two parts: from the present, and from later losses."""

import torch

from latebloom.instruments.gradient_split import gradient_split
from latebloom.models import Decoder, Parameters
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

BATCHES = 4  # of training, from this step on, over which a gradient is averaged
SPLIT = ("whole", "hidden", "keys")  # networks that have a past of their own


@measure("future_tokens.gradients")
def gradients(view: View) -> Columns:
    """Norms of the gradient over non-embedding weights: `gradient_total`, `_diagonal`, `_future`; and two numbers.

    `future_over_diagonal` and `gradient_cosine` (between diagonal and future part). The diagonal part is that of
    `past="hidden"`. Networks without a past of their own get no columns.
    """
    model = view.population.model
    if not isinstance(model, Decoder) or model.past not in SPLIT:
        return {}
    found = gradient_split(_mean(view, "whole"), _mean(view, "hidden"))
    return {
        "gradient_total": found.total.total,
        "gradient_diagonal": found.diagonal.total,
        "gradient_future": found.future.total,
        "future_over_diagonal": found.ratio,
        "gradient_cosine": found.cosine.total,
    }


def _mean(view: View, past: str) -> Parameters:
    """The mean gradient over some batches, with the past as named."""
    population = view.population
    model = population.model.model_copy(update={"past": past, "past_weight": 0.0})
    scale = population.hyper["logit_scale"]
    total: Parameters = {}
    for batch in range(BATCHES):
        rows = population.data.batch(view.step + batch)
        with torch.no_grad():
            _, own = model.gradient(view.params, population.trained, rows, population.loss, scale)
        total = {name: value / BATCHES + total.get(name, 0.0) for name, value in own.items()}
    return total
