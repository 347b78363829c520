"""How bracket strings are divided into training, in-distribution and held-out structures.

- `component`: what the released code of Murty et al. 2023 does. A fresh string is in distribution if the shape of
  every component occurred in training and the string is new; it is held out if any component's shape did not. Long
  components are nearly always new, so this is as much a split by length and depth as by structure.
- `string`: what their paper says. Held out if the openings and closings of the whole string match no training string.
- `length_matched`: ours. A quarter of all component shapes of `SHORTEST` brackets or more is withheld from training.
  Held-out strings have a withheld component and otherwise known ones, and each is paired with an in-distribution
  string of the same length, depth and number of components.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Bool

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.language.brackets import Components, Strings, fingerprint, joined

Split = Literal["component", "string", "length_matched"]
Chunks = Callable[[str], Iterator[Strings]]  # random strings without end, for one purpose
SHORTEST = 6
WITHHELD = 4  # one shape in so many
ROUNDS = 200  # chunks after which a split that does not fill is given up


def divide(chunks: Chunks, split: Split, n_train: int, n_val: int, n_gen: int, seed: int) -> dict[str, Strings]:
    """Splits `train`, `val` (in distribution) and `gen` (held-out structures)."""
    matched = split == "length_matched"
    salt = stream(seed, "withheld shapes").integers(0, 2**64, dtype=np.uint64) if matched else None
    train = _first(chunks("train"), n_train, lambda strings: ~_withheld(strings, salt))
    classify = _classifier(train, split, salt)
    if matched:
        val, gen = _matched(chunks("fresh"), classify, max(n_val, n_gen), seed)
    else:
        val, gen = _filled(chunks("fresh"), classify, n_val, n_gen)
    return {"train": train, "val": val[:n_val], "gen": gen[:n_gen]}


Rows = Bool[np.ndarray, " row"]
Classify = Callable[[Strings], tuple[Rows, Rows]]


def _withheld(strings: Strings, salt: np.uint64 | None) -> Rows:
    """Whether a string has a component of a withheld shape."""
    if salt is None:
        return np.zeros(len(strings), dtype=bool)
    components = Components.of(strings)
    return _any(components, _is_withheld(components, salt), len(strings))


def _is_withheld(components: Components, salt: np.uint64) -> np.ndarray:
    mixed = (components.shape ^ salt) >> np.uint64(7)
    return (mixed % np.uint64(WITHHELD) == 0) & (components.length >= SHORTEST)


def _any(components: Components, which: np.ndarray, count: int) -> Rows:
    return np.bincount(components.row[which], minlength=count) > 0


def _classifier(train: Strings, split: Split, salt: np.uint64 | None) -> Classify:
    """A function that tells which fresh strings are in distribution and which are held out."""
    known = np.unique(fingerprint(train))
    shapes = np.unique(Components.of(train).shape)
    patterns = np.unique(fingerprint(train, types=False))

    def classify(strings: Strings) -> tuple[Rows, Rows]:
        new = ~np.isin(fingerprint(strings), known)
        if split == "string":
            seen = np.isin(fingerprint(strings, types=False), patterns)
            return new & seen, ~seen
        components = Components.of(strings)
        unseen = ~np.isin(components.shape, shapes)
        if salt is None:
            foreign = _any(components, unseen, len(strings))
            return new & ~foreign, foreign
        withheld = _is_withheld(components, salt)
        strange = _any(components, unseen & ~withheld, len(strings))
        foreign = _any(components, withheld, len(strings))
        return new & ~foreign & ~strange, foreign & ~strange

    return classify


def _first(chunks: Iterator[Strings], count: int, keep: Callable[[Strings], Rows]) -> Strings:
    """The first `count` strings that are kept."""
    parts: list[Strings] = []
    found = 0
    for _, strings in zip(range(ROUNDS), chunks, strict=False):
        parts.append(strings[keep(strings)])
        found += len(parts[-1])
        if found >= count:
            return joined(parts)[:count]
    raise _unfilled("train", found, count)


def _filled(chunks: Iterator[Strings], classify: Classify, n_val: int, n_gen: int) -> tuple[Strings, Strings]:
    """Fresh strings of both sorts, as they come."""
    parts: tuple[list[Strings], list[Strings]] = ([], [])
    found = [0, 0]
    for _, strings in zip(range(ROUNDS), chunks, strict=False):
        for sort, which in enumerate(classify(strings)):
            parts[sort].append(strings[which])
            found[sort] += int(which.sum())
        if found[0] >= n_val and found[1] >= n_gen:
            return joined(parts[0]), joined(parts[1])
    raise _unfilled("val and gen", min(found), max(n_val, n_gen))


def _matched(chunks: Iterator[Strings], classify: Classify, count: int, seed: int) -> tuple[Strings, Strings]:
    """`count` pairs, one string in distribution and one held out, alike in length, depth and number of components."""
    parts: tuple[list[Strings], list[Strings]] = ([], [])
    generator, found, look = stream(seed, "pairs"), 0, 1
    for chunk, strings in zip(range(1, ROUNDS + 1), chunks, strict=False):
        for sort, which in enumerate(classify(strings)):
            parts[sort].append(strings[which])
        if chunk < look and chunk < ROUNDS:
            continue
        look += max(1, look // 2)  # pairing looks at everything found so far, so it waits for enough that is new
        inside, outside = joined(parts[0]), joined(parts[1])
        first, second = _pairs(_size(inside), _size(outside))
        found = len(first)
        if found >= count:
            order = generator.permutation(found)[:count]
            return inside[first[order]], outside[second[order]]
    raise _unfilled("val and gen", found, count)


def _size(strings: Strings) -> np.ndarray:
    """Length, depth and number of components as one number."""
    return (strings.length * 1000 + strings.depth) * 1000 + strings.components


def _pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of as many pairs of equal values as there are, each element used once."""
    keys, orders = [], []
    for values in (first, second):
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)  # which of its equals
        keys.append(np.stack([ordered, rank], axis=1))
        orders.append(order)
    one, other = (np.ascontiguousarray(key).view([("value", key.dtype), ("rank", key.dtype)])[:, 0] for key in keys)
    _, left, right = np.intersect1d(one, other, return_indices=True)
    return orders[0][left], orders[1][right]


def _unfilled(name: str, found: int, count: int) -> LatebloomError:
    return LatebloomError(
        f"Only {found} of {count} bracket strings for {name} were found: ask for fewer strings, or for longer ones "
        "(task.max_length), more bracket types (task.n_types) or deeper nesting (task.max_depth)."
    )
