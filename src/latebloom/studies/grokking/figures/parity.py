"""Parity networks: every input weight over time, and the weights as a heatmap.

Source of the pictures' kinds: Pearce et al. 2023, "Do Machine Learning Models Memorize or Generalize?", figures 5, 7.
"""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.models import MLP
from latebloom.runs.run import Run
from latebloom.studies.drawing.style import CYCLE, canvas, colour_bar, count_axis, heatmap, limit, title
from latebloom.tasks import SparseParity
from latebloom.training.experiment import Experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BIAS = "#cc79a7"


def is_parity_net(member: Experiment) -> bool:
    """Whether the network is one hidden layer on bits."""
    return isinstance(member.task, SparseParity) and isinstance(member.model, MLP) and member.model.layers == 1


def draw_trajectories(run: Run, member: int, k: int, heading: str, caption: str = "") -> "Figure | None":
    """Every input weight over the snapshots: the digits that count in colour, the bias pink, the rest grey.

    None for a run that kept fewer than three snapshots.
    """
    steps = run.snapshot_steps(member)
    steps = _without_leap(steps)
    if len(steps) < 3:
        return None
    kept = [run.parameters(member, step) for step in steps]
    weights = np.stack([params["W_0"].numpy() for params in kept])  # [step, n, hidden]
    figure, axes = canvas(1, 1, height=3.4)
    axis = axes[0, 0]
    n = weights.shape[1]
    for digit in range(k, n):
        axis.plot(steps, weights[:, digit], color="#9a9a9a", linewidth=0.4, alpha=0.35)
    if "b_0" in kept[0]:
        axis.plot(steps, np.stack([params["b_0"].numpy() for params in kept]), color=BIAS, linewidth=1)
    for digit in range(k):
        axis.plot(steps, weights[:, digit], color=CYCLE[digit % 3], linewidth=1.1)
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=CYCLE[digit % 3], label=f"digit {digit + 1}") for digit in range(k)]
    handles += [Line2D([], [], color=BIAS, label="bias")] if "b_0" in kept[0] else []
    handles.append(Line2D([], [], color="#9a9a9a", label="digits that do not count"))
    axis.set_ylabel("input weight")
    axis.set_xlabel("step")
    count_axis(axis)
    if steps[-1] < run.snapshot_steps(member)[-1]:
        caption = f"Drawn to step {steps[-1]:,}, as long as weights were kept often.\n{caption}".strip()
    title(figure, heading, caption, (handles, [str(handle.get_label()) for handle in handles]))
    return figure


def _without_leap(steps: list[int]) -> list[int]:
    """The steps without a last one that lies far beyond the others: a line to it would show what was not seen.

    >>> _without_leap([0, 250, 500, 20_000])
    [0, 250, 500]
    """
    apart = np.diff(steps)
    return steps[:-1] if len(apart) > 2 and apart[-1] > 5 * np.median(apart) else steps


def draw_parity_weights(run: Run, member: int, k: int, heading: str, caption: str = "") -> "Figure":
    """Input weights (a row a neuron, a column a digit, bias last) beside the output column; sorted by output weight."""
    steps = run.snapshot_steps(member)
    params = {name: value.numpy() for name, value in run.parameters(member, steps[-1]).items()}
    into = params["W_0"] if "b_0" not in params else np.concatenate([params["W_0"], params["b_0"][None]])
    out = params["W_out"]
    # Two output columns act through their difference alone.
    effect = out[:, 0] if out.shape[1] == 1 else out[:, 1] - out[:, 0]
    order = np.argsort(-effect)
    figure, axes = canvas(1, 2, height=min(4.0, 0.06 * len(order) + 2.0), width_ratios=(20, 1))
    left, right = axes[0]
    top = max(limit(into), limit(effect))
    heatmap(left, into.T[order], top)
    image = heatmap(right, effect[order, None], top)
    names = [str(d + 1) for d in range(params["W_0"].shape[0])]
    marks = [d for d in range(len(names)) if d < k or (d + 1) % 5 == 0]
    labels = [names[d] for d in marks]
    if "b_0" in params:
        # The last digit's number would run into the word.
        while marks and len(names) - marks[-1] < 3 and marks[-1] >= k:
            marks.pop()
            labels.pop()
        marks, labels = [*marks, len(names)], [*labels, "bias"]
    left.set_xticks(marks, labels)
    left.set(xlabel=f"digit (the first {k} count)", ylabel="neuron (by output weight)")
    left.set_yticks([])
    right.set_yticks([])
    right.set_xticks([0], ["out"])
    colour_bar(figure, image, right, "weight", pad=0.6)
    title(figure, heading, f"Weights at step {steps[-1]:,}.\n{caption}".strip())
    return figure
