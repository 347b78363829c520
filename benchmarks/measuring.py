"""How a speed is measured: in turn, in one process, with one thread, by processor time, as a median.

Contestants take turns, so that a machine that slows down slows them all. Processor time leaves out the time in which
other programs have the core; what they do to caches stays in, so compare the ratios of one run, not two runs.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Effort:
    """How long and how large: rounds of turns, seconds of one turn, numbers of members, lengths of sequences."""

    rounds: int = 9
    seconds: float = 0.25
    members: tuple[int, ...] = (1, 16, 64)
    places: tuple[int, ...] = (64, 256, 1024, 4096)


@dataclass(frozen=True)
class Row:
    """One line of the table. A rate is better when larger; a cost (bytes, steps) when smaller."""

    name: str
    unit: str
    ours: float
    peer: float | None  # the plain loop; for memory what `plan` predicts
    floor: float | None  # the bound set by the machine, in the same unit
    ratio_to_peer: float | None
    share_of_floor: float | None  # 1 would be the bound itself

    @classmethod
    def rate(cls, name: str, unit: str, ours: float, peer: float | None = None, floor: float | None = None) -> "Row":
        """A row of things done in a second."""
        return cls(name, unit, ours, peer, floor, peer and ours / peer, floor and ours / floor)

    @classmethod
    def cost(cls, name: str, unit: str, ours: float, peer: float | None = None, floor: float | None = None) -> "Row":
        """A row of something spent."""
        return cls(name, unit, ours, peer, floor, peer and ours / peer, floor and floor / ours)


def rate(once: Callable[[], object], seconds: float, clock: Callable[[], float] = time.process_time) -> float:
    """How often `once` runs in a second of the clock."""
    count, begun = 0, clock()
    while True:
        once()
        count += 1
        if (spent := clock() - begun) >= seconds:
            return count / spent


def in_turn(
    contestants: Mapping[str, Callable[[], object]],
    effort: Effort,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Median over rounds of how often each contestant runs in a second; the first run of each is not counted."""
    for once in contestants.values():
        once()
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(effort.rounds):
        for name, once in contestants.items():
            found[name].append(rate(once, effort.seconds, clock))
    return {name: statistics.median(values) for name, values in found.items()}


def matrix_product(size: int = 1024) -> tuple[Callable[[], object], float]:
    """A square float32 product, and its arithmetic in floating-point operations."""
    left, right, out = torch.ones(3, size, size).unbind()
    return lambda: torch.mm(left, right, out=out), 2.0 * size**3
