"""Random strings of nested brackets as arrays, their top-level components, and a reader that names a wrong bracket.

A string is a concatenation of components, each balanced and not divisible further; a component's shape is its
sequence of openings and closings, whatever the bracket types.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks.language.trees import Tree

CHUNK = 20_000


@dataclass(frozen=True, eq=False)
class Strings:
    """Bracket strings; `turn` is +1 at an opening, -1 at a closing, 0 beyond the end, `kind` the bracket type."""

    turn: Int[np.ndarray, "row pos"]
    kind: Int[np.ndarray, "row pos"]

    def __len__(self) -> int:
        return len(self.turn)

    def __getitem__(self, rows: np.ndarray | slice) -> "Strings":
        return Strings(self.turn[rows], self.kind[rows])

    @property
    def length(self) -> Int[np.ndarray, " row"]:
        """Brackets in each string."""
        return np.abs(self.turn).sum(1, dtype=np.int64)

    @property
    def depth(self) -> Int[np.ndarray, " row"]:
        """Deepest nesting of each string."""
        return self.turn.cumsum(1, dtype=np.int16).max(1).astype(np.int64)

    @property
    def components(self) -> Int[np.ndarray, " row"]:
        """Top-level components of each string."""
        return ((self.turn.cumsum(1, dtype=np.int16) == 0) & (self.turn != 0)).sum(1)

    @property
    def opener(self) -> Int[np.ndarray, "row pos"]:
        """At each closing the place of its opening, elsewhere -1."""
        depth = self.turn.cumsum(1, dtype=np.int16)
        found = np.full(self.turn.shape, -1)
        last = np.full((len(self), int(depth.max(initial=0)) + 2), -1)
        each = np.arange(len(self))
        for place in range(self.turn.shape[1]):
            opening, closing = self.turn[:, place] > 0, self.turn[:, place] < 0
            last[each[opening], depth[opening, place]] = place
            found[closing, place] = last[each[closing], depth[closing, place] + 1]
        return found


def joined(parts: Sequence[Strings]) -> Strings:
    """Rows of all parts, in order."""
    return Strings(np.concatenate([p.turn for p in parts]), np.concatenate([p.kind for p in parts]))


def sample(
    generator: np.random.Generator, count: int, n_types: int, max_depth: int, min_length: int, max_length: int
) -> Strings:
    """`count` random strings, fewer than that after those over `max_length` are dropped.

    At depth 0 stop with probability 1/2, refused below `min_length`, else open; at `max_depth` close; between them
    open or close with probability 1/2. Types are uniform. The published sampler (Murty et al. 2023) has no longest
    length.
    """
    turn = np.zeros((count, max_length), dtype=np.int8)
    depth = np.zeros(count, dtype=np.int64)
    alive = np.ones(count, dtype=bool)
    for place in range(max_length + 1):
        heads = generator.random(count) < 0.5
        if place >= min_length:
            alive &= ~((depth == 0) & heads)
        if place == max_length:
            break
        opening = (depth == 0) | ((depth < max_depth) & heads)
        turn[:, place] = np.where(alive, np.where(opening, 1, -1), 0)
        depth += turn[:, place]
    turn = turn[~alive]
    kind = generator.integers(0, n_types, turn.shape, dtype=np.int8)
    plain = Strings(turn, kind)
    opener = plain.opener
    kind = np.where(opener >= 0, np.take_along_axis(kind, np.maximum(opener, 0), axis=1), kind)
    return Strings(turn, np.where(turn == 0, 0, kind).astype(np.int8))


def samples(
    generator: np.random.Generator, n_types: int, max_depth: int, min_length: int, max_length: int
) -> Iterator[Strings]:
    """Chunks of random strings without end."""
    while True:
        yield sample(generator, CHUNK, n_types, max_depth, min_length, max_length)


@dataclass(frozen=True, eq=False)
class Components:
    """The components of many strings, in order: which string, how long, and a 64-bit hash of the shape."""

    row: Int[np.ndarray, " component"]
    length: Int[np.ndarray, " component"]
    shape: Int[np.ndarray, " component"]

    @staticmethod
    def of(strings: Strings) -> "Components":
        """Every top-level component."""
        parts = [Components._of(strings[first : first + CHUNK]) for first in range(0, len(strings), CHUNK)]
        rows = [part.row + number * CHUNK for number, part in enumerate(parts)]
        return Components(
            np.concatenate(rows),
            np.concatenate([part.length for part in parts]),
            np.concatenate([part.shape for part in parts]),
        )

    @staticmethod
    def _of(strings: Strings) -> "Components":
        turn = strings.turn
        ends = (turn.cumsum(1, dtype=np.int16) == 0) & (turn != 0)
        row, last = np.nonzero(ends)
        # A component begins where the one before it in its string ended, or at the string's beginning.
        first = np.where(np.diff(row, prepend=-1) > 0, 0, np.concatenate([[0], last[:-1] + 1]))
        code = _codes("shape", turn.shape[1], 2)
        start = np.zeros(turn.shape, dtype=np.int64)
        start[row, first] = first
        within = np.arange(turn.shape[1]) - np.maximum.accumulate(start, axis=1)
        total = np.where(turn != 0, code[within, (turn > 0).astype(np.int64)], 0).cumsum(1, dtype=np.uint64)
        before = np.where(first > 0, total[row, np.maximum(first - 1, 0)], 0).astype(np.uint64)
        return Components(row, last + 1 - first, total[row, last] - before)


def fingerprint(strings: Strings, types: bool = True) -> Int[np.ndarray, " row"]:
    """A 64-bit hash of each string, or of its openings and closings alone."""
    code = _codes("string", strings.turn.shape[1], 64)
    total = np.zeros(len(strings), dtype=np.uint64)
    for place in range(strings.turn.shape[1]):  # place by place: a whole table of 64-bit codes would be large
        turn = strings.turn[:, place]
        symbol = (turn > 0) + (2 * strings.kind[:, place] if types else 0)
        total += np.where(turn != 0, code[place, symbol], 0).astype(np.uint64)
    return total


def _codes(purpose: str, places: int, symbols: int) -> Int[np.ndarray, "place symbol"]:
    """A random 64-bit number for every symbol at every place; a string's hash is their sum (Zobrist)."""
    return stream(0, "bracket hash", purpose).integers(0, 2**64, (places, symbols), dtype=np.uint64)


def read_brackets(words: Sequence[str], max_depth: int | None = None) -> Tree:
    """The tree of a bracket string such as ``(a (b b) a)``; a `LatebloomError` names the bracket that is wrong.

    >>> print(read_brackets("(a (b b) a) (c c)".split()))
    (S (B (a (B (b b)) a)) (B (c c)))
    >>> read_brackets("(a b)".split())
    Traceback (most recent call last):
    latebloom.errors.LatebloomError: Token 2, 'b)', of '(a b)' closes 'b', but the innermost open bracket is '(a',
    token 1: 'a)' would be right.
    """
    open_: list[tuple[int, str, list[Tree]]] = []
    top: list[Tree] = []
    text = " ".join(words)
    for place, word in enumerate(words):
        inside = open_[-1][2] if open_ else top
        if len(word) == 2 and word[0] == "(":
            open_.append((place, word[1], [Tree("(", word=word)]))
            if max_depth is not None and len(open_) > max_depth:
                raise LatebloomError(f"Token {place + 1}, {word!r}, of {text!r} is nested deeper than {max_depth}.")
        elif len(word) == 2 and word[1] == ")":
            if not open_:
                raise LatebloomError(f"Token {place + 1}, {word!r}, of {text!r} closes a bracket, but none is open.")
            start, kind, children = open_.pop()
            if kind != word[0]:
                raise LatebloomError(
                    f"Token {place + 1}, {word!r}, of {text!r} closes {word[0]!r}, but the innermost open bracket is "
                    f"'({kind}', token {start + 1}: '{kind})' would be right."
                )
            inside = open_[-1][2] if open_ else top
            inside.append(Tree("B", (*children, Tree(")", word=word))))
        else:
            raise LatebloomError(f"Token {place + 1}, {word!r}, of {text!r} is no bracket: write '(a' or 'a)'.")
    if open_:
        waiting = ", ".join(f"'({kind}' (token {place + 1})" for place, kind, _ in open_)
        raise LatebloomError(f"{text!r} ends with brackets still open: {waiting}.")
    if not top:
        raise LatebloomError("An empty line is no bracket string: write for instance '(a a)'.")
    return Tree("S", tuple(top))
