"""Binding: how far back the first layer's output can be read, and where its heads look."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from latebloom.instruments.binding import attention_by_distance, horizon
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, log_axis, title
from latebloom.studies.mesa_optimization.claims.networks import Network
from latebloom.studies.mesa_optimization.claims.plain import unread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DISTANCES = 8
LEFT = 0.1  # share of a state's variance that may be left unread within the horizon
FLOOR = 1e-4  # what is read better than this is drawn here
SEQUENCES = 256  # over which attention is averaged


def draw_binding(nets: list[Network], heading: str, caption: str = "") -> "Figure":
    """Left: what probes leave unread of earlier states, every network and the median, before and after training.

    Right: attention of the first layer's heads by distance, of the first network, queries of the second half.
    """
    figure, axes = canvas(1, 2, height=3.4)
    _unread(axes[0, 0], nets)
    _attention(axes[0, 1], nets[0])
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure


def _unread(axis: "Axes", nets: list[Network]) -> None:
    tables = {
        "trained": unread(nets, reach=DISTANCES),
        "untrained": unread(nets, step=nets[0].steps[0], reach=DISTANCES),
    }
    for (name, table), colour in zip(tables.items(), (CYCLE[0], GUIDE), strict=True):
        back = np.arange(table.shape[1])
        for row in table:
            axis.plot(back, np.maximum(row, FLOOR), color=colour, linewidth=0.7, alpha=0.3)
        middle = np.median(table, 0)
        reach = int(horizon(torch.from_numpy(middle), LEFT))
        label = f"{name}: {reach} state{'' if reach == 1 else 's'} within the horizon"
        axis.plot(back, np.maximum(middle, FLOOR), "o-", color=colour, linewidth=2, markersize=4, label=label)
    axis.axhline(LEFT, color="black", linestyle=":", linewidth=1.2, label="horizon: a tenth unread")
    log_axis(axis)
    axis.set(xlabel="states back from the last place", ylabel="share of variance unread")
    axis.set_title("read from the first layer's output", loc="left")
    count_axis(axis, most=DISTANCES)


def _attention(axis: "Axes", net: Network) -> None:
    pattern = net.activations(tokens=net.test[0][:SEQUENCES])["blocks.0.attn.hook_pattern"]
    by_distance = attention_by_distance(pattern, pattern.shape[-1] // 2)[:, :DISTANCES].numpy()
    for head, row in enumerate(by_distance):
        axis.plot(range(len(row)), row, "o-", color=CYCLE[head % len(CYCLE)], markersize=4, label=f"head {head + 1}")
    axis.set_ylim(0, 1.05)
    axis.set(xlabel="distance", ylabel="mean attention")
    axis.set_title("where its heads look", loc="left")
    axis.legend(loc="upper right", ncols=2, fontsize=8)
    count_axis(axis, most=DISTANCES)
