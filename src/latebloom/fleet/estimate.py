"""What an experiment will cost, before it is spent: parameters, arithmetic, memory, time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from latebloom.fleet.unit import Unit
from latebloom.models import LOSSES
from latebloom.training import measures
from latebloom.training.device import training_arithmetic
from latebloom.training.experiment import Experiment
from latebloom.training.members import shape_key
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.population import Population
from latebloom.training.view import View

PROBE_SECONDS = 1.0  # for which a kind of population is stepped
ALL_PROBES_SECONDS = 60.0  # for all kinds together, as far as three steps of each leave it
FLOPS_A_BYTE = 80.0  # fitted to 38 populations on two cores: nine in ten take at most 1.35 times what this says
STEP = 2e6  # operations a step, whatever it does


@dataclass(frozen=True)
class Cost:
    """What one population costs."""

    members: int
    steps: int
    parameters: int  # of one member
    flops_per_step: float  # of one member, forward and backward
    memory: float  # bytes at its highest, without the interpreter and libraries
    seconds: float | None  # one process, with measurements; None: not timed, for want of memory or if nobody asked
    description: str


def cost(group: Sequence[Experiment], timed: bool = True, probe: float | None = None) -> Cost:
    """The cost of one population; `timed` steps it for a second or `probe`, keeping nothing, if memory allows."""
    first = max(group, key=train_rows)  # who has fewer rows than another is padded to as many
    signature = first.task.signature
    shapes = first.model.shapes(signature)
    parameters = sum(int(np.prod(shape.dims)) for shape in shapes.values() if shape.trained)
    rows = train_rows(first)
    memory = population_bytes(first, len(group))
    fits = memory < psutil.virtual_memory().available
    seconds = seconds_to_train(group, probe) if timed and fits else None
    return Cost(
        members=len(group),
        steps=first.training.steps,
        parameters=parameters,
        flops_per_step=3 * first.model.flops(signature, rows),
        memory=memory,
        seconds=seconds,
        description=f"{first.model.kind}, {first.task.kind}",
    )


def work_of(unit: Unit) -> float:
    """How long a unit takes beside others, in floating-point operations: its arithmetic, and the operations there would
    have been time for while activations were read and written, which is most of what narrow networks wait for.
    """
    first = max(unit.members, key=train_rows)
    signature, rows = first.task.signature, train_rows(first)
    size = 4 if first.training.precision == "float32" else 8
    step = 3 * first.model.flops(signature, rows) + FLOPS_A_BYTE * first.model.activation_bytes(signature, rows, size)
    return max(first.training.steps, 1) * len(unit.members) * (step + STEP)


def train_rows(member: Experiment) -> int:
    """Rows of one step."""
    counts = (getattr(member.task, name, None) for name in ("batch_size", "train_rows", "n_train"))
    return next((int(count) for count in counts if count is not None), 1)


def population_bytes(member: Experiment, count: int) -> float:
    """Bytes that so many members of one shape need: weights, gradients, optimiser state, rows, and a step's work."""
    size = 4 if member.training.precision == "float32" else 8
    signature, model = member.task.signature, member.model
    parameters = sum(int(np.prod(shape.dims)) for shape in model.shapes(signature).values())
    rows = train_rows(member)
    by_hand = model.by_hand(signature, LOSSES[member.training.loss])
    together = min(count, model.block) if by_hand and model.block else count
    derived = model.derived_bytes(signature, rows) if by_hand else 0.0
    own = (2 * parameters + _state_numbers(member)) * size + _row_bytes(member, size) + derived
    return count * own + together * model.activation_bytes(signature, rows, size)


def _state_numbers(member: Experiment) -> int:
    """How many numbers the optimiser keeps of one member: its own buffers, made where they take no memory."""
    shapes = member.model.shapes(member.task.signature)
    trained = {n: torch.empty((1, *shape.dims), device="meta") for n, shape in shapes.items() if shape.trained}
    state = OPTIMISERS[member.training.optimiser].init(trained, member.training.window)
    return sum(buffer.numel() for buffer in state.values())


def _row_bytes(member: Experiment, size: int) -> float:
    """Training and test rows: inputs, a label and a weight each."""
    counts = (getattr(member.task, name, None) or 0 for name in ("test_rows", "n_test"))
    rows = train_rows(member) + max(int(count) for count in counts)
    signature = member.task.signature
    return float(rows) * (signature.n_inputs * (8 if signature.d_vocab else size) * max(signature.n_ctx, 1) + 8 + size)


def seconds_to_train(group: Sequence[Experiment], probe: float | None = None) -> float:
    """Steps and measurements of a population, from a few of each timed here with the threads a worker would have."""
    with training_arithmetic():
        population = Population.start(group)
        population.advance(0)
        steps = seconds_per_step(population, PROBE_SECONDS if probe is None else probe)
        return steps * group[0].training.steps + measuring_seconds(population)


def seconds_per_step(population: Population, probe: float) -> float:
    """The mean over the steps of so many seconds, but three at least and no more than take ten seconds."""
    begun, steps = time.perf_counter(), 0
    while steps < 3 or time.perf_counter() - begun < probe:
        population.advance(steps + 1)
        steps += 1
        if time.perf_counter() - begun > 10 * PROBE_SECONDS:
            break
    return (time.perf_counter() - begun) / steps


def measuring_seconds(population: Population) -> float:
    """All measurements until the end, as long as each takes of the networks as they are."""
    together = Counter(map(tuple, measures.due_at(population.members[0]).values()))
    if not together:
        return 0.0
    first = Population.start(population.members[:1]) if len(population.members) > 1 else population
    return sum(count * _seconds_to_measure_all(names, population, first) for names, count in together.items())


def _seconds_to_measure_all(names: Sequence[str], population: Population, first: Population) -> float:
    """Where the `first` network alone takes long, the others are taken to need as long each."""
    alone = _seconds_to_measure(names, first)
    if first is population or alone >= PROBE_SECONDS:
        return alone * len(population.members)
    return _seconds_to_measure(names, population)


def _seconds_to_measure(names: Sequence[str], population: Population) -> float:
    """The faster of two times, since the first prepares what later ones share; where that was long, the first."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < 2 and seconds[0] < PROBE_SECONDS):
        begun = time.perf_counter()
        measures.take(names, View(population, 0))
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def costs(
    groups: Iterable[Sequence[Experiment]], timed: bool = True, tick: Callable[[int, int], None] | None = None
) -> list[Cost]:
    """The cost of every population; of populations of one shape, size and number of rows, one is timed.

    `tick` is told, before each kind, how many have been costed and how many there are.
    """
    keyed = [((shape_key(group[0]), len(group), max(map(train_rows, group))), group) for group in groups]
    kinds = dict(keyed)
    known: dict[tuple[str, int, int], Cost] = {}
    for key, group in kinds.items():
        if tick is not None:
            tick(len(known), len(kinds))
        known[key] = cost(group, timed, min(PROBE_SECONDS, ALL_PROBES_SECONDS / len(kinds)))
    return [known[key] for key, _ in keyed]
