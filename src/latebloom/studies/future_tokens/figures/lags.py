"""What every layer holds of the numbers before: held-out R^2 by layer and lag, arm beside arm."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.studies.drawing.logged import Arm, Logged
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, title
from latebloom.studies.future_tokens.figures.arms import NAMES, last_lists, past_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_lags(logged: Logged, arms: list[Arm], heading: str, caption: str = "") -> "Figure | None":
    """A panel an arm, a line a layer (median over seeds, each seed faint); the window is shaded."""
    layers = sorted(name for name in map(str, logged.frame.columns) if name.startswith("lag_r2_"))
    if not layers:
        return None
    figure, axes = canvas(1, len(arms), height=3.0, sharey=True)
    window = int(getattr(logged.specifications[arms[0].members[0]].task, "window", 0))
    for axis, arm in zip(axes[0], arms, strict=True):
        axis.axvspan(0.5, window + 0.5, color="#f0f0f0", label="terms of the sum")
        for column in layers:
            number = int(column.removeprefix("lag_r2_"))
            colour = GUIDE if number == 0 else CYCLE[(number - 1) % len(CYCLE)]
            found = last_lists(logged, arm.members, column)
            if found is None:
                continue
            lag, found = np.arange(found.shape[1]), np.clip(found, -0.05, 1)
            for row in found if len(found) > 1 else []:
                axis.plot(lag, row, color=colour, linewidth=0.6, alpha=0.35)
            name = "embedding" if number == 0 else f"after block {number}"
            axis.plot(lag, np.median(found, 0), color=colour, linewidth=2, marker="o", markersize=3, label=name)
        axis.set_title(NAMES[past_of(logged, arm)], loc="left")
        axis.set_xlabel("lag i of $\\sin(b\\,x_{n-i})$")
        axis.set_ylim(-0.05, 1.02)
        count_axis(axis, most=7)
    axes[0, 0].set_ylabel("R² on other sequences")
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure
