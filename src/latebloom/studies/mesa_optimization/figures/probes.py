"""What linear probes read from every layer and place."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.studies.drawing.style import canvas, title
from latebloom.studies.mesa_optimization.claims.deep import fitted
from latebloom.studies.mesa_optimization.claims.deep_probes import read
from latebloom.studies.mesa_optimization.claims.networks import Network

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"target": "next state", "solver": "state, six solver steps", "exact": "state, exact inverse"}


def draw_probes(net: Network, heading: str, caption: str = "") -> "Figure":
    """Held-out R² by layer and place: of the next state, of the preconditioned state in two ways."""
    found = read(net, fitted(net))
    figure, axes = canvas(1, 3, height=3.0, sharey=True)
    for axis, (name, words) in zip(axes[0], NAMES.items(), strict=True):
        table = np.clip(getattr(found, name), 0, 1)
        image = axis.imshow(
            table,
            cmap="viridis",
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
            origin="lower",
            extent=(-0.5, table.shape[1] - 0.5, -0.5, table.shape[0] - 0.5),
        )
        axis.set_title(words, loc="left")
        axis.set_xlabel("place in the sequence")
    layers = found.target.shape[0]
    axes[0, 0].set_yticks(range(layers), ["input", *map(str, range(1, layers))])
    axes[0, 0].set_ylabel("after layer")
    bar = figure.colorbar(image, ax=list(axes[0]), shrink=0.9, aspect=30, pad=0.01)
    bar.set_label("R² on other sequences")
    bar.outline.set_visible(False)
    title(figure, heading, caption)
    return figure
