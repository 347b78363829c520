"""Sentences as integers: every sentence of a grammar has a number, so drawing, comparing and dropping repeats is fast.

Within a cell a sentence is a mixed-radix number (number features first, then one digit a word), so an integer drawn
uniformly is a sentence whose words and free numbers are drawn uniformly.

>>> int(Grammar.of(auxiliaries=True).capacity[0])  # bare + intransitive: 6 * 26 * 2 * 9
2808
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int

from latebloom.errors import LatebloomError
from latebloom.tasks.language.structure import CELLS, MAX_NUMBERS, MAX_WORDS, Template

Keys = Int[np.ndarray, " row"]
SMALL = 100_000  # cells up to this size are drawn from by shuffling all of them


@dataclass(frozen=True, eq=False)
class Sentences:
    """Decoded sentences; columns beyond a sentence's length are 0."""

    cell: Int[np.ndarray, " row"]
    length: Int[np.ndarray, " row"]
    numbers: Int[np.ndarray, "row feature"]  # 0 singular, 1 plural
    choices: Int[np.ndarray, "row pos"]  # which of the words of the slot's part of speech

    @property
    def template(self) -> Int[np.ndarray, " row"]:
        """Cell and number features as one integer: sentences with equal ones differ in words only."""
        return self.cell * 2**MAX_NUMBERS + self.numbers @ (2 ** np.arange(MAX_NUMBERS))


Accept = Callable[[Sentences], Bool[np.ndarray, " row"]]


@dataclass(frozen=True, eq=False)
class Grammar:
    """All sentences of one grammar, numbered cell after cell."""

    auxiliaries: bool
    templates: tuple[Template, ...]
    capacity: Int[np.ndarray, " cell"]
    first: Int[np.ndarray, " cell"]  # key of the first sentence of each cell

    @staticmethod
    @cache
    def of(auxiliaries: bool) -> "Grammar":
        """The grammar of Question Formation (with auxiliaries) or of Tense Inflection (without)."""
        templates = tuple(Template.build(cell, auxiliaries) for cell in range(len(CELLS)))
        capacity = np.array([int(np.prod(t.radices, dtype=np.int64)) for t in templates])
        return Grammar(auxiliaries, templates, capacity, np.concatenate([[0], np.cumsum(capacity)[:-1]]))

    def cells(self, keys: Keys) -> Int[np.ndarray, " row"]:
        """The cell of each sentence."""
        return np.searchsorted(self.first, keys, side="right") - 1

    def decode(self, keys: Keys) -> Sentences:
        """Number features and word choices of each sentence."""
        cell = self.cells(keys)
        numbers = np.zeros((len(keys), MAX_NUMBERS), dtype=np.int64)
        choices = np.zeros((len(keys), MAX_WORDS), dtype=np.int64)
        for own in np.unique(cell):
            template, rows = self.templates[own], np.flatnonzero(cell == own)
            digits = np.stack(np.unravel_index(keys[rows] - self.first[own], template.radices), axis=1)
            free = [f for f, fixed in enumerate(template.numbers) if fixed is None]
            for feature, fixed in enumerate(template.numbers):
                numbers[rows, feature] = digits[:, free.index(feature)] if fixed is None else fixed
            choices[np.ix_(rows, np.arange(len(template.slots)))] = digits[:, len(free) :]
        return Sentences(cell, np.array([len(t.slots) for t in self.templates])[cell], numbers, choices)

    def encode(self, cell: int, numbers: tuple[int, ...], choices: tuple[int, ...]) -> int:
        """The key of one sentence: the inverse of `decode`."""
        template = self.templates[cell]
        free = [number for number, fixed in zip(numbers, template.numbers, strict=True) if fixed is None]
        return int(self.first[cell]) + int(np.ravel_multi_index((*free, *choices), template.radices))

    def distinct(self, cell: int, count: int, generator: np.random.Generator, taken: Keys, accept: Accept) -> Keys:
        """Up to `count` different accepted sentences of a cell, none of them in `taken`, in random order.

        Fewer than `count` come back only where the cell has no more (exactly, up to `SMALL` sentences; beyond that
        a cell gives up after many fruitless rounds).
        """
        first, size = int(self.first[cell]), int(self.capacity[cell])
        own = taken[(taken >= first) & (taken < first + size)]
        if size <= SMALL:
            keys = first + generator.permutation(size)
            keys = keys[~np.isin(keys, own)]
            return keys[accept(self.decode(keys))][:count]
        kept = np.empty(0, dtype=np.int64)
        for _ in range(64):
            if len(kept) >= count:
                break
            keys = first + generator.integers(0, size, 2 * (count - len(kept)) + 16)
            keys = keys[~np.isin(keys, own)]
            keys = np.concatenate([kept, keys[accept(self.decode(keys))]])
            kept = keys[np.sort(np.unique(keys, return_index=True)[1])]
        return kept[:count]


def everything(sentences: Sentences) -> Bool[np.ndarray, " row"]:
    """Accepts every sentence."""
    return np.ones(len(sentences.cell), dtype=bool)


def draw(
    grammar: Grammar,
    shares: Float[np.ndarray, " cell"],
    count: int,
    generator: np.random.Generator,
    taken: Keys,
    accept: Accept = everything,
) -> Keys:
    """`count` different sentences, cells by `shares`, words uniform, in random order.

    A cell that has fewer sentences left than its share gives all it has; the rest come from the other cells by
    their shares. Raises `LatebloomError` where the grammar has too few sentences.
    """
    shares = np.asarray(shares, dtype=np.float64).copy()
    found: list[np.ndarray] = []
    missing = count
    while missing:
        if shares.sum() <= 0:
            raise LatebloomError(
                f"{count} different sentences were asked for, but only {count - missing} of the wanted structures are "
                "left: ask for fewer, or allow more structures."
            )
        wanted = generator.multinomial(missing, shares / shares.sum())
        for cell in np.flatnonzero(wanted):
            keys = grammar.distinct(int(cell), int(wanted[cell]), generator, taken, accept)
            if len(keys) < wanted[cell]:
                shares[cell] = 0.0
            found.append(keys)
            taken = np.concatenate([taken, keys])
        missing = count - sum(len(keys) for keys in found)
    return generator.permutation(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def after_repeats(
    shares: Float[np.ndarray, " cell"], capacity: Int[np.ndarray, " cell"], count: int
) -> Float[np.ndarray, " cell"]:
    """What shares become when sentences are drawn by `shares` and repeats dropped until `count` are left.

    After n draws a cell of size c and share p has c (1 - exp(-n p / c)) different sentences; n is found by
    bisection. Small cells lose: that is why a published table and published weights can disagree.
    """
    low, high = float(count), float(count)

    def left(draws: float) -> np.ndarray:
        return -capacity * np.expm1(-draws * shares / capacity)

    while left(high).sum() < count:
        high *= 2.0
        if high > 1e15:
            raise LatebloomError(f"The grammar has no {count} different sentences of these structures: ask for fewer.")
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle).sum() < count else (low, middle)
    return left(high) / left(high).sum()
