"""Loss against the length of the context, beside every reference, and loss by depth beside solver steps."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, log_axis, title
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.networks import (
    Network,
    by_place,
    formula,
    losses,
    one_step,
    ridge_of,
    zero,
)
from latebloom.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS = "half the squared error"
STEPS = (1, 2, 3, 4, 6)  # of the solver


def draw_context(nets: list[Network], heading: str, caption: str = "") -> "Figure":
    """Test loss at every place: networks by depth (median over seeds, each seed faint), references on the same rows."""
    figure, axes = canvas(1, 1, height=3.9)
    axis = axes[0, 0]
    depths = sorted({net.model.n_layers for net in nets})
    for depth, colour in zip(depths, CYCLE, strict=False):
        own = np.stack([by_place(net, net.outputs()) for net in nets if net.model.n_layers == depth])
        place = np.arange(1, own.shape[1] + 1)
        for row in own if len(own) > 1 else []:
            axis.plot(place, row, color=colour, linewidth=0.7, alpha=0.3)
        kinds = dict.fromkeys(nets[0].model.mixer(layer) for layer in range(nets[0].model.n_layers))
        name = counted(depth, f"{' and '.join(kinds)} layer")
        axis.plot(place, np.median(own, 0), color=colour, linewidth=2, label=name)
    _references(axis, nets[0])
    log_axis(axis)
    axis.set_xlabel("states seen (place in the sequence)")
    axis.set_ylabel(f"{LOSS} at the place")
    axis.set_xlim(1, nets[0].task.length)
    count_axis(axis, most=10)
    title(figure, heading, caption, axis.get_legend_handles_labels())
    return figure


def _references(axis: "Axes", net: Network) -> None:
    """What can be had without training, on one network's sequences."""
    rows = {
        "zero": (zero(net), ":", GUIDE),
        "one gradient step": (one_step(net), "--", "black"),
        "best of 12 numbers": (formula(net), "-.", "black"),
        "6 solver steps": (solved(net, fitted(net)), "--", GUIDE),
        "ridge": (ridge_of(net), "-", "black"),
        "ridge, newest pair left out": (ridge_of(net, lagged=True), (0, (1, 1)), "black"),
    }
    place = np.arange(1, net.task.length + 1)
    for name, (said, line, colour) in rows.items():
        axis.plot(place, by_place(net, said), color=colour, linewidth=1.2, linestyle=line, label=name)


def draw_depth(nets: list[Network], heading: str, caption: str = "") -> "Figure":
    """Average test loss by number of layers, beside as many solver steps (all pairs, and as released)."""
    figure, axes = canvas(1, 1, height=3.6)
    axis = axes[0, 0]
    depths = sorted({net.model.n_layers for net in nets})
    groups = [np.array([net.loss() for net in nets if net.model.n_layers == depth]) for depth in depths]
    for depth, own in zip(depths, groups, strict=True):
        axis.plot([depth] * len(own), own, "o", color=CYCLE[0], alpha=0.5, markersize=5)
    axis.plot(depths, [np.median(own) for own in groups], color=CYCLE[0], linewidth=2, label="layers (seeds, median)")
    one = [nets[0]]
    for lagged, colour, name in ((False, "black", "all pairs"), (True, GUIDE, "newest pair left out")):
        solver = [losses(one, [solved(nets[0], fitted(nets[0], steps, lagged), lagged)])[0] for steps in STEPS]
        axis.plot(STEPS, solver, "s--", color=colour, markersize=4, label=f"solver steps, {name}")
        ridge = losses(one, [ridge_of(nets[0], lagged)])[0]
        axis.axhline(ridge, color=colour, linestyle=":", linewidth=1.2, label=f"ridge, {name}")
    step = losses(one, [one_step(nets[0])])[0]
    axis.axhline(step, color=CYCLE[1], linestyle="-.", linewidth=1.2, label="one gradient step")
    log_axis(axis)
    axis.set(xlabel="linear layers, or solver steps before one gradient step", ylabel=f"{LOSS}, mean over places")
    count_axis(axis, most=7)
    title(figure, heading, caption, axis.get_legend_handles_labels())
    return figure
