"""Curves over steps, for any experiment: accuracy and loss, weight norms, and whatever else was measured.

A faint line is one seed, the bold line the median over seeds, the band its middle half. Members that ended early keep
their last value in median and band. Arms (members that differ in more than the seed) get a panel each.
"""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Float

from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import CYCLE, GUIDE, SPLITS, canvas, count_axis, log_axis, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Thing = TypeVar("Thing")
PANELS = 12  # arms, or measured numbers, in one picture
FLOOR = 1e-12  # losses of exactly zero are drawn here on a logarithmic axis


def median_and_seeds(
    axes: "Axes",
    steps: Float[np.ndarray, "step"],
    values: Float[np.ndarray, "member step"],
    held: Float[np.ndarray, "member step"],
    colour: str,
    label: str,
) -> None:
    """Seeds faint, median bold, middle half as a band."""
    marker = "." if len(steps) == 1 else ""
    if len(values) > 1:
        for row in values:
            known = np.isfinite(row)
            axes.plot(steps[known], row[known], color=colour, alpha=0.25, linewidth=0.7, marker=marker)
    some = np.isfinite(held).any(0)
    steps, held = steps[some], held[:, some]
    if not len(steps):
        return
    if len(held) > 2:
        low, high = np.nanquantile(held, (0.25, 0.75), axis=0)
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(steps, np.nanmedian(held, axis=0), color=colour, linewidth=2, label=label, marker=marker)


def accuracy(axes: "Axes", logged: Logged, members: Sequence[int]) -> None:
    """Train and test accuracy, with the chance level."""
    _splits(axes, logged, members, "accuracy")
    axes.axhline(logged.chance(members[0]), color=GUIDE, linewidth=1, linestyle=(0, (2, 2)), label="chance")
    axes.set(ylim=(-0.03, 1.03), ylabel="accuracy")
    step_axis(axes, logged)


def loss(axes: "Axes", logged: Logged, members: Sequence[int]) -> None:
    """Train and test loss on a logarithmic axis, cross-entropy in nats per example with that of a uniform guess."""
    _splits(axes, logged, members, "loss")
    if "cross-entropy" in logged.loss_unit:
        uniform = np.log(1 / logged.chance(members[0]))
        axes.axhline(uniform, color=GUIDE, linewidth=1, linestyle=(0, (2, 2)), label="uniform guess")
    # Within a factor of ten a logarithmic axis shows nothing that a linear one does not.
    drawn = np.concatenate([logged.table(f"{split}_loss")[1].ravel() for split in splits(logged, "loss")])
    known = drawn[np.isfinite(drawn)]
    if known.size and known.max() > 10 * max(known.min(), FLOOR):
        log_axis(axes)
    axes.set_ylabel(logged.loss_unit)
    step_axis(axes, logged)


def _splits(axes: "Axes", logged: Logged, members: Sequence[int], quantity: str) -> None:
    for split in splits(logged, quantity):
        column, colour = f"{split}_{quantity}", SPLITS[split]
        steps, values = logged.table(column, members)
        _, held = logged.table(column, members, hold=True)
        if quantity == "loss":
            values, held = (np.where(np.isfinite(v), np.maximum(v, FLOOR), np.nan) for v in (values, held))
        median_and_seeds(axes, steps, values, held, colour, split)


def splits(logged: Logged, quantity: str) -> list[str]:
    """The splits whose accuracy or loss was logged."""
    return [name for name in SPLITS if logged.frame.get(f"{name}_{quantity}", pd.Series(dtype=float)).notna().any()]


def step_axis(axes: "Axes", logged: Logged) -> None:
    """Steps, logarithmic where they were logged so."""
    if logged.log_steps and logged.last_step > 1:
        axes.set_xscale("symlog", linthresh=1, linscale=0.3)
        axes.set_xlim(0, logged.last_step)
        # 0 and 1 lie so close that their numbers would touch.
        powers = range(1, math.floor(math.log10(logged.last_step)) + 1)
        axes.set_xticks([0, *(10**power for power in powers)] if powers else [0, 1])
    else:
        grid = axes.get_subplotspec()
        narrow = grid is not None and grid.get_gridspec().ncols > 2
        count_axis(axes, most=3 if narrow else 5)
    axes.set_xlabel("step")


def some_of(things: Sequence[Thing], most: int = PANELS) -> list[Thing]:
    """At most so many arms or steps, evenly spread over the list, first and last included."""
    if len(things) <= most:
        return list(things)
    return [things[i] for i in np.unique(np.linspace(0, len(things) - 1, most).round().astype(int))]


