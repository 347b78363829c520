"""Error against the number of pairs seen: networks by what they were trained on, beside the exact optimum."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from latebloom.errors import LatebloomError
from latebloom.studies.drawing.style import CYCLE, GUIDE, canvas, count_axis, title
from latebloom.studies.model_selection.claims.networks import Curve, Network, curve, prompts
from latebloom.studies.model_selection.claims.references import least_squares, optimum_curve, tuned_lasso
from latebloom.tasks import InContextFunctions
from latebloom.tasks.functions import Component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Arms = Mapping[str, Sequence[Network]]
LINEAR = ("dense", "sparse")
LINES = ("-", "--", ":")  # of references
TOP = 1.25  # errors above are cut off
COLUMNS = 3  # of panels


def draw_icl(groups: Arms, heading: str, caption: str = "") -> "Figure":
    """A panel for each tested class: medians over seeds bold, each seed faint, references black.

    `groups`: networks that differ in their seed alone, by what they were trained on.
    """
    task = next(iter(groups.values()))[0].task
    tested = task.tested.components
    columns = min(len(tested), COLUMNS)
    figure, axes = canvas(-(-len(tested) // columns), columns, height=3.7, sharey=True)
    for axis in axes.flat[len(tested) :]:
        axis.set_visible(False)
    for axis, component in zip(axes.flat, tested, strict=False):
        _panel(axis, groups, component)
        axis.set_title(f"prompts: {component.text}", loc="left")
        axis.set_xlabel("pairs seen")
        count_axis(axis, most=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("squared error / variance")
    title(figure, heading, told_if_cut(axes, caption), axes[0, 0].get_legend_handles_labels())
    return figure


def told_if_cut(axes: np.ndarray, caption: str) -> str:
    """The caption, behind a sentence more where a curve leaves a panel at the top."""
    drawn = [line.get_ydata() for axis in axes.flat for line in axis.lines if axis.get_ylim()[1] == TOP]
    cut = any(np.any(np.asarray(values, dtype=float) > TOP) for values in drawn)
    return f"Errors above {TOP} are cut off. {caption}".strip() if cut else caption


def _panel(axis: "Axes", groups: Arms, component: Component) -> None:
    text, alone = component.text, "o" if component.inputs.query_only else ""  # of one place alone a curve is a dot
    for number, (name, nets) in enumerate(groups.items()):
        colour = CYCLE[number % 6]
        # Where the class is named, each class has a name of its own, known from its place among those tested.
        named = nets[0].task.name_class
        label = [c.text for c in nets[0].task.tested.components].index(text) if named else None
        asked = prompts(nets[0].task, text)
        own = np.stack([curve(partial(n.says, label=label), asked) for n in nets])
        places = np.arange(own.shape[1])
        for row in own if len(own) > 1 else []:
            axis.plot(places, row, color=colour, linewidth=0.7, alpha=0.3)
        axis.plot(places, np.median(own, 0), color=colour, linewidth=2, label=f"trained on {name}", marker=alone)
    mixture = next(iter(groups.values()))[0].task.mixture
    for (name, reference), line in zip(references(nets[0].task, text, mixture).items(), LINES, strict=False):
        places = np.arange(len(reference))
        axis.plot(places, reference, color="black", linewidth=1.3, linestyle=line, label=name, marker=alone)
    axis.axhline(1.0, color=GUIDE, linewidth=1, linestyle=(0, (1, 2)), label="always 0")
    axis.set_ylim(0, TOP)


def references(task: InContextFunctions, text: str, mixture: str) -> dict[str, Curve]:
    """Error of what needs no training, as far as the class has it."""
    asked = prompts(task, text)
    found: dict[str, Curve] = {}
    with contextlib.suppress(LatebloomError):  # some classes have no closed form
        found[f"optimum of {mixture}"] = optimum_curve(task, text, mixture)
    if text in LINEAR:
        found["Lasso, tuned"] = curve(tuned_lasso(task).prefixes, asked)
        found["least squares"] = curve(least_squares, asked)
    return found
