"""Accuracies over steps with stopping points, and instruments below on the same axis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latebloom.instruments.stopping import compare
from latebloom.studies.drawing.curves import median_and_seeds
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, title
from latebloom.studies.structural_grokking.figures.columns import (
    HELD_OUT,
    KNOWN,
    LINEAR,
    Accuracies,
    accuracies,
    instruments,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS = {"first >= 0.99": "v", "first maximal": "s", "patience 5": "D"}


def draw_learning(logged: Logged, members: Sequence[int], heading: str, caption: str = "") -> "Figure | None":
    """One arm: accuracy in the domain and generalisation, where stopping rules would end, and instruments below."""
    found = accuracies(logged)
    if found is None:
        return None
    below = instruments(logged)
    heights = [2.2, *([0.9] * len(below))]
    figure, axes = canvas(
        len(heights), 1, height=sum(heights) / len(heights), sharex=True, gridspec_kw={"height_ratios": heights}
    )
    top = axes[0, 0]
    _curve(top, logged, members, found.known, KNOWN, "in the domain")
    _curve(top, logged, members, found.held_out, HELD_OUT, "held out")
    if found.linear and found.linear in logged.frame:
        _curve(top, logged, members, found.linear, LINEAR, "rule of word order", seeds=False)
    if found.chance:
        top.axhline(found.chance, color=GUIDE, linewidth=1, linestyle=(0, (2, 2)), label=found.guess)
    _stops(top, logged, members, found)
    top.set(ylim=(-0.03, 1.03), ylabel="accuracy")
    for place, (column, label) in zip(axes[1:, 0], below.items(), strict=True):
        _curve(place, logged, members, column, CYCLE[2], label)
        place.set_title(label, loc="left", fontsize=9)
        place.locator_params(axis="y", nbins=3)
    axes[-1, 0].set_xlabel("step")
    count_axis(axes[-1, 0])
    title(figure, heading, caption, top.get_legend_handles_labels())
    return figure


def _curve(
    axes: "Axes",
    logged: Logged,
    members: Sequence[int],
    column: str,
    colour: str,
    label: str,
    seeds: bool = True,
) -> None:
    steps, values = logged.table(column, members)
    _, held = logged.table(column, members, hold=True)
    if seeds:
        median_and_seeds(axes, steps, values, held, colour, label)
    else:
        some = np.isfinite(held).any(0)
        axes.plot(
            steps[some],
            np.nanmedian(held[:, some], axis=0),
            color=colour,
            linewidth=1,
            linestyle=(0, (4, 2)),
            label=label,
        )


def _stops(axes: "Axes", logged: Logged, members: Sequence[int], found: Accuracies) -> None:
    """Where each stopping rule keeps each seed, on its own curve of generalisation."""
    steps, known = logged.table(found.known, members)
    _, outside = logged.table(found.held_out, members)
    if outside.shape != known.shape:
        return
    for name, kept in compare(steps, known, outside).items():
        if name in MARKS and np.isfinite(kept.value).any():
            axes.plot(
                kept.step,
                kept.value,
                linestyle="",
                marker=MARKS[name],
                markersize=5,
                markeredgecolor="black",
                markeredgewidth=0.6,
                color=HELD_OUT,
                label=f"stop: {name.replace('>=', '≥')}",
            )
