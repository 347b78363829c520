"""The sine-sum task by p: how often the sum is asked for, against what is lost on it."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.instruments.huber import lag_floors
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import GUIDE, canvas, title
from latebloom.studies.future_tokens.figures.arms import COLOURS, NAMES, past_of
from latebloom.tasks import SineSum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KNOWN = (0, 2, 4)  # floors that are drawn


def draw_shares(runs: list[Logged], heading: str, caption: str = "") -> "Figure | None":
    """Last loss on sums over p, both arms; each seed a dot, medians joined; what knowing r terms leaves as lines."""
    points: dict[str, dict[float, list[float]]] = {}
    task: SineSum | None = None
    for logged in runs:
        if "sums" not in logged.frame:
            continue
        for arm in sorted(logged.arms, key=lambda arm: list(NAMES).index(past_of(logged, arm))):
            own = logged.specifications[arm.members[0]].task
            if not isinstance(own, SineSum):
                return None
            task = own
            _, values = logged.table("sums", arm.members, hold=True)
            points.setdefault(past_of(logged, arm), {}).setdefault(own.p, []).extend(values[:, -1].tolist())
    if task is None or len({p for found in points.values() for p in found}) < 2:
        return None
    figure, axes = canvas(1, 1, height=3.4)
    axis = axes[0, 0]
    for past, found in points.items():
        shares = sorted(found)
        for p in shares:
            axis.plot([p] * len(found[p]), found[p], "o", color=COLOURS[past], alpha=0.4, markersize=4)
        middle = [float(np.median(found[p])) for p in shares]
        axis.plot(shares, middle, color=COLOURS[past], linewidth=2, label=NAMES[past])
    floors = lag_floors(task.b, task.window, task.places)
    for known, dashes in zip(KNOWN, (":", "--", "-."), strict=True):
        if known <= task.window:
            name = "saying 0" if known == 0 else f"{known} terms known"
            axis.axhline(floors[known], color=GUIDE, linewidth=1.2, linestyle=dashes, label=name)
    axis.set_xscale("log")
    axis.set_xticks(sorted({p for found in points.values() for p in found}))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.set_ylim(bottom=0)
    axis.set(xlabel="p, how often the sum is asked for", ylabel="Huber loss where it is asked for")
    title(figure, heading, caption, axis.get_legend_handles_labels())
    return figure
