"""Memory: what a member adds, beside what `latebloom plan` predicts and what weights and moments alone take."""

import math
import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor

from benchmarks.contestants import MAIN, advancing, parity
from benchmarks.measuring import Effort, Row
from latebloom.fleet.estimate import population_bytes
from latebloom.training.device import training_arithmetic
from latebloom.training.experiment import Experiment

STEPS = 2


def resident(experiment: Experiment, members: int) -> int:
    """The most memory that a process that trains so many members ever held, in bytes; what it began with included."""
    with training_arithmetic():
        once = advancing(experiment, members)
        for _ in range(STEPS):
            once()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def sizes(experiment: Experiment, counts: list[int]) -> list[int]:
    """Each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as workers:
        return [workers.submit(resident, experiment, count).result() for count in counts]


def predicted(experiment: Experiment, first: int, last: int) -> float:
    """Bytes a further member adds by the estimate of `plan`."""
    return (population_bytes(experiment, last) - population_bytes(experiment, first)) / (last - first)


def memory(effort: Effort) -> list[Row]:
    """Megabytes a further member adds, between few and some members and between some and many."""
    most = max(effort.members)  # few members would be lost in what the allocator keeps in hand
    few, some, many = max(1, most // 2), 2 * most, 4 * most
    rows = []
    for experiment in (MAIN, parity()):
        low, middle, high = sizes(experiment, [few, some, many])
        shapes = experiment.model.shapes(experiment.task.signature).values()
        size = sum(math.prod(shape.dims) for shape in shapes)
        for first, last, bytes_ in ((few, some, middle - low), (some, many, high - middle)):
            rows.append(
                Row.cost(
                    f"{experiment.name}, from E = {first} to {last}",
                    "MB/member",
                    bytes_ / (last - first) / 1e6,
                    predicted(experiment, first, last) / 1e6,
                    4 * 4 * size / 1e6,  # weight, gradient and two moments, four bytes each
                )
            )
    return rows
