"""Claim 22 of structural grokking: what greedy trees lose against exact ones.

Every span has a pass of its own, in which a mask hides the other words in every layer; ours takes one pass for all
spans that begin at a word. Value of a tree: the similarities of all its spans but the whole, single words included.
"""

import random
from collections.abc import Sequence
from functools import cache
from statistics import mean

import torch
from torch.nn.functional import cosine_similarity

from checks import sentences
from checks.compare import Line
from checks.kept import kept
from checks.released import STEPS, Released
from checks.sentences import OTHER, PREDICATES, Words

AUXILIARIES = (("does", "doesn't"), ("do", "don't"))  # one, more than one
# How often a question of the released data has a bare subject, or one with a phrase; columns as `PREDICATES`.
SHARES = ((0.007, 0.193, 0.206, 0.127, 0.0635, 0.0635), (0.078, 0.079, 0.079, 0.052, 0.026, 0.026))
Span = tuple[int, int]  # first word, last word


def question_vocabulary() -> dict[str, int]:
    """Number of every word of Question Formation."""
    words = {*sentences.DETERMINERS, *sentences.PREPOSITIONS, *sentences.RELATIVISERS, *sentences.ONE, *sentences.MANY}
    words |= {*sentences.PAST, *(word for pair in AUXILIARIES for word in pair), ".", "?", "quest", "decl"}
    return {word: i for i, word in enumerate(["<pad>", *sorted(words), "<end>", "<start>"])}


def with_auxiliaries(present: Words, source: random.Random) -> Words:
    """The same sentence with `do` or `does`, or their negation, before each verb."""
    found: Words = []
    for word in present:
        if word in OTHER:
            many = word in sentences.PAST
            found += [source.choice(AUXILIARIES[many]), word if many else OTHER[word]]
        else:
            found.append(word)
    return found


def statement(source: random.Random) -> Words:
    """A sentence that training turns into a question: its subject has no clause."""
    cells = [(subject, predicate) for subject in ("bare", "PP") for predicate in PREDICATES]
    (cell,) = source.choices(cells, [share for row in SHARES for share in row])
    nouns = sum(sentences.nouns_in(part) for part in cell)
    kind = (*cell, tuple(source.randrange(2) for _ in range(nouns)))
    return with_auxiliaries(sentences.written(kind, source)[1], source)


def alike(net: Released, row: Sequence[int]) -> dict[Span, float]:
    """Cosine of every span's summed states with those when only the start symbol and the span can be seen."""
    n = len(row) - 1
    spans = [(i, j) for i in range(n) for j in range(i, n)]
    place = torch.arange(n + 1)
    seen = torch.stack([(place == 0) | (place > i) & (place <= j + 1) for i, j in spans])
    tokens = torch.tensor([list(row)])
    net.eval()
    with torch.no_grad():
        whole = net.states(tokens)[0].double()
        apart = net.states(tokens.expand(len(spans), -1), ~seen[:, None, :].expand(-1, n + 1, -1)).double()
    sums = [(whole[i + 1 : j + 2].sum(0), own[i + 1 : j + 2].sum(0)) for (i, j), own in zip(spans, apart, strict=True)]
    inside, outside = (torch.stack(side) for side in zip(*sums, strict=True))
    return dict(zip(spans, cosine_similarity(inside, outside, -1).tolist(), strict=True))


def greedy(worth: dict[Span, float], first: int, last: int) -> tuple[float, set[Span]]:
    """Value and spans of the tree whose every split is the best by itself."""
    if first == last:
        return 0.0, {(first, last)}
    cut = max(range(first, last), key=lambda k: worth[first, k] + worth[k + 1, last])
    (left, spans), (right, others) = greedy(worth, first, cut), greedy(worth, cut + 1, last)
    return worth[first, cut] + worth[cut + 1, last] + left + right, {(first, last)} | spans | others


def best_and_mean(worth: dict[Span, float], words: int) -> tuple[float, float]:
    """Largest value of a tree, and the mean over trees whose every split is drawn evenly."""

    @cache
    def both(first: int, last: int) -> tuple[float, float]:
        if first == last:
            return 0.0, 0.0
        best, total = -float("inf"), 0.0
        for k in range(first, last):
            here = worth[first, k] + worth[k + 1, last]
            (left, left_mean), (right, right_mean) = both(first, k), both(k + 1, last)
            best = max(best, here + left + right)
            total += here + left_mean + right_mean
        return best, total / (last - first)

    return both(0, words - 1)


def left_branching(worth: dict[Span, float], words: int) -> float:
    """Value of (((w1 w2) w3) ...)."""
    return sum(worth[0, k] + worth[k + 1, k + 1] for k in range(words - 1))


def lost(net: Released, rows: Sequence[Sequence[int]]) -> tuple[float, float]:
    """What greedy trees lose, as a share of what exact ones gain, and how often the left-branching tree is exact."""
    less, gained, leftmost = [], [], []
    for row in rows:
        worth, words = alike(net, row), len(row) - 1
        (best, even), (found, _) = best_and_mean(worth, words), greedy(worth, 0, words - 1)
        less.append(best - found)
        gained.append(best - even)
        leftmost.append(left_branching(worth, words) > best - 1e-6)
    return mean(less) / mean(gained), mean(leftmost)


def splits(seeds: int, count: int = 200) -> list[Line]:
    """Claim 22 with the weights that our run of Question Formation has kept, and beside it Tense Inflection's."""
    source = random.Random(65)
    found: list[float] = []
    other: list[float] = []
    questions, pairs = question_vocabulary(), sentences.vocabulary(True)
    asked = [[questions[word] for word in ("<start>", *statement(source))] for _ in range(count)]
    past = [sentences.written(sentences.natural(source), source)[0] for _ in range(count)]
    told = [[pairs[word] for word in ("<start>", *words)] for words in past]
    for name, blocks, symbols, rows, own in (
        ("question", 6, len(questions), asked, found),
        ("tense", 4, len(pairs), told, other),
    ):
        for varied, tables in kept(f"structural_grokking.{name}", STEPS):
            if varied["seed"] in range(seeds):
                share, leftmost = lost(Released(symbols, blocks).holding(tables), rows)
                own.append(share)
                print(f"  {name}, seed {varied['seed']}: lost {share:.3f}; left-branching {leftmost:.3f}", flush=True)
    if not found:
        print("  `latebloom run structural_grokking.question --scale laptop` makes it, in 65 core-minutes", flush=True)
    lines = [
        Line("structural_grokking.22", "share lost by greedy trees", found, high=0.1, estimate="lost"),
        Line("structural_grokking.22", "the same, networks of Tense Inflection", other, high=0.1, estimate="lost"),
    ]
    return [line for line in lines if line.values]
