"""The gradient's two parts through training: how long they are, and whether they agree."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.studies.drawing.curves import median_and_seeds
from latebloom.studies.drawing.logged import Arm, Logged
from latebloom.studies.drawing.style import GUIDE, canvas, title
from latebloom.studies.future_tokens.figures.arms import COLOURS, NAMES, past_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = {
    "gradient_cosine": "cosine between present and future part",
    "future_over_diagonal": "length of future over present part",
}


def draw_gradients(logged: Logged, arms: list[Arm], heading: str, caption: str = "") -> "Figure | None":
    """Cosine above, ratio of lengths below, over steps on a logarithmic axis; arms that have a past of their own."""
    if "gradient_cosine" not in logged.frame:
        return None
    figure, axes = canvas(2, 1, height=2.2, sharex=True)
    for axis, (column, name) in zip(axes[:, 0], PANELS.items(), strict=True):
        for arm in arms:
            steps, values = logged.table(column, arm.members)
            if not len(steps):
                continue
            _, held = logged.table(column, arm.members, hold=True)
            past = past_of(logged, arm)
            median_and_seeds(axis, steps, values, held, COLOURS[past], NAMES[past])
        axis.axhline(0 if column == "gradient_cosine" else 1, color=GUIDE, linewidth=1)
        axis.set_title(name, loc="left", fontsize=10)
        axis.set_xscale("symlog", linthresh=1, linscale=0.3)
    below = axes[-1, 0]
    below.set_ylim(bottom=0)
    most = max(logged.last_step, 1)
    below.set_xlim(0, most)
    below.set_xticks([0, *(10**k for k in range(1, int(np.log10(most)) + 1))] if most >= 10 else [0, 1])
    below.set_xlabel("step")
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure
