"""Loss against the length of the context, beside every reference, and loss by depth beside solver steps."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from latebloom.studies.drawing.style import CYCLE, FAINT, GUIDE, canvas, count_axis, log_axis, title
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.networks import (
    Network,
    Places,
    by_place,
    losses,
    one_step,
    ridge_of,
)
from latebloom.studies.mesa_optimization.figures.references import FEW, NEUMANN, RICHARDSON, SOLVER, references
from latebloom.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS = "half the squared error"
STEPS = (1, 2, 3, 4, 6)  # of the solver
Curves = Float[np.ndarray, "network pos"]
DOTS = (0, (1, 1.5))
STYLES: dict[str, tuple[str, Any]] = {  # colour says the kind of reference, dashes which one
    "zero": (FAINT, "-"),
    "one gradient step": (CYCLE[4], "--"),
    "best of 12 numbers": (CYCLE[4], DOTS),
    "softmax kernel": (CYCLE[5], "--"),
    NEUMANN: (GUIDE, DOTS),
    RICHARDSON: (GUIDE, "-."),
    SOLVER: (GUIDE, "--"),
    "least squares": ("black", DOTS),
    "ridge": ("black", "-"),
    "ridge, last state alone": ("black", "--"),
    "Kalman filter (told W, C)": ("black", "-."),
}


def draw_context(nets: list[Network], heading: str, caption: str = "") -> "Figure":
    """Test loss at every place: networks by depth (median over seeds, each seed faint) beside references.

    Left: references that use every pair they have seen, as the networks can. Right: those that learn from pairs by a
    kernel, by least squares, ridge or solver steps, without the newest pair. References are those of the first
    network's sequences.
    """
    found, own = references(nets[0]), _by_depth(nets)
    figure, axes = canvas(1, 2, height=4.2, sharey=True)
    sides = (("references with every pair seen", found.fair), ("references without the newest pair", found.lagged))
    for axis, (words, rows) in zip(axes[0], sides, strict=True):
        _networks(axis, own)
        _references(axis, rows)
        axis.set_title(words, loc="left")
        axis.set_xlabel("states seen")
        axis.set_xlim(1, nets[0].task.length)
        count_axis(axis, most=6)
    highest = max(float(np.median(rows, 0).max()) for rows in own.values())
    _log_of_losses(axes[0, 0], max(2 * float(found.fair["zero"].max()), highest))
    axes[0, 0].set_ylabel(f"{LOSS} at the place")
    told = f"Least squares: {FEW} sequences at most, and its peak may leave the picture."
    if found.window > 1:
        told += f"\nReferences read the last {found.window} states; the filter is told each system."
    title(figure, heading, f"{caption}\n{told}".strip(), axes[0, 0].get_legend_handles_labels())
    return figure


def _by_depth(nets: list[Network]) -> dict[str, Curves]:
    """Losses [network, place] of the networks of each depth, shallowest first, by what they are called."""
    kinds = dict.fromkeys(nets[0].model.mixer(layer) for layer in range(nets[0].model.n_layers))
    groups: dict[int, list[Places]] = {depth: [] for depth in sorted({net.model.n_layers for net in nets})}
    for net in nets:
        groups[net.model.n_layers].append(by_place(net, net.outputs()))
    return {counted(depth, f"{' and '.join(kinds)} layer"): np.stack(rows) for depth, rows in groups.items()}


def _networks(axis: "Axes", groups: dict[str, Curves]) -> None:
    for (name, own), colour in zip(groups.items(), CYCLE, strict=False):
        place = np.arange(1, own.shape[1] + 1)
        for row in own if len(own) > 1 else []:
            axis.plot(place, row, color=colour, linewidth=0.7, alpha=0.3)
        axis.plot(place, np.median(own, 0), color=colour, linewidth=2, label=name)


def _references(axis: "Axes", rows: dict[str, Places]) -> None:
    """Thin lines in the order of the table of styles, which both sides and the legend share."""
    for name in sorted(rows, key=list(STYLES).index):
        colour, line = STYLES[name]
        place = np.arange(1, len(rows[name]) + 1)
        axis.plot(place, rows[name], color=colour, linewidth=1.3, linestyle=line, label=name)


def _log_of_losses(axis: "Axes", top: float) -> None:
    """Six powers of ten at most below `top`: neither a peak of least squares nor an exact answer stretches the axis."""
    log_axis(axis)
    low, high = axis.get_ylim()
    axis.set_ylim(max(low, 1e-6 * top), min(high, top))


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
