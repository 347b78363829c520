"""Errors against one property of the evaluated functions, networks beside the exact optimum."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latebloom.instruments.prompt_sweeps import AMPLITUDE_FACTORS, FREQUENCY_FACTORS, LINE_SHARES
from latebloom.studies.curves import paired_networks
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, log_axis, title
from latebloom.studies.model_selection.claims.between import ask
from latebloom.studies.model_selection.claims.extremes import amplitudes, frequencies
from latebloom.studies.model_selection.claims.lines import Tails, shares
from latebloom.studies.model_selection.claims.networks import Network
from latebloom.studies.model_selection.experiments import linear, testbed
from latebloom.studies.model_selection.figures.icl import LINES, TOP, Arms, told_if_cut
from latebloom.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_nonzeros(groups: Arms, heading: str, caption: str = "") -> "Figure":
    """Error by number of non-zero weights, after d/2 pairs and 3d/4; and the share of the dense specialist."""
    names = (linear.MIXTURE, linear.DENSE, linear.SPARSE)
    rows = dict(zip(names, paired_networks(*(groups[name] for name in names)), strict=True))
    sweep = ask(rows)
    task = sweep.task
    places = sorted({max(task.d // 2, 1), max(round(3 * task.d / 4), 1)})
    figure, axes = canvas(1, len(places) + 1, height=3.6)
    for axis, place in zip(axes[0], places, strict=False):
        for name, colour in zip(names, CYCLE, strict=False):
            _seeds(axis, sweep.values, sweep.errors(name)[..., place], colour, f"trained on {name}")
        for name, line in zip(sweep.references, LINES, strict=True):
            said = sweep.errors(name)[0, :, place]
            axis.plot(sweep.values, said, color="black", linewidth=1.3, linestyle=line, label=name)
        axis.set_title(f"after {counted(place, 'pair')}", loc="left")
        axis.set_ylim(0, TOP)
    axes[0, 0].set_ylabel("squared error / variance")
    last, place = axes[0, -1], places[-1]
    rho = sweep.dense_weight(sweep.said[linear.MIXTURE])[..., place]
    _seeds(last, sweep.values, rho, CYCLE[0], "")
    last.plot(sweep.values, sweep.dense_share[:, place], color="black", linewidth=1.3)
    last.set_title(f"share of dense, after {place}", loc="left")
    last.set_ylim(-0.03, 1.03)
    for axis in axes[0]:
        axis.set_xlabel("non-zero weights")
        count_axis(axis, most=8)
    told = "Right: blue, the dense specialist's share in the mixture's answers; black, exact posterior of dense."
    title(figure, heading, f"{told} {told_if_cut(axes, caption)}", axes[0, 0].get_legend_handles_labels())
    return figure


def draw_shares(groups: Arms, heading: str, caption: str = "") -> "Figure":
    """Error on convex combinations by share of the line: mean, 90th percentile, share of prompts above 1."""
    figure, axes = canvas(1, 3, height=3.6)
    shown = {name: shares(list(groups[name]), name) for name in (testbed.MIXTURE, testbed.COMBINED) if name in groups}
    for (name, found), colour in zip(shown.items(), CYCLE, strict=False):
        short = name.replace(testbed.COMBINED, "mixture with combinations")
        _tails(axes[0], LINE_SHARES, found, colour, f"trained on {short}")
    for axis in axes[0]:
        axis.set_xlabel("share of the line")
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure


def draw_extremes(nets: Sequence[Network], heading: str, caption: str = "") -> "Figure":
    """Error on sinusoids by frequency and by amplitude, as multiples of the trained ones."""
    figure, axes = canvas(1, 2, height=3.6, sharey=True)
    sweeps = (("frequency", FREQUENCY_FACTORS, frequencies), ("amplitude", AMPLITUDE_FACTORS, amplitudes))
    for axis, (name, values, sweep) in zip(axes[0], sweeps, strict=True):
        found = sweep(list(nets))
        _seeds(axis, values, found["network"].mean, CYCLE[0], "network")
        axis.plot(values, found["optimum"].mean[0], color="black", linewidth=1.3, label="exact optimum")
        axis.set_xscale("log")
        axis.set_xticks(values, [f"{value:g}" for value in values])
        axis.minorticks_off()
        axis.set_xlabel(f"{name}, times the trained")
        log_axis(axis)
        axis.axhline(1.0, color=GUIDE, linewidth=1, linestyle=(0, (1, 2)), label="always 0")
    axes[0, 0].set_ylabel("squared error / variance")
    title(figure, heading, caption, axes[0, 0].get_legend_handles_labels())
    return figure


def _tails(axes: Sequence["Axes"], values: Sequence[float], found: dict[str, Tails], colour: str, label: str) -> None:
    fields = {"mean": "mean error", "upper": "90th percentile", "above_one": "share of prompts above 1"}
    for axis, (field, words) in zip(axes, fields.items(), strict=True):
        _seeds(axis, values, getattr(found["network"], field), colour, label)
        best = getattr(found["optimum"], field)[0]
        axis.plot(values, best, color=colour, linewidth=1.3, linestyle="--", label="its exact optimum")
        axis.set_title(words, loc="left")
        axis.set_ylim(bottom=0)


def _seeds(axis: "Axes", values: Sequence[float], own: np.ndarray, colour: str, label: str) -> None:
    """Each seed faint, the median bold; `own` is [network, value]."""
    for row in own if len(own) > 1 else []:
        axis.plot(values, row, color=colour, linewidth=0.7, alpha=0.3)
    axis.plot(values, np.median(own, 0), color=colour, linewidth=2, label=label, marker="o", markersize=3)
