"""Generalisation at the end by depth, every seed and the median with its interval."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.claims.statistics import median, share_of
from latebloom.instruments.events import own_logs
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, title
from latebloom.studies.structural_grokking.figures.columns import HELD_OUT, accuracies

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = {  # shares of ten seeds, measured off figure 3a of Murty et al. 2023
    "question_formation": {2: 0.0, 4: 0.2, 6: 0.8, 8: 0.4, 10: 0.1},
    "tense_inflection": {2: 0.0, 4: 0.7, 6: 0.2, 8: 0.0, 10: 0.0},
}
SUCCESS = 0.8


def draw_depths(logged: Logged, heading: str, caption: str = "") -> "Figure | None":
    """Left: generalisation at the end of every seed. Right: the share of seeds at .8 or above, beside the published."""
    found = accuracies(logged)
    depths = logged.axes.get("n_layers")
    if found is None or depths is None or len(logged.axes) > 1:
        return None
    figure, axes = canvas(1, 2, height=2.8)
    left, right = axes[0]
    kind = next(iter(logged.specifications.values())).task.kind
    for arm in logged.arms:
        depth = arm.settings["n_layers"]
        steps, values = logged.table(found.held_out, arm.members)
        end = np.asarray(own_logs(steps, values).last_value)
        middle, good = median(end), share_of(end >= SUCCESS)
        spread = np.linspace(-0.25, 0.25, len(end)) if len(end) > 1 else [0.0]
        left.plot(depth + np.asarray(spread), end, ".", color=HELD_OUT, alpha=0.5)
        low, high = (middle.value if bound is None else bound for bound in middle.bounds)
        left.errorbar(
            depth, middle.value, [[middle.value - low], [high - middle.value]], fmt="o", color="black", capsize=4
        )
        right.errorbar(
            depth,
            good.value,
            [[good.value - good.low], [good.high - good.value]],
            fmt="o",
            color=HELD_OUT,
            capsize=4,
            label="here, with Wilson's interval" if arm is logged.arms[0] else None,
        )
    told = PUBLISHED.get(kind, {})
    right.plot(list(told), list(told.values()), "x--", color=CYCLE[0], label="published (10 seeds)")
    left.axhline(SUCCESS, color=GUIDE, linewidth=1, linestyle=(0, (2, 2)))
    left.set(ylim=(-0.03, 1.03), xlabel="layers", ylabel="generalisation at the end")
    right.set(ylim=(-0.03, 1.03), xlabel="layers", ylabel=f"share of seeds ≥ {SUCCESS}")
    for place in (left, right):
        place.set_xticks(sorted({*depths, *(told if place is right else ())}))
    title(figure, heading, caption, right.get_legend_handles_labels())
    return figure
