"""The laboratory from Python: build an experiment, run it, read it, measure it.

>>> import latebloom
>>> run = latebloom.run("grokking.modular_addition", "seed=0:2", scale="smoke", home=getfixture("tmp_path"))
>>> frame = run.measurements()
>>> sorted(frame["seed"].unique().tolist())
[0, 1]
>>> network = latebloom.network(run, member=1)
>>> tuple(network(network.task.table()[:5]).shape)
(5, 67)
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latebloom import studies
from latebloom.errors import LatebloomError, RunFailed, StoreError
from latebloom.fleet.local import run_plan
from latebloom.fleet.plan import plan
from latebloom.fleet.queue import Display
from latebloom.models import Parameters
from latebloom.runs.home import find_run, home, run_folders
from latebloom.runs.run import Run
from latebloom.training.experiment import Experiment

__all__ = ["Network", "all_runs", "load", "network", "run"]


def run(
    experiment: str,
    *overrides: str,
    scale: str = "quick",
    home: Path | str | None = None,
    display: Display | None = None,
    workers: int | None = None,
) -> Run:
    """Trains (or continues, or finds finished) an experiment; words as on the command line, e.g. "seed=0:4".

    Raises `LatebloomError` for words that do not fit, `RunFailed` if a population could not be trained, and after
    Ctrl-C or SIGTERM `KeyboardInterrupt`, once checkpoints are kept: the same call goes on.
    """
    studies.load()
    laid = plan(experiment, scale, overrides, _root(home))
    results = run_plan(laid, display, workers)
    if failures := [result.failure for result in results if result.failure]:
        raise RunFailed("\n".join(failures))
    if not all(result.finished for result in results):
        raise KeyboardInterrupt(f"{experiment} was interrupted; the same call goes on from its last checkpoints.")
    return Run(laid.run)


def load(name: Path | str, home: Path | str | None = None) -> Run:
    """A run by path, label, or the beginning of its name or hash."""
    return Run(find_run(_root(home), str(name)))


def all_runs(home: Path | str | None = None) -> list[Run]:
    """Every run of a home (not called `runs`: that is the package of run folders).

    One that cannot be read is left out with a warning that names it.
    """
    found = []
    for path in run_folders(_root(home)):
        try:
            run = Run(path)
            run.check()
        except StoreError as error:
            warnings.warn(f"{error} The run is left out.", stacklevel=2)
            continue
        found.append(run)
    return found


@dataclass(frozen=True)
class Network:
    """One trained member at one step: call it on rows, or hand its parameters to any instrument."""

    specification: Experiment
    parameters: Parameters  # name -> tensor, without member axis
    step: int

    @property
    def task(self) -> Any:
        """The task it was trained on."""
        return self.specification.task

    @property
    def model(self) -> Any:
        """Its model specification."""
        return self.specification.model

    @property
    def population(self) -> Parameters:
        """Its parameters with a member axis of one, as the models take them."""
        return {name: value[None] for name, value in self.parameters.items()}

    def __call__(self, rows: Any, tap: Callable[[str, Tensor], Tensor] | None = None) -> Tensor:
        """Outputs [batch, out] for rows [batch, n_inputs]; of a sequence [batch, pos, out] for [batch, pos] or vectors.

        Raises `LatebloomError` for rows of another width, and for symbols the network has no row for.
        """
        inputs = self._checked(torch.as_tensor(rows))[None]
        out = self.model.forward(self.population, inputs, *([tap] if tap else []))
        return out[0]

    def _checked(self, rows: Tensor) -> Tensor:
        """Symbols as whole numbers within the vocabulary; vectors in the type of the weights."""
        wanted = self.task.signature
        if not (wanted.d_vocab and wanted.n_ctx) and rows.shape[-1:] != (wanted.n_inputs,):
            what = "symbols" if wanted.d_vocab else "numbers"
            raise LatebloomError(
                f"Rows of shape {tuple(rows.shape)}: this network takes {wanted.n_inputs} {what}, [..., "
                f"{wanted.n_inputs}]."
            )
        if not wanted.d_vocab:
            return rows.to(next(iter(self.parameters.values())).dtype)
        if rows.is_floating_point() and bool((rows != rows.round()).any()):
            raise LatebloomError("Rows hold fractions: this network takes symbols, whole numbers from 0.")
        whole = rows.long()
        outside = whole[(whole < 0) | (whole >= wanted.d_vocab)]
        if len(outside):
            raise LatebloomError(
                f"Symbol {int(outside[0])} is not among the {wanted.d_vocab} of this network, 0 to "
                f"{wanted.d_vocab - 1}."
            )
        return whole


def network(run: Run, member: int = 0, step: int | None = None) -> Network:
    """A member of a run as it was at a kept step (None: at its end)."""
    studies.load()
    parameters = run.parameters(member, step)
    at = run.snapshot_steps(member)[-1] if step is None else step
    return Network(Experiment.parse(run.specification(member)), parameters, at)


def _root(place: Path | str | None) -> Path:
    """The home that is meant, wherever one stands later; `~` is the user's folder, as in LATEBLOOM_HOME."""
    return home() if place is None else Path(place).expanduser().resolve()
