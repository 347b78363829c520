"""Which auxiliary is put in front and which is left out, over time, and where the first wrong word stands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from latebloom.instruments.generation import DELETED, PREPOSED
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import CYCLE, FAINT, canvas, count_axis, title
from latebloom.studies.structural_grokking.measures.sentences import PLACES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = {"main": "the main one", "first": "the first one", "none": "neither", "other": "other words change"}


def draw_prepose(logged: Logged, members: Sequence[int], heading: str, caption: str = "") -> "Figure | None":
    """Stacked shares over steps, mean over seeds: front by rest, and the place of the first wrong word."""
    if "gen_prepose_delete" not in logged.frame:
        return None
    steps, table = rows(logged, "gen_prepose_delete", members)
    if not len(steps):
        return None
    table = table.reshape(len(steps), len(PREPOSED), len(DELETED))
    figure, axes = canvas(2, 2, height=2.2)
    for place, front in zip(axes.flat, PREPOSED, strict=False):
        _stack(place, steps, table[:, PREPOSED.index(front)], [NAMED[name] for name in DELETED], CYCLE)
        place.set_title(f"in front: {NAMED[front] if front != 'other' else 'another word'}", loc="left")
        place.set_ylabel("share of sentences")
    wrong = axes[1, 1]
    _, places = rows(logged, "gen_first_wrong", members)
    # What is right is left white, at the bottom.
    colours = ("#ffffff", CYCLE[1], CYCLE[3], CYCLE[4], CYCLE[5], CYCLE[0], FAINT)
    _stack(wrong, steps, places, ["none (white)", *PLACES[1:]], colours)
    wrong.set_title("first wrong word", loc="left")
    wrong.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    title(figure, heading, caption, (handles, [f"left out: {label}" for label in labels]))
    return figure


def rows(
    logged: Logged, column: str, members: Sequence[int]
) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, "step k"]]:
    """A list column at the steps at which it was measured, mean over members."""
    frame = logged.frame[logged.frame["member"].isin(members)]
    own = frame[frame[column].notna()]
    groups = own.groupby("step")[column].apply(lambda values: np.mean(np.stack(values.to_list()), axis=0))
    return groups.index.to_numpy(dtype=float), np.stack(groups.to_list()) if len(groups) else np.zeros((0, 0))


def _stack(
    axes: "Axes",
    steps: Float[np.ndarray, " step"],
    values: Float[np.ndarray, "step k"],
    labels: Sequence[str],
    colours: Sequence[str],
) -> None:
    if len(steps) > 1:
        axes.stackplot(steps, values.T, labels=labels, colors=colours, alpha=0.85, linewidth=0)
        axes.set_xlim(steps[0], steps[-1])
    axes.set(ylim=(0, 1), xlabel="step")
    count_axis(axes, most=3)
