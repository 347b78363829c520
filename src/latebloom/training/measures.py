"""Measurements by name: thin adapters from a population to an instrument. A study adds its own the same way.

A measure returns one tensor [member] for each column, or [member, k] for a short vector (a list column).

A member that has diverged has outputs that say nothing, though the largest of them can still be counted: where its
loss is not finite, what was read from its outputs is NaN.
"""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from latebloom.data import Batch
from latebloom.errors import LatebloomError, RunFailed
from latebloom.instruments import norms, stability
from latebloom.registry import Registry
from latebloom.training.device import out_of_memory
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.view import View

Columns = dict[str, Tensor]
MEASURES: Registry["Adapter"] = Registry("measure")


@dataclass(frozen=True)
class Adapter:
    """A named measure and its version, which goes into every run's hash; whether it reads weights and no outputs."""

    name: str
    version: int
    measure: Callable[[View], Columns]
    of_weights: bool = False


def measure(
    name: str, version: int = 1, of_weights: bool = False
) -> Callable[[Callable[[View], Columns]], Callable[[View], Columns]]:
    """A decorator that enters a measure into the table.

    One `of_weights` alone is kept where a member's outputs are no numbers any more.
    """

    def enter(function: Callable[[View], Columns]) -> Callable[[View], Columns]:
        MEASURES.register(name)(Adapter(name, version, function, of_weights))
        return function

    return enter


def versions(measures: Sequence[Measure]) -> dict[str, int]:
    """Name -> version of everything that is measured; `fit` always is."""
    return {name: MEASURES[name].version for name in ("fit", *(m.name for m in measures))}


@measure("fit", version=2)
def fit(view: View) -> Columns:
    """Loss, and accuracy where targets are labels, on every split: `train_loss`, `test_accuracy`, ...

    Each member over its own rows and places. A member whose loss on a split is not finite has accuracy NaN on it.
    """
    columns = {}
    for split, batch in view.splits.items():
        loss = columns[f"{split}_loss"] = batch.mean(view.losses(split))
        if batch.targets.is_floating_point():
            continue
        right = view.logits(split).argmax(-1) == batch.targets
        # Counts, not a sum of shares: a member with every row right has accuracy 1, not 1 + 1e-7.
        counted = (right * batch.weight).flatten(1).sum(1)
        columns[f"{split}_accuracy"] = _unknown(counted / batch.weight.flatten(1).sum(1), ~loss.isfinite())
    return columns


@measure("norms", of_weights=True)
def weight_norms(view: View) -> Columns:
    """L1 and L2 norm of all trained weights (`l1_norm`, `l2_norm`), and L2 of each table (`l2_norm_<table>`)."""
    l2 = norms.l2_norms(view.trained)
    tables = {f"l2_norm_{name}": value for name, value in l2.tables.items()}
    return {"l1_norm": norms.l1_norms(view.trained).total, "l2_norm": l2.total} | tables


def training_rows(view: View, name: str) -> Batch:
    """The fixed training rows that the measure `name` reads; refuses tasks that have none, or no labels."""
    task = view.population.task
    if task.signature.n_ctx or task.signature.real_targets or "train" not in view.splits:
        raise LatebloomError(
            f"{name} reads fixed training rows with one label each; the task {task.kind!r} gives "
            f"{'sequences' if task.signature.n_ctx else 'others'}. Tasks such as modular and parity have them; "
            f"measure.{name}=false leaves the measure out."
        )
    return view.splits["train"]


@measure("stability")
def numerical_stability(view: View) -> Columns:
    """Softmax collapse, zero-loss share, logit scale and margin on the training rows, and -gradient/weight cosine."""
    train = training_rows(view, "stability")
    logits = view.logits("train") * view.population.hyper["logit_scale"][:, None, None]
    mask = train.weight > 0
    return {
        "softmax_collapse": stability.softmax_collapse_share(logits, mask),
        "zero_loss": stability.zero_loss_share(view.losses("train"), mask),
        "logit_rms": stability.logit_rms(logits, mask),
        "train_margin": stability.mean_margin(logits, train.targets, mask),
        "nlm_alignment": stability.gradient_alignment(view.gradient, view.trained).total,
    }


def due_at(experiment: Experiment) -> dict[int, list[str]]:
    """What is measured at each step, beside `fit`: everything at log steps, but for what has steps of its own."""
    total = experiment.training.steps
    due = {step: [m.name for m in experiment.measure if m.when is None] for step in experiment.log.steps(total)}
    for measure in experiment.measure:
        for step in measure.when.steps(total) if measure.when else ():
            due.setdefault(step, []).append(measure.name)
    return due


def take(due: Sequence[str], view: View) -> dict[str, Columns]:
    """The columns of all measures that are due, by measure, and always those of `fit`.

    Where none of a member's losses is finite, what the others read from its outputs is NaN, but for whole numbers.
    """
    with torch.no_grad():
        taken = {name: _measured(name, view) for name in ("fit", *due)}
    losses = [value for name, value in taken["fit"].items() if name.endswith("_loss")]
    if not losses or bool((known := torch.stack(losses).isfinite().any(0)).all()):
        return taken
    read = [name for name in due if not MEASURES[name].of_weights]
    return taken | {name: {key: _unknown(value, ~known) for key, value in taken[name].items()} for name in read}


def _unknown(value: Tensor, lost: Bool[Tensor, " member"]) -> Tensor:
    """The same numbers, NaN for members that are lost; whole numbers stay, since they have no NaN."""
    if not value.is_floating_point():
        return value
    return value.masked_fill(lost.to(value.device).view(-1, *[1] * (value.ndim - 1)), torch.nan)


def _measured(name: str, view: View) -> Columns:
    """One measure's columns; where it meets a task or a network that it was not written for, that is said."""
    try:
        return MEASURES[name].measure(view)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if out_of_memory(error):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise RunFailed(
            f"The measure {name!r} stopped with {type(error).__name__}: {error} (line {place.lineno} of "
            f"{place.filename}). It may not be made for task.kind = {view.population.task.kind!r} and model.kind = "
            f"{view.population.model.kind!r}: measure.{name}=false leaves it out, `latebloom ls measures` lists others."
        ) from error
