"""Can the class be read off the network? A linear probe for the exact posterior, by layer and number of pairs."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.instruments.class_probe import class_posterior_probe
from latebloom.models import run_with_cache
from latebloom.studies.drawing.style import CYCLE, canvas, title
from latebloom.studies.model_selection.claims.networks import Trained, prompts
from latebloom.studies.model_selection.claims.references import optimum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 1200  # prompts of each class; half of them to fit the probe
PAIRS = (1, 2, 3, 5, 8)


def probes(network: Trained, pairs: tuple[int, ...], step: int | None = None) -> Float[np.ndarray, "layer pairs"]:
    """Share of the variance of the posterior's log-odds that a probe explains on other prompts.

    Rows: before the first block, then after each. Prompts of all tested classes are mixed.
    """
    task = network.task
    asked = [prompts(task, component.text, ROWS) for component in task.tested.components]
    x, y = torch.cat([p.x for p in asked]), torch.cat([p.y for p in asked])
    posterior = optimum(task).posterior(x, y).classes
    rows = torch.from_numpy(task.sequences(x.numpy(), y.numpy())).float()
    params = {name: value[None] for name, value in network.run.parameters(network.member, step).items()}
    with torch.no_grad():
        _, cache = run_with_cache(network.specification.model, params, rows[None])
    layers = sum(name.endswith("hook_resid_post") for name in cache)
    streams = [cache["blocks.0.hook_resid_pre"], *(cache[f"blocks.{i}.hook_resid_post"] for i in range(layers))]
    fitted = torch.arange(len(x)) % 2 == 0
    return np.array(
        [[_explained(stream[0, :, task.x_places], posterior, fitted, k) for k in pairs] for stream in streams]
    )


def _explained(stream: Tensor, posterior: Tensor, fitted: Tensor, k: int) -> float:
    inside, outside = (stream[chosen, k] for chosen in (fitted, ~fitted))
    right, other = (posterior[chosen, k] for chosen in (fitted, ~fitted))
    return class_posterior_probe(inside, right, outside, other).explained


def draw_probe(network: Trained, heading: str, caption: str = "") -> "Figure":
    """The trained network bold, the same before training dashed; one colour for each number of pairs."""
    chosen = tuple(k for k in PAIRS if k < network.task.points)
    trained, before = probes(network, chosen), probes(network, chosen, network.steps[0])
    figure, axes = canvas(1, 1, height=3.4)
    axis = axes[0, 0]
    places = np.arange(len(trained))
    for column, (k, colour) in enumerate(zip(chosen, CYCLE, strict=False)):
        axis.plot(places, np.clip(trained[:, column], 0, 1), "o-", color=colour, label=f"after {k}")
        axis.plot(places, np.clip(before[:, column], 0, 1), color=colour, linewidth=1, linestyle="--")
    axis.set_xticks(places, ["embedding", *(f"layer {i}" for i in range(1, len(places)))])
    axis.set(ylim=(-0.03, 1.03), ylabel="R² of the log-odds, other prompts")
    title(figure, heading, f"Dashed: before training. {caption}", axis.get_legend_handles_labels())
    return figure
