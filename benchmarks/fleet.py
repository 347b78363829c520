"""All cores at once, by wall-clock time: a population shared out over worker processes, as `latebloom run` does it.

The peer has all cores too: one plain loop with a thread for each, as PyTorch does by itself, or with one where that is
faster (threads that wait for each other are slow on a busy machine).
"""

import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.pool import Pool

import torch

from benchmarks.contestants import MAIN, Plain, advancing, flops, parity
from benchmarks.measuring import Effort, Row, matrix_product, rate
from latebloom.fleet.local import cores
from latebloom.training.device import training_arithmetic
from latebloom.training.experiment import Experiment

_worker = contextlib.ExitStack()  # lives as long as the worker
_here: dict[str, Callable[[], object]] = {}


def prepare(experiments: list[Experiment], members: int) -> None:
    """Sets a worker up: one thread, its members, warm."""
    _worker.enter_context(training_arithmetic())
    _here.update({"product": matrix_product()[0], **{own.name: advancing(own, members) for own in experiments}})
    for once in _here.values():
        once()


def turn(job: tuple[str, float, float]) -> float:
    """One contestant's rate in this worker; all workers begin at the same moment."""
    name, begin, seconds = job
    time.sleep(max(0.0, begin - time.time()))
    return rate(_here[name], seconds, time.perf_counter)


def together(pool: Pool, workers: int, name: str, seconds: float) -> float:
    """A contestant's rate in all workers together."""
    return sum(pool.map(turn, [(name, time.time() + 0.05, seconds)] * workers, chunksize=1))


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads inside an operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fleet(effort: Effort) -> list[Row]:
    """Member-steps a second of all workers together, beside a plain loop that has the machine to itself."""
    workers, total = cores(), max(effort.members[:2])
    members, seconds = -(-total // workers), 2 * effort.seconds
    experiments = [MAIN, parity(16), parity(32)]
    plain = {own.name: Plain(own).step for own in experiments}
    found: dict[str, list[float]] = {"product": []}
    with multiprocessing.get_context("spawn").Pool(workers, prepare, (experiments, members)) as pool:
        for _ in range(effort.rounds):
            found["product"].append(together(pool, workers, "product", seconds))
            for name, once in plain.items():
                found.setdefault(name, []).append(together(pool, workers, name, seconds))
                for count in {1, workers}:
                    with threads(count):
                        found.setdefault(f"plain {name} {count}", []).append(rate(once, seconds, time.perf_counter))
    rates = {name: statistics.median(values) for name, values in found.items()}
    return [
        Row.rate(
            f"{own.name}, {workers} workers, E = {members} each",
            "member-steps/s (wall)",
            members * rates[own.name],
            max(rates[f"plain {own.name} {count}"] for count in {1, workers}),
            rates["product"] * matrix_product()[1] / flops(own),
        )
        for own in experiments
    ]
