"""The training loop, top to bottom: restore, measure, keep, step.

Step s means after s updates. Measurements at step s see the parameters after s updates; so do snapshots.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.runs.population import PopulationFolder, Row
from latebloom.training import measures
from latebloom.training.population import Population
from latebloom.training.view import View

ANCHORS = 4  # checkpoints kept along the way, so that a window can be replayed without starting at zero


@dataclass(frozen=True)
class Report:
    """What a watcher is told at each log step."""

    step: int
    total: int
    seconds: float  # of this session
    since: int  # the step this session began at
    columns: dict[str, np.ndarray]  # [member], NaN for members that have ended
    active: int
    members: int


class Watcher(Protocol):
    """Hears of progress and may ask to stop."""

    def report(self, report: Report) -> None:
        """Called at each log step."""

    def stopping(self) -> bool:
        """Asked at every step; true ends the session with a checkpoint."""


@dataclass
class Pending:
    """What has been recorded since the last commitment."""

    rows: list[tuple[int, np.ndarray, Row]] = field(default_factory=list)
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)


def train(
    population: Population,
    folder: PopulationFolder,
    watcher: Watcher,
    checkpoint_seconds: float = 20.0,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Trains until the end or until the watcher asks to stop; returns whether the end was reached.

    Goes on from the folder's last checkpoint. A kill at any moment loses at most what came after it.
    """
    step = _restore(population, folder)
    first = population.members[0]
    total = first.training.steps
    due_at, log_at = measures.due_at(first), set(first.log.steps(total))
    keep_at = set(first.snapshots.steps(total))
    anchors = frozenset(total * i // ANCHORS for i in range(1, ANCHORS))
    begun = committed = clock()
    since, pending = step, Pending()
    recorded = folder.manifest["parts"][-1]["last"] if folder.manifest["parts"] else -1

    while True:
        if step in due_at and step > recorded:
            columns = observe(population, step, due_at[step], pending, log=step in log_at)
            watcher.report(_report(population, step, total, clock() - begun, since, columns))
        if step >= total > 0:
            population.check(step)
        over = step >= total or not bool(population.active.any())
        if (step in keep_at or over) and step not in folder.snapshot_steps:
            pending.snapshots[step] = {name: value.detach().clone() for name, value in population.params.items()}
        stop = watcher.stopping()
        if over or stop or step in anchors or clock() - committed > checkpoint_seconds:
            folder.commit(step, pending.rows, pending.snapshots, population.tensors(), population.progress(), anchors)
            pending, committed = Pending(), clock()
        if over or stop:
            return over
        population.advance(step)
        step += 1


def zoom(
    population: Population, folder: PopulationFolder, first: int, last: int, stride: int, watcher: Watcher
) -> bool:
    """Replays a window of a run exactly, from the checkpoint before it, and measures it every `stride` steps."""
    found = folder.last_checkpoint(before=first)
    step = 0
    if found is not None:
        step, tensors, progress = found
        population.restore(tensors, progress)
    names = [measure.name for measure in population.members[0].measure]
    pending = Pending()
    since, begun = step, time.monotonic()
    done_at = _done_at(folder)
    while step <= last:
        if step >= first and (step - first) % stride == 0:
            columns = observe(population, step, names, pending, stops=False)
            watcher.report(_report(population, step, last, time.monotonic() - begun, since, columns))
        if step in done_at:
            population.end(torch.tensor([at == step for at in done_at]) & population.active, step, diverged=False)
        if watcher.stopping():
            return False
        if step < last:
            population.advance(step)
        step += 1
    folder.add_zoom(first, last, pending.rows)
    return True


def observe(
    population: Population, step: int, due: list[str], pending: Pending, log: bool = True, stops: bool = True
) -> dict[str, np.ndarray]:
    """Measures the population; rows of members that had ended before are left out. Returns all columns, NaN there.

    Between log steps the stopping rule sees what is due by a schedule of its own, so that measuring more ends no
    training earlier.
    """
    taken = measures.take(due, View(population, step))
    arrays = {name: value.detach().cpu().numpy() for columns in taken.values() for name, value in columns.items()}
    present = population.active.nonzero()[:, 0].numpy()
    pending.rows.append((step, present, {name: value[present] for name, value in arrays.items()}))
    shown = {}
    for name, value in arrays.items():
        if value.ndim == 1:
            shown[name] = np.full(len(value), np.nan)
            shown[name][present] = value[present]
    if stops:
        watched = set(arrays) if log else {column for name in due for column in taken[name]}
        _retire(population, step, {name: value for name, value in shown.items() if name in watched})
    return shown


def _retire(population: Population, step: int, columns: dict[str, np.ndarray]) -> None:
    """Ends members that have met the stopping rule at enough consecutive logs."""
    rule = population.training.stop
    if rule is None:
        return
    if rule.metric not in columns:
        if step > 0:  # everything is measured at step 0; at this one the metric was not due
            return
        known = ", ".join(sorted(columns))
        raise LatebloomError(f"training.stop.metric = {rule.metric!r} is not measured. Measured: {known}.")
    values = columns[rule.metric]
    met = np.ones(len(values), dtype=bool)
    if rule.at_least is not None:
        met &= values >= rule.at_least
    if rule.at_most is not None:
        met &= values <= rule.at_most
    population.streak = [streak + 1 if ok else 0 for streak, ok in zip(population.streak, met, strict=True)]
    done = population.active.clone()
    for member, streak in enumerate(population.streak):
        done[member] &= streak >= rule.logs
    population.end(done, step, diverged=False)


def _done_at(folder: PopulationFolder) -> list[int | None]:
    """The step at which the stopping rule ended each member; one that diverges does so again by itself."""
    told = folder.progress
    return [None if bad else at for at, bad in zip(told["ended_at"], told["diverged"], strict=True)] if told else []


def _restore(population: Population, folder: PopulationFolder) -> int:
    found = folder.last_checkpoint()
    if found is None:
        return 0
    step, tensors, progress = found
    population.restore(tensors, progress)
    return step


def _report(
    population: Population, step: int, total: int, seconds: float, since: int, columns: dict[str, np.ndarray]
) -> Report:
    active = int(population.active.sum())
    return Report(step, total, seconds, since, columns, active, len(population.members))
