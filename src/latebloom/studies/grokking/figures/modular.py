"""Networks for modular addition: weights and their Fourier transforms as heatmaps, neurons as waves, logits as bars.

Source of the pictures' kinds: Pearce et al. 2023, "Do Machine Learning Models Memorize or Generalize?", figures 2, 3,
15, 16 and 18.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float

from latebloom.instruments.fourier import fourier_transform
from latebloom.instruments.logits import ACTIVATIONS, frequency_logits
from latebloom.instruments.neurons import sorted_order
from latebloom.studies.drawing.style import (
    CYCLE,
    GUIDE,
    TEST,
    canvas,
    colour_bar,
    heatmap,
    limit,
    title,
)
from latebloom.studies.grokking.figures.tables import Tables, rows_of
from latebloom.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAIR = 13, 19  # the page's first pair
WAVES = 8  # lines that can still be told apart in one panel


def draw_weights(early: Tables, late: Tables, heading: str, caption: str = "") -> "Figure":
    """Input and output table while memorising and at the end; neurons sorted by their final frequency and phase."""
    return _heatmaps(early, late, False, heading, caption)


def draw_fourier(early: Tables, late: Tables, heading: str, caption: str = "") -> "Figure":
    """The same tables over frequencies: columns are cosine and sine of frequency 1, 2, ..."""
    return _heatmaps(early, late, True, heading, caption)


def _heatmaps(early: Tables, late: Tables, transform: bool, heading: str, caption: str) -> "Figure":
    order = sorted_order(late.groups())
    stages = [early, late] if early.step != late.step else [late]
    height = min(3.0, max(1.6, 0.07 * late.first.shape[1] + 0.8))
    figure, axes = canvas(len(stages), 2, height=height, sharex=True)
    names = "input table W_in", "output table W_out"
    for column, name in enumerate(names):
        shown = [(stage.first, stage.out)[column] for stage in stages]
        drawn = [(fourier_transform(table)[1:] if transform else table) for table in shown]
        top = limit(drawn[-1].numpy())
        for row, (stage, table) in enumerate(zip(stages, drawn, strict=True)):
            axis = axes[row, column]
            image = heatmap(axis, rows_of(table, order).numpy(), top)
            axis.set_title(f"{name}, step {stage.step:,}", loc="left")
            if column == 0:
                # The words in brackets are longer than the axes of few neurons are high.
                axis.set_ylabel("neuron" if height < 2 else "neuron (sorted)")
            axis.set_yticks([])
            if transform:
                _frequency_ticks(axis, late.p)
        axes[-1, column].set_xlabel("frequency (cosine, sine)" if transform else "residue")
        colour_bar(figure, image, axes[:, column], "coefficient" if transform else "weight")
    title(figure, heading, caption)
    return figure


def _frequency_ticks(axis: "Axes", p: int) -> None:
    """A tick between cosine and sine of every fifth frequency."""
    half = p // 2
    marks = [k for k in range(1, half + 1) if k == 1 or k % (5 if half > 12 else 1) == 0]
    axis.set_xticks([2 * k - 1.5 for k in marks], [str(k) for k in marks])


def draw_waves(tables: Tables, heading: str, caption: str = "") -> "Figure":
    """Each counted neuron's weights, one column a frequency, input above output.

    Residues j stand in the order of frequency * j mod p, in which every wave of that frequency makes one turn: in
    their own order the higher frequencies would be a solid block.
    """
    frequencies = tables.main_frequencies()
    figure, axes = canvas(2, max(1, len(frequencies)), height=2.1, sharex=True, sharey="row")
    for column, frequency in enumerate(frequencies):
        neurons = tables.members_of(frequency)
        every = -(-len(neurons) // WAVES)  # evenly over the phases, which sort them
        drawn = neurons[::every].tolist() if len(neurons) else []
        turn = (torch.arange(tables.p) * frequency % tables.p).argsort(stable=True)
        for row, (name, table) in enumerate((("W_in", tables.first), ("W_out", tables.out))):
            axis = axes[row, column]
            axis.axhline(0, color=GUIDE, linewidth=0.6)
            for number, neuron in enumerate(drawn):
                axis.plot(table[turn, neuron].numpy(), color=CYCLE[number % len(CYCLE)], linewidth=1.1)
            if row == 0:
                count = counted(len(neurons), "neuron")
                count = f"{len(drawn)} of {count}" if len(drawn) < len(neurons) else count
                axis.set_title(f"frequency {frequency}\n{count}", loc="left", fontsize=9)
            if column == 0:
                axis.set_ylabel(f"{name} weight")
            if row == 1:
                axis.set_xlabel(f"{frequency} j mod {tables.p}" if frequency > 1 else f"j, mod {tables.p}")
    total = int(tables.groups().present.sum())
    some = f" {len(frequencies)} of {total} frequencies are drawn." if len(frequencies) < total else ""
    told = "Residues j are ordered so that a wave of the column's frequency makes one turn."
    title(figure, heading, f"{told}{some}\n{caption}".strip())
    return figure


def draw_stars(tables: Tables, heading: str, caption: str = "") -> "Figure":
    """Cosine and sine coefficient of every counted neuron, joined in the order of the input angle.

    Going once around the input side goes around twice on the output side: a pentagon becomes a pentagram.
    """
    frequencies = tables.main_frequencies()
    figure, axes = canvas(2, max(1, len(frequencies)), height=8.0 / max(3, len(frequencies)) + 0.2)
    for column, frequency in enumerate(frequencies):
        neurons = tables.members_of(frequency)
        for row, (name, table) in enumerate((("input", tables.first), ("output", tables.out))):
            pair = fourier_transform(table)[2 * frequency - 1 : 2 * frequency + 1]
            points = pair[:, neurons].T.numpy()
            star(axes[row, column], np.concatenate([points, np.zeros((len(points), 2 - points.shape[1]))], 1))
            if row == 0:
                # In a narrow column a long title would run over the figure's edge: it is no part of the layout.
                between = "\n" if len(frequencies) > 4 else " "
                axes[row, column].set_title(f"frequency{between}{frequency}", loc="left")
            if column == 0:
                axes[row, column].set_ylabel(f"{name}\nsine")
            if row == 1:
                axes[row, column].set_xlabel("cosine")
    title(figure, heading, caption)
    return figure


def star(axis: "Axes", points: Float[np.ndarray, "neuron 2"]) -> None:
    """Points in the plane [neuron, 2], numbered and joined in their order, with a circle of their mean radius."""
    from matplotlib.patches import Circle

    radius = float(np.linalg.norm(points, axis=1).mean()) if len(points) else 1.0
    reach = 1.35 * max(float(np.abs(points).max()) if len(points) else 1.0, radius)
    axis.add_patch(Circle((0, 0), radius, fill=False, edgecolor=GUIDE, linewidth=0.8, linestyle=(0, (2, 2))))
    closed = np.concatenate([points, points[:1]]) if len(points) > 2 else points
    axis.plot(closed[:, 0], closed[:, 1], color=TEST, linewidth=1.2)
    for names, (x, y) in _labels(points, 0.16 * reach):
        away = 0.14 * reach / max(float(np.hypot(x, y)), 1e-9)
        axis.text(x * (1 + away), y * (1 + away), names, fontsize=8, ha="center", va="center")
    axis.plot(points[:, 0], points[:, 1], "o", color="black", markersize=4)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(3))
    axis.yaxis.set_major_locator(MaxNLocator(3))


def _labels(points: np.ndarray, near: float) -> list[tuple[str, np.ndarray]]:
    """Numbers from 1 and where to put them; points that lie on each other share a label."""
    groups: list[list[int]] = []
    for number in range(len(points)):
        for group in groups:
            if np.linalg.norm(points[number] - points[group[0]]) < near:
                group.append(number)
                break
        else:
            groups.append([number])
    return [(",".join(str(n + 1) for n in group), points[group].mean(0)) for group in groups]


def draw_logits(tables: Tables, answer: int, pair: tuple[int, int], heading: str, caption: str = "") -> "Figure":
    """Logits of one pair (a, b): from each frequency's neurons alone, all others, the output's bias, and from all."""
    a, b = pair
    before = tables.first[a] + tables.second[b] + (0 if tables.bias is None else tables.bias)
    hidden = ACTIVATIONS[tables.activation](before)
    frequencies, groups = tables.main_frequencies(), tables.groups()
    own = torch.where(groups.live, groups.frequency, torch.zeros_like(groups.frequency))
    alone = frequency_logits(hidden[None], tables.out.T, own, frequencies)[:, 0]
    everything = hidden @ tables.out.T
    rows = {f"frequency {k}": row for k, row in zip(frequencies, alone, strict=True)}
    rest = everything - alone.sum(0)
    if float(rest.abs().max()) > 0.02 * float(everything.abs().max()):
        rows["other neurons"] = rest
    if tables.out_bias is not None:
        rows["output bias"] = tables.out_bias
        everything = everything + tables.out_bias
    rows["all"] = everything
    figure, axes = canvas(len(rows), 1, height=0.95, sharex=True, sharey=True)
    for axis, (name, values) in zip(axes[:, 0], rows.items(), strict=True):
        colours = ["#b0b0b0"] * tables.p
        colours[answer] = "#d55e00"
        axis.bar(range(tables.p), values.numpy(), color=colours, width=0.8)
        axis.axhline(0, color=GUIDE, linewidth=0.6)
        axis.set_ylabel(name.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=9)
    axes[-1, 0].set_xlabel(f"class; the right answer, {answer}, is orange")
    axes[-1, 0].set_xlim(-1, tables.p)
    title(figure, heading, caption)
    return figure


def draw_plane(tables: Tables, heading: str, caption: str = "") -> "Figure":
    """The frozen-circle network in its plane: in- and out-projection of every neuron, joined by input angle."""
    figure, axes = canvas(1, 2, height=3.9)
    first = fourier_transform(tables.first)[1:].square().sum(1)
    frequency = int(first.argmax()) // 2 + 1
    pair = slice(2 * frequency - 1, 2 * frequency + 1)
    points = [fourier_transform(table)[pair].T.numpy() for table in (tables.first, tables.out)]
    order = np.argsort(np.arctan2(points[0][:, 1], points[0][:, 0]))
    for axis, name, side in zip(axes[0], ("in-projection", "out-projection"), points, strict=True):
        star(axis, side[order])
        axis.set_title(name, loc="left")
        axis.set_xlabel("along the cosine of the circle")
    axes[0, 0].set_ylabel("along the sine")
    title(figure, heading, caption)
    return figure
