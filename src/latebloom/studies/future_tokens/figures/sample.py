"""A text, coloured by where the vanilla network gains most over the myopic one of the same seed."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from latebloom.data import Place
from latebloom.models import LOSSES
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import DIVERGING, canvas, title
from latebloom.studies.future_tokens.figures.arms import NAMES, rest_of
from latebloom.tasks import Task
from latebloom.tasks.hub_text import HubText
from latebloom.tasks.text import Windows
from latebloom.tasks.text_tokens import Tokenizer
from latebloom.training.experiment import Experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, TOP = 14, 1.5  # windows that are shown; nats at which the colour is full


def gains(run: Run, vanilla: int, myopic: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Symbols, what comes next, and the myopic loss minus the vanilla one there, each [row, pos]."""
    losses = []
    for member in (vanilla, myopic):
        own = Experiment.parse(run.specification(member))
        batch = own.task.data([own.task], [own.seed], Place()).splits["test"]
        inputs, targets = batch.inputs[:, :rows], batch.targets[:, :rows]
        params = {name: value[None] for name, value in run.parameters(member).items()}
        with torch.no_grad():
            losses.append(LOSSES[own.training.loss].rows(own.model.forward(params, inputs), targets)[0])
    return inputs[0], targets[0], losses[1] - losses[0]


def draw_sample(run: Run, logged: Logged, heading: str, caption: str = "") -> "Figure | None":
    """Test windows, one a line: every character in the colour of what the vanilla network gained on it."""
    pair = _pair(logged)
    tokenizer = tokenizer_of(next(iter(logged.specifications.values())).task)
    if pair is None or tokenizer is None or not run.snapshot_steps(pair[0]):
        return None
    inputs, targets, gain = gains(run, *pair, rows=ROWS)
    places = inputs.shape[1]
    figure, axes = canvas(1, 1, height=0.24 * len(inputs) + 0.9)
    axis = axes[0, 0]
    image = axis.imshow(gain.numpy(), cmap=DIVERGING, vmin=-TOP, vmax=TOP, aspect="auto", interpolation="nearest")
    for row in range(len(inputs)):
        for place in range(places):
            symbol = tokenizer.decode([int(targets[row, place])]).replace("\n", "¶")
            dark = abs(float(gain[row, place])) > 0.7 * TOP
            axis.text(place, row, symbol, ha="center", va="center", fontsize=8, color="white" if dark else "black",
                      family="monospace")  # fmt: skip
    axis.set(yticks=[], xlabel="place in the window (the character shown is the one to be predicted there)")
    for side in axis.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(image, ax=axis, orientation="horizontal", shrink=0.5, aspect=40, pad=0.02, extend="both")
    bar.set_label(f"loss of {NAMES['hidden']} minus vanilla (nats): red where vanilla gains")
    bar.outline.set_visible(False)
    first = logged.members.set_index("member").loc[pair[0]]
    rest = rest_of({name: first[name] for name in logged.axes})
    who = ", ".join([f"seed {logged.specifications[pair[0]].seed}", *filter(None, [rest])])
    title(figure, heading, f"Networks: {who}. Mean shown {float(np.mean(gain.numpy())):+.3f} nats. {caption}")
    return figure


def _pair(logged: Logged) -> tuple[int, int] | None:
    """A vanilla and a myopic member that differ in their past alone, of the lowest seed."""
    found: dict[tuple[object, ...], dict[str, int]] = {}
    for number, own in sorted(logged.specifications.items(), key=lambda item: item[1].seed):
        key = (
            own.seed,
            *(str(logged.members.set_index("member").loc[number].get(n)) for n in logged.axes if n != "past"),
        )
        found.setdefault(key, {})[str(getattr(own.model, "past", "whole"))] = number
    return next(((own["whole"], own["hidden"]) for own in found.values() if {"whole", "hidden"} <= own.keys()), None)


def tokenizer_of(task: Task) -> Tokenizer | None:
    """What turns the symbols of a text back into it; None of other tasks."""
    if isinstance(task, HubText):
        return task.passages[1]
    return task.corpus.tokenizer if isinstance(task, Windows) else None
