"""The corpus of a source-to-target task: pools without repeats, withheld structures, and rows of tokens.

Evaluation splits are drawn before the training split, each from its own stream, so they do not depend on its size.
No declarative occurs twice, in one split or in two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.language.grammar import Accept, Grammar, Keys, Sentences, draw
from latebloom.tasks.language.shares import Shares
from latebloom.tasks.language.structure import MAX_NUMBERS, Template

COPY, TRANSFORM = 0, 1


@dataclass(frozen=True, eq=False)
class Mixture:
    """What a split is drawn from: the share of transformed items, and the structures of either kind."""

    transform: float
    shares: tuple[Shares, Shares]  # of copied and of transformed items
    accept: tuple[Accept, Accept]


@dataclass(frozen=True, eq=False)
class Rows:
    """Sentences of one split, what is asked of each, and whether its answer follows the linear rule."""

    grammar: Grammar
    keys: Keys
    task: Int[np.ndarray, " row"]  # COPY or TRANSFORM
    linear: np.ndarray  # [row] bool: the answer follows word order instead of structure

    @cached_property
    def sentences(self) -> Sentences:
        """The sentences as structures and word choices."""
        return self.grammar.decode(self.keys)

    def first(self, count: int | None) -> "Rows":
        """The first `count` rows, or all."""
        return Rows(self.grammar, self.keys[:count], self.task[:count], self.linear[:count])


def mixed(grammar: Grammar, mixture: Mixture, count: int, generator: np.random.Generator, taken: Keys) -> Rows:
    """`count` items of a mixture, no sentence twice."""
    task = (generator.random(count) < mixture.transform).astype(np.int64)
    keys = np.zeros(count, dtype=np.int64)
    counts = np.bincount(task, minlength=2)
    rationed = _rationed(grammar, mixture.shares, counts, taken)
    for kind in (TRANSFORM, COPY):
        own = np.flatnonzero(task == kind)
        keys[own] = draw(grammar, rationed[kind], len(own), generator, taken, mixture.accept[kind])
        taken = np.concatenate([taken, keys[own]])
    return Rows(grammar, keys, task, np.zeros(count, dtype=bool))


def _rationed(
    grammar: Grammar, shares: tuple[Shares, Shares], counts: np.ndarray, taken: Keys
) -> tuple[Shares, Shares]:
    """Shares cut down in cells that are too small for both kinds of item, so that both go short alike."""
    left = grammar.capacity - np.bincount(grammar.cells(taken), minlength=len(grammar.capacity))
    wanted = counts[0] * shares[0] + counts[1] * shares[1]
    cut = np.minimum(1.0, left / np.maximum(wanted, 1e-9))
    return shares[0] * cut, shares[1] * cut


def withheld(
    grammar: Grammar,
    quotas: Mapping[str, tuple[Shares, int]],
    accept: Accept,
    generator: np.random.Generator,
    taken: Keys,
    linear: bool = False,
) -> Rows:
    """Transformed items of structures that training does not show, so many of each quota, in random order."""
    found = []
    for shares, count in quotas.values():
        keys = draw(grammar, shares, count, generator, taken, accept)
        taken = np.concatenate([taken, keys])
        found.append(keys)
    keys = generator.permutation(np.concatenate(found))
    return Rows(grammar, keys, np.full(len(keys), TRANSFORM), np.full(len(keys), linear))


def together(first: Rows, second: Rows) -> Rows:
    """Rows of both."""
    return Rows(
        first.grammar,
        np.concatenate([first.keys, second.keys]),
        np.concatenate([first.task, second.task]),
        np.concatenate([first.linear, second.linear]),
    )


def number_patterns(template: Template) -> list[int]:
    """`Sentences.template` of every choice of the free number features of a cell.

    >>> number_patterns(Template.build(0, True))
    [0, 1]
    """
    patterns = [0]
    for feature, fixed in enumerate(template.numbers):
        values = (0, 1) if fixed is None else (fixed,)
        patterns = [pattern + (value << feature) for value in values for pattern in patterns]
    return [template.cell * 2**MAX_NUMBERS + pattern for pattern in patterns]


@dataclass(frozen=True, eq=False)
class Types:
    """A choice of sentence types: structures with the number of every noun (272 with auxiliaries)."""

    chosen: Int[np.ndarray, " type"]
    shares: Shares  # every chosen type equally often

    def accept(self, sentences: Sentences) -> np.ndarray:
        """Which sentences are of the chosen types."""
        return np.isin(sentences.template, self.chosen)


def choose_types(grammar: Grammar, allowed: Shares, count: int, room: int, seed: int) -> Types:
    """`count` types at random among the cells with a positive share that have at least `room` sentences a type."""
    candidates = [
        pattern
        for cell in np.flatnonzero(allowed > 0)
        for patterns in [number_patterns(grammar.templates[cell])]
        if grammar.capacity[cell] // len(patterns) >= room
        for pattern in patterns
    ]
    if len(candidates) < count:
        raise LatebloomError(
            f"Only {len(candidates)} of task.declarative_trees = {count} sentence types are allowed and have {room} "
            "sentences each: ask for fewer types, or for fewer training rows."
        )
    order = stream(seed, "corpus", "sentence types").permutation(len(candidates))
    chosen = np.array(candidates)[order[:count]]
    shares = np.bincount(chosen // 2**MAX_NUMBERS, minlength=len(allowed)).astype(float)
    return Types(chosen, shares / max(shares.sum(), 1.0))
