"""Loss at every place, arm by arm, and what each cut costs there."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.studies.drawing.logged import Arm, Logged
from latebloom.studies.drawing.style import GUIDE, canvas, count_axis, title
from latebloom.studies.future_tokens.figures.arms import COLOURS, NAMES, last_lists, past_of, seeds_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN = "loss_by_place"


def draw_places(logged: Logged, arms: list[Arm], heading: str, caption: str = "") -> "Figure | None":
    """Left: test loss by place. Right: loss minus vanilla of the same seed, with the range over seeds."""
    tables = {past_of(logged, arm): (arm, last_lists(logged, arm.members, COLUMN)) for arm in arms}
    if any(found is None for _, found in tables.values()) or "whole" not in tables or len(tables) < 2:
        return None
    figure, axes = canvas(1, 2, height=3.2)
    left, right = axes[0]
    vanilla_arm, vanilla = tables["whole"]
    assert vanilla is not None
    place = np.arange(vanilla.shape[1])
    known = np.isfinite(vanilla).all(0)
    for past, (arm, own) in tables.items():
        assert own is not None
        left.plot(place[known], np.median(own, 0)[known], color=COLOURS[past], linewidth=2, label=NAMES[past])
        if past in ("whole", "zeroed"):
            continue
        gap = _paired(seeds_of(logged, arm.members), own, seeds_of(logged, vanilla_arm.members), vanilla)
        if gap is None:
            continue
        if len(gap) > 1:
            low, high = gap.min(0)[known], gap.max(0)[known]
            right.fill_between(place[known], low, high, color=COLOURS[past], alpha=0.2, linewidth=0)
        right.plot(place[known], np.median(gap, 0)[known], color=COLOURS[past], linewidth=2)
    right.axhline(0, color=GUIDE, linewidth=1)
    left.set_ylabel("test loss (nats)")
    right.set_ylabel("loss minus vanilla's (nats)")
    for axis in (left, right):
        axis.set_xlabel("place in the sequence")
        count_axis(axis)
    title(figure, heading, caption, left.get_legend_handles_labels())
    return figure


def _paired(seeds: list[int], own: np.ndarray, others: list[int], other: np.ndarray) -> np.ndarray | None:
    """Own minus other for the seeds both have, [seed, place]."""
    shared = sorted(set(seeds) & set(others))
    if not shared:
        return None
    return own[[seeds.index(seed) for seed in shared]] - other[[others.index(seed) for seed in shared]]
