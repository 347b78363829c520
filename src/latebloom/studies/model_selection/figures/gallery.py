"""Fitted curves: one network of the testbed on a line, on sinusoids, on sums of both, beside the exact optimum."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.randomness import stream
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, title
from latebloom.studies.model_selection.claims.lines import combination
from latebloom.studies.model_selection.live import Snapshot, predict
from latebloom.tasks.functions import parse_component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REACH = 2.5  # of the curves, in standard deviations of the inputs
QUERIES = 200
ROWS = 2  # functions of each kind
KINDS = {
    "line": "a line",
    "sinusoid": "a sinusoid",
    combination(0.5): "half of each",
    "sinusoid:low=10:high=10": "too fast",
}


def draw_gallery(snapshot: Snapshot, heading: str, caption: str = "") -> "Figure":
    """As many points as the network was trained on; the same functions and points at every call."""
    figure, axes = canvas(ROWS, len(KINDS), height=2.3, sharex=True)
    for column, (text, words) in enumerate(KINDS.items()):
        for row in range(ROWS):
            _draw(axes[row, column], snapshot, text, row)
        axes[0, column].set_title(words, loc="left")
        axes[-1, column].set_xlabel("x")
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure


def _draw(axis: "Axes", snapshot: Snapshot, text: str, number: int) -> None:
    own = parse_component(text, {"d": 1, "low": snapshot.task.low, "high": snapshot.task.high})
    draw = stream(number, "gallery", text)
    function = own.function.draw(draw, 1)
    x = np.sort(draw.standard_normal(snapshot.most))
    query = np.linspace(-REACH, REACH, QUERIES)
    y, truth = (own.function.values(function, where[None, :, None])[0] for where in (x, query))
    y = y + snapshot.task.noise_variance**0.5 * draw.standard_normal(len(y))
    found = predict(snapshot, x, y, query).curves
    mixture = snapshot.task.mixture
    axis.plot(query, truth, color=GUIDE, linewidth=3, alpha=0.4, label="the function")
    axis.plot(
        query, found[f"optimum of {mixture}"], color="black", linewidth=1.2, linestyle="--", label="exact optimum"
    )
    for (name, words), colour in zip(_networks(snapshot), CYCLE, strict=False):
        wide = 2.0 if name == mixture else 1.0
        axis.plot(query, found[f"trained on {name}"], color=colour, linewidth=wide, label=words)
    axis.plot(x, y, "o", color="black", markersize=3)
    top = 1.3 * max(float(np.abs(truth).max()), float(np.abs(y).max()), 0.5)
    axis.set_ylim(-top, top)


def _networks(snapshot: Snapshot) -> list[tuple[str, str]]:
    """The mixture and its specialists."""
    parts = [component.text for component in snapshot.task.trained.components]
    return [(name, f"trained on {name}") for name in snapshot.names if name in (snapshot.task.mixture, *parts)]
