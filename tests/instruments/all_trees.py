"""Every binary tree of a few words, and slow answers about them."""

from functools import cache

import torch


@cache
def all_trees(first, last):
    """Every binary tree over the words first..last, as a frozen set of all its spans, single words included."""
    if first == last:
        return (frozenset({(first, last)}),)
    return tuple(
        left | right | {(first, last)}
        for split in range(first, last)
        for left in all_trees(first, split)
        for right in all_trees(split + 1, last)
    )


def by_random_splits(first, last):
    """Every binary tree with its probability when each node's split is drawn evenly."""
    if first == last:
        yield frozenset({(first, last)}), 1.0
        return
    for split in range(first, last):
        for left, p in by_random_splits(first, split):
            for right, q in by_random_splits(split + 1, last):
                yield left | right | {(first, last)}, p * q / (last - first)


def table_of(tree, size):
    """A set of spans as a table of constituents."""
    table = torch.zeros(size, size, dtype=torch.bool)
    for first, last in tree:
        table[first, last] = first < last
    return table


def spans_of(table):
    """A table of constituents as a set of spans, single words left out."""
    return frozenset(map(tuple, table.nonzero().tolist()))


def value(similarity, tree, n):
    """Sum over all spans but the root."""
    return sum(float(similarity[span]) for span in tree if span != (0, n - 1))
