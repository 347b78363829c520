"""Weights as blocks of channels, and the loss half-way to their compressed form."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from latebloom.instruments.compressed import compress_16
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, colour_bar, count_axis, heatmap, title
from latebloom.studies.mesa_optimization.claims.networks import Network, formula, half_error, one_step
from latebloom.studies.mesa_optimization.claims.one_layer import COMPRESSED_AT, halfway, nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HALFWAY_ON = 512  # test sequences; five stacks at every snapshot on all of them would take a minute
CHANNELS = {"masked": ("0", "0", "$s_t$", "$s_{t-1}$"), "constructed": ("said", "$s_t$", "$s_t$", "$s_{t-1}$")}


def draw_blocks(net: Network, layer: int, heading: str, caption: str = "", step: int | None = None) -> "Figure":
    """Both products of every head of a layer, cut into channels: query by key above, source by output below.

    At a kept step, by default the last.
    """
    own, width = net.layers(step)[layer], net.task.n_seen
    heads = own.qk.shape[0]
    figure, axes = canvas(2, heads, height=8.0 / max(heads, 2) - 0.2)
    names = CHANNELS[net.task.tokens]
    labels = {"qk": ("query", "key"), "ov": ("value", "output")}
    for row, (kind, product) in enumerate((("qk", own.qk), ("ov", own.ov))):
        table = product.numpy()
        top = float(np.abs(table).max()) or 1.0
        for head in range(heads):
            axis = axes[row, head]
            image = heatmap(axis, table[head], top)
            axis.set_aspect("equal")
            middles = (np.arange(4) + 0.5) * width - 0.5
            out = ["said" if i == 0 else "" for i in range(4)] if kind == "ov" else names
            axis.set_xticks(middles, out)
            axis.set_yticks(middles, names if head == 0 else [""] * 4)
            for edge in (np.arange(1, 4)) * width - 0.5:
                axis.axhline(edge, color=GUIDE, linewidth=0.5)
                axis.axvline(edge, color=GUIDE, linewidth=0.5)
            axis.set_xlabel(labels[kind][1])
            if head == 0:
                axis.set_ylabel(labels[kind][0])
            if row == 0:
                axis.set_title(f"head {head + 1}", loc="left")
        colour_bar(figure, image, list(axes[row]), "weight of the product")
    title(figure, heading, caption)
    return figure


def draw_halfway(nets: list[Network], heading: str, caption: str = "") -> "Figure":
    """Loss over training of networks, half-way to their compressed weights, and of these; references as lines.

    Those of one layer are a gradient step and the best twelve numbers; that of a stack is its compressed form with 16
    numbers a head instead of 32. Asked on the first `HALFWAY_ON` test sequences of each.
    """
    nets = [replace(net, few=HALFWAY_ON) for net in nets]
    figure, axes = canvas(1, 1, height=3.6)
    axis = axes[0, 0]
    curves = [halfway(net) for net in nets]
    steps = sorted(curves[0])
    kinds = (("network", CYCLE[0], "-"), ("half-way to compressed", CYCLE[1], "--"), ("compressed", CYCLE[2], ":"))
    for place, (name, colour, line) in enumerate(kinds):
        rows = np.array([[curve[step][place] for step in steps] for curve in curves])
        for row in rows if len(rows) > 1 and place < 2 else []:
            axis.plot(steps, row, color=colour, linewidth=0.6, alpha=0.3)
        axis.plot(steps, np.median(rows, 0), color=colour, linewidth=2, linestyle=line, label=name)
    if nets[0].model.n_layers == 1:
        for reference, said, dashes in (
            ("one gradient step", one_step, "-."),
            ("best of 12 numbers", formula, (0, (1, 1))),
        ):
            level = float(np.median([half_error(said(net), net.test[2]) for net in nets]))
            axis.axhline(level, color="black", linestyle=dashes, linewidth=1.1, label=reference)
    else:
        level, shown = float(np.median([_of_16_numbers(net) for net in nets])), axis.get_ylim()
        name = f"compressed to 16 numbers a head: {level:.3f}"
        axis.axhline(level, color="black", linestyle="-.", linewidth=1.1, label=name)
        axis.set_ylim(shown)  # a stack that needs more numbers may be far above
    axis.set(xlabel="step", ylabel="half the squared error, mean over places")
    count_axis(axis)
    title(figure, heading, caption, axis.get_legend_handles_labels())
    return figure


def _of_16_numbers(net: Network) -> float:
    """Loss of the weights that the picture compresses, with every head as four mixes of channels."""
    step = nearest(net.steps, COMPRESSED_AT * net.steps[-1])
    return net.loss_of([compress_16(layer, net.task.n_seen) for layer in net.layers(step)])
