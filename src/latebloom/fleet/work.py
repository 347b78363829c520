"""Training one unit, wherever it runs: lock, header, loop, header again."""

import time
import traceback
from dataclasses import dataclass

import torch

from latebloom.errors import LatebloomError, RunFailed
from latebloom.fleet.layout import processor
from latebloom.fleet.unit import Unit
from latebloom.models import Parameters
from latebloom.runs.lock import writing
from latebloom.runs.run import Run
from latebloom.training.device import out_of_memory, training_arithmetic
from latebloom.training.loop import Watcher, train
from latebloom.training.measures import versions
from latebloom.training.population import Population


@dataclass(frozen=True)
class Result:
    """How a unit ended: finished, interrupted (resumable), or failed with the reason."""

    unit: Unit
    finished: bool
    failure: str | None = None


def work(unit: Unit, watcher: Watcher) -> Result:
    """Trains a unit to its end or until the watcher stops it. Failures come back as words."""
    try:
        with writing(unit.path):
            folder = unit.folder
            if folder.finished:
                return Result(unit, True)
            earlier = folder.header if (unit.path / "population.json").exists() else {}
            header = {
                "hash": unit.path.name,
                "member_hashes": list(unit.hashes),
                "versions": {"measures": versions(unit.members[0].measure), "torch": torch.__version__},
                "hardware": processor(),
                "status": "running",
                "seconds": earlier.get("seconds", 0.0),
                "members": [member.model_dump(mode="json") for member in unit.members],
            }
            folder.write_header(header)
            begun, finished = time.monotonic(), False
            try:
                with training_arithmetic():
                    population = Population.start(unit.members, initial_weights(unit))
                    finished = train(population, folder, watcher)
            finally:
                seconds = float(earlier.get("seconds", 0.0)) + time.monotonic() - begun
                folder.write_header({**header, "status": "finished" if finished else "interrupted", "seconds": seconds})
            return Result(unit, finished)
    except LatebloomError as error:
        return Result(unit, False, str(error))
    except Exception as error:  # a fault in one part must not take the other units with it
        return Result(unit, False, _in_words(unit, error))


def _in_words(unit: Unit, error: Exception) -> str:
    if out_of_memory(error):
        return f"{unit.path.name} needs more memory than there is: lower population or the batch size."
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{unit.members[0].name} stopped with {type(error).__name__}: {error} "
        f"(line {place.lineno} of {place.filename}). What had been kept is intact in {unit.path}."
    )


def initial_weights(unit: Unit) -> Parameters | None:
    """Weights to begin from, for each member those of the source run's member of the same seed."""
    start = unit.members[0].start
    if unit.start is None or start is None:
        return None
    source = Run(unit.start)
    if not source.finished:
        raise RunFailed(f"start: {source.label} is not finished, so there is nothing to begin from: {source.command}")
    table = source.members()
    tensors = []
    for member in unit.members:
        rows = table[table["seed"] == member.seed]
        if len(rows) != 1:
            raise RunFailed(
                f"start: {source.label} has {len(rows)} members of seed {member.seed}; it must have exactly one."
            )
        tensors.append(source.parameters(int(rows.iloc[0]["member"]), start.step))
    return {name: torch.stack([own[name] for own in tensors]) for name in tensors[0]}