def draw_learning(logged: Logged, heading: str, caption: str = "") -> "Figure":
    """Accuracy beside loss; for several arms a panel of each, accuracies in the left half and losses in the right.

    Losses alone where targets are real numbers. Where test splits have names of their own, a panel for each of them.
    """
    if not splits(logged, "loss"):
        return draw_columns(logged, other_columns(logged), heading, caption)
    arms = some_of(logged.arms)
    halves = [accuracy, loss] if splits(logged, "accuracy") else [loss]
    wide = min(2, len(arms))  # arms abreast in each half
    rows = -(-len(arms) // wide)
    figure, axes = canvas(rows, len(halves) * wide, height=3.2 if len(arms) == 1 else 2.1)
    for half, draw in enumerate(halves):
        places = axes[:, half * wide : (half + 1) * wide].reshape(-1)
        for number, place in enumerate(places):
            if number >= len(arms):
                place.axis("off")
                continue
            if number:
                place.sharey(places[0])
            draw(place, logged, arms[number].members)
            _only_outer(place, left=number % wide == 0, below=number + wide >= len(arms))
            if len(arms) > 1:
                place.set_title(textwrap.fill(arms[number].label, 26), loc="left", fontsize=8)
                place.yaxis.label.set_fontsize(8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    guide, name = axes[0, -wide].get_legend_handles_labels()
    if len(halves) > 1 and "uniform guess" in name:
        handles, labels = [*handles, guide[-1]], [*labels, "uniform guess (loss)"]
    left_out = f"\n{len(arms)} of {len(logged.arms)} arms are drawn." if len(arms) < len(logged.arms) else ""
    if any((logged.frame[f"{split}_loss"] == 0).any() for split in splits(logged, "loss")):
        left_out += f"\nLosses of exactly zero are drawn at {FLOOR:g}."
    title(figure, heading, caption + left_out, (handles, labels))
    return figure


def _only_outer(axes: "Axes", left: bool, below: bool) -> None:
    """Labels of axes at the edge of their half only."""
    if not left:
        axes.set_ylabel("")
        axes.tick_params(labelleft=False)
    if not below:
        axes.set_xlabel("")
        axes.tick_params(labelbottom=False)


def draw_columns(logged: Logged, columns: Sequence[str], heading: str, caption: str = "") -> "Figure":
    """Other measured numbers, one panel each, one colour an arm (at most eight arms)."""
    arms = some_of(logged.arms, len(CYCLE))
    across = min(3, len(columns))
    figure, axes = canvas(-(-len(columns) // across), across, height=2.2, sharex=True)
    for number, place in enumerate(axes.flat):
        if number >= len(columns):
            place.axis("off")
            continue
        column = columns[number]
        for arm, colour in zip(arms, CYCLE, strict=False):
            steps, values = logged.table(column, arm.members)
            _, held = logged.table(column, arm.members, hold=True)
            median_and_seeds(place, steps, values, held, colour, arm.label)
        place.set_title(column.replace("_", " ") + logged.unit(column), loc="left", fontsize=9)
        if spans_decades(logged.frame[column]):
            log_axis(place)
        step_axis(place, logged)
        if number + across < len(columns):
            place.set_xlabel("")
        place.tick_params(labelbottom=number + across >= len(columns))
    left_out = f"\n{len(arms)} of {len(logged.arms)} arms are drawn." if len(arms) < len(logged.arms) else ""
    legend = axes.flat[0].get_legend_handles_labels() if len(arms) > 1 else None
    title(figure, heading, caption + left_out, legend)
    return figure


def spans_decades(values: pd.Series) -> bool:
    """Whether all values are positive and reach over more than a factor of a hundred."""
    known = values[np.isfinite(values.to_numpy(dtype=float))]
    return bool(len(known)) and bool(known.min() > 0) and float(known.max()) > 100 * float(known.min())


def norm_columns(logged: Logged) -> list[str]:
    """Measured weight norms."""
    return [name for name in scalar_columns(logged) if name.startswith(("l1_norm", "l2_norm", "table_norm"))]


def other_columns(logged: Logged) -> list[str]:
    """Measured numbers that are neither accuracy, loss nor norm; at most twelve."""
    drawn = {f"{split}_{quantity}" for split in SPLITS for quantity in ("accuracy", "loss")} | set(norm_columns(logged))
    return [name for name in scalar_columns(logged) if name not in drawn][:PANELS]


def scalar_columns(logged: Logged) -> list[str]:
    """Columns that hold one number a row, with at least one finite value, varied fields left out."""
    names = [name for name in logged.frame.columns if name not in logged.settings]
    return [
        name
        for name in names
        if pd.api.types.is_numeric_dtype(logged.frame[name])
        and np.isfinite(logged.frame[name].to_numpy(dtype=float)).any()
    ]
