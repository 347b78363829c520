"""How far the last sum moves when an earlier state is pushed, by how long before."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.studies.drawing.logged import Arm, Logged
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, title
from latebloom.studies.future_tokens.figures.arms import NAMES, last_lists, past_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALONG = {
    "push_0": ("along $\\sin(b\\,x_n)$", CYCLE[0]),
    "push_1": ("along $\\sin(b\\,x_{n-1})$", CYCLE[1]),
    "push_random": ("in a random direction", GUIDE),
}
TOP = 1.6  # slopes beyond are cut off: a direction in which a probe reads nothing makes pushes as long as one likes


def draw_pushes(logged: Logged, arms: list[Arm], heading: str, caption: str = "") -> "Figure | None":
    """A panel an arm: slope of the last place's output in the push, each seed faint, median bold; the window shaded."""
    if "push_0" not in logged.frame:
        return None
    figure, axes = canvas(1, len(arms), height=2.8, sharey=True)
    window = int(getattr(logged.specifications[arms[0].members[0]].task, "window", 0))
    for axis, arm in zip(axes[0], arms, strict=True):
        axis.axvspan(0.5, window + 0.5, color="#f0f0f0", label="terms of the sum")
        axis.axhline(0, color=GUIDE, linewidth=0.8)
        axis.axhline(1, color=GUIDE, linewidth=0.8, linestyle=":")
        for column, (name, colour) in ALONG.items():
            found = last_lists(logged, arm.members, column)
            if found is None:
                continue
            lag, found = np.arange(found.shape[1]), np.clip(found, -TOP, TOP)
            for row in found if len(found) > 1 else []:
                axis.plot(lag, row, color=colour, linewidth=0.6, alpha=0.35)
            axis.plot(lag, np.median(found, 0), color=colour, linewidth=2, marker="o", markersize=3, label=name)
        axis.set_title(NAMES[past_of(logged, arm)], loc="left")
        axis.set_xlabel("places before the last one")
        axis.set_ylim(-TOP, TOP)
        count_axis(axis, most=7)
    axes[0, 0].set_ylabel("slope of the sum in the push")
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure
