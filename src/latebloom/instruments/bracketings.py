"""Binary trees over the words of a sentence, as tables of their constituents.

A tree on n words is a Boolean table `[start, end]` over word places from 0: True at (i, j) where the words i..j, at
least two, are a constituent; the whole sentence is one. A binary tree has n - 1 of them. Single words are
constituents of every tree and are left out. Tables of several sentences are padded with False to the longest.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any table returned from this file changes

Nested = object
"""A word (anything), or a tuple or list of at least two of these."""

T = TypeVar("T")


def from_nested(trees: Sequence[Nested]) -> tuple[Bool[Tensor, "sentence start end"], Int[np.ndarray, "sentence"]]:
    """Tables and lengths (words) of trees written as nested tuples or lists; nodes may have more than two children.

    >>> table, lengths = from_nested([(("my", "walrus"), ("does", "sleep"))])
    >>> table[0].nonzero().tolist(), lengths.tolist()
    ([[0, 1], [0, 3], [2, 3]], [4])
    """
    if not trees:
        raise LatebloomError("No trees were given; give at least one, e.g. (('my', 'walrus'), ('does', 'sleep')).")
    found = [_constituents(tree, 0) for tree in trees]
    lengths = np.array([length for length, _ in found])
    table = torch.zeros(len(trees), lengths.max(), lengths.max(), dtype=torch.bool)
    for number, (_, spans) in enumerate(found):
        for first, last in spans:
            table[number, first, last] = True
    return table, lengths


def to_nested(table: Bool[Tensor, "start end"], words: Sequence[T]) -> object:
    """One tree as nested tuples of its words, to be read or printed; words no constituent joins stay side by side.

    >>> to_nested(from_nested([(0, (1, 2))])[0][0], ["my", "walrus", "sleeps"])
    ('my', ('walrus', 'sleeps'))
    """
    nodes: list[tuple[int, int, object]] = [(place, place, word) for place, word in enumerate(words)]
    for first, last in sorted(map(tuple, table.nonzero().tolist()), key=lambda span: span[1] - span[0]):
        inside = [node for node in nodes if first <= node[0] and node[1] <= last]
        at = nodes.index(inside[0])
        nodes[at : at + len(inside)] = [(first, last, tuple(node[2] for node in inside))]
    return nodes[0][2] if len(nodes) == 1 else tuple(node[2] for node in nodes)


def right_branching(lengths: Sequence[int] | Int[np.ndarray, "sentence"]) -> Bool[Tensor, "sentence start end"]:
    """Every node splits behind its first word."""
    return branching(lengths, lambda words: torch.ones_like(words))


def left_branching(lengths: Sequence[int] | Int[np.ndarray, "sentence"]) -> Bool[Tensor, "sentence start end"]:
    """Every node splits in front of its last word."""
    return branching(lengths, lambda words: words - 1)


def balanced(
    lengths: Sequence[int] | Int[np.ndarray, "sentence"], longer: str = "right"
) -> Bool[Tensor, "sentence start end"]:
    """Every node splits in the middle; of an odd number of words the `longer` half (right or left) has one more."""
    if longer not in ("right", "left"):
        raise LatebloomError(f"longer is {longer!r}; the longer half is 'right' or 'left'.")
    return branching(lengths, lambda words: (words + (longer == "left")) // 2)


def branching(
    lengths: Sequence[int] | Int[np.ndarray, "sentence"],
    left: Callable[[Int[Tensor, "#start end"]], Int[Tensor, "#start end"]],
) -> Bool[Tensor, "sentence start end"]:
    """Trees in which a node of so many words has `left(words)` of them on its left."""
    size = int(_whole(lengths).max())
    start, end = torch.arange(size).unsqueeze(-1), torch.arange(size)
    split = start + left(end - start + 1) - 1
    return from_splits(split.expand(len(lengths), size, size), lengths)


def from_splits(
    splits: Int[Tensor, "*lead sentence start end"], lengths: Sequence[int] | Int[np.ndarray, "sentence"]
) -> Bool[Tensor, "*lead sentence start end"]:
    """Trees from the split of every possible node: the last word of its left child, for the words start..end.

    Only the splits of nodes that turn out to be in the tree matter. Raises `LatebloomError` for lengths that do
    not fit.
    """
    size = splits.shape[-1]
    last = torch.as_tensor(check_lengths(lengths, splits), device=splits.device) - 1
    tree = torch.zeros(splits.shape, dtype=torch.bool, device=splits.device)
    tree[..., torch.arange(len(last), device=splits.device), 0, last] = True
    place = torch.arange(size, device=splits.device)
    for words in range(size, 1, -1):  # parents are longer than their children
        at, node = (table.diagonal(words - 1, -2, -1).unsqueeze(-1) for table in (splits, tree))
        there = (at == place) & node  # [..., start, split]
        tree[..., : size - words + 1, :] |= there
        tree[..., 1:, words - 1 :] |= there[..., :-1].transpose(-1, -2)
    tree[..., place, place] = False  # single words
    return tree


def check_lengths(lengths: Sequence[int] | Int[np.ndarray, "sentence"], table: Tensor) -> Int[np.ndarray, "sentence"]:
    """Lengths as an array; refuses those that do not fit a table `[..., sentence, start, end]`."""
    found = _whole(lengths)
    if table.ndim < 3 or table.shape[-1] != table.shape[-2] or found.shape != table.shape[-3:-2]:
        raise LatebloomError(
            f"A table of shape {tuple(table.shape)} does not fit {found.size} sentences; it must be "
            f"[..., {found.size}, words, words]."
        )
    if found.min() < 1 or found.max() > table.shape[-1]:
        raise LatebloomError(
            f"Lengths from {found.min()} to {found.max()} words do not fit a table for 1 to {table.shape[-1]} words."
        )
    return found


def _whole(lengths: Sequence[int] | Int[np.ndarray, "sentence"]) -> Int[np.ndarray, "sentence"]:
    """Lengths as whole numbers; refuses what are none, and no lengths at all."""
    try:
        found = np.asarray(lengths)
        with np.errstate(invalid="ignore"):  # NaN and infinities are no whole numbers, which the next line finds
            whole = found.astype(np.int64)
        fits = found.size > 0 and bool((whole == found).all())
    except (TypeError, ValueError, OverflowError):  # words, lists of different lengths, or too long for any sentence
        fits = False
    if not fits:
        raise LatebloomError(f"Lengths {lengths!r} are no numbers of words: give a whole number for each sentence.")
    return whole


def _constituents(tree: object, first: int) -> tuple[int, list[tuple[int, int]]]:
    """Words of a tree that begins at place `first`, and its constituents."""
    if not isinstance(tree, tuple | list):
        return 1, []
    if len(tree) < 2:
        raise LatebloomError(f"The node {tree!r} has {len(tree)} children; a node needs two, and a word is no tuple.")
    spans: list[tuple[int, int]] = []
    length = 0
    for child in tree:
        words, inside = _constituents(child, first + length)
        length += words
        spans += inside
    return length, [*spans, (first, first + length - 1)]
