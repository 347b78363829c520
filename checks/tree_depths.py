"""Claim 19 of structural grokking: the tree score by depth, each span in a pass of its own behind a mask.

The score of a sentence is what its greedy tree gains at every node over a split drawn evenly there, summed.
"""

import math
import random
from collections.abc import Mapping
from statistics import mean, median

from torch import Tensor

from checks import sentences
from checks.compare import Line
from checks.kept import kept, layers
from checks.released import STEPS, Released
from checks.splits import Span, alike, question_vocabulary, statement

ASKED = (("questions", "question_depths", 6, (2, 10)), ("tense", "tense_depths", 4, (2, 6)))


def score(worth: Mapping[Span, float], first: int, last: int) -> float:
    """The gain of the greedy tree of the words first..last over even splits at its nodes."""
    if first == last:
        return 0.0
    sums = [worth[first, k] + worth[k + 1, last] for k in range(first, last)]
    cut = first + sums.index(max(sums))
    return max(sums) - mean(sums) + score(worth, first, cut) + score(worth, cut + 1, last)


def rows_of(name: str, count: int) -> tuple[list[list[int]], int]:
    """Numbered sentences of a task behind the start symbol, and how many symbols there are."""
    source = random.Random(71)
    if name == "questions":
        numbers = question_vocabulary()
        written = [statement(source) for _ in range(count)]
    else:
        numbers = sentences.vocabulary(True)
        written = [sentences.written(sentences.natural(source), source)[0] for _ in range(count)]
    return [[numbers[word] for word in ("<start>", *words)] for words in written], len(numbers)


def tree_depths(seeds: int, count: int = 60) -> list[Line]:
    """Claim 19 with the weights that our runs have kept, on sentences of its own."""
    lines = []
    for name, run, best, others in ASKED:
        rows, symbols = rows_of(name, count)
        found: dict[int, dict[int, float]] = {}
        for varied, tables in kept(f"structural_grokking.{run}", STEPS):
            seed, depth = int(str(varied["seed"])), layers(tables)
            if seed in range(seeds) and depth in (best, *others):
                found.setdefault(depth, {})[seed] = of_network(tables, depth, rows, symbols)
        for depth, own in sorted(found.items()):
            told = " ".join(f"{value:.2f}" for value in own.values())
            print(f"  {name}, {depth} layers: {median(own.values()):.2f} ({told})", flush=True)
        for other in others:
            words = f"{name} {best} minus {other}"
            own, beside = found.get(best, {}), found.get(other, {})
            gained = [own[seed] - beside[seed] for seed in own if seed in beside]
            lines.append(Line("structural_grokking.19", f"{words}, kept weights", gained, 1e-9, math.inf, words))
    return lines


def of_network(tables: Mapping[str, Tensor], depth: int, rows: list[list[int]], symbols: int) -> float:
    """Mean score of a network's sentences."""
    net = Released(symbols, depth).holding(tables)
    return mean(score(alike(net, row), 0, len(row) - 2) for row in rows)
