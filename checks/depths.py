"""Claim 12 of structural grokking: the loss on training rows at the end, by depth, with dropout off and on.

Sentences are written here in the released mix of copies and questions. No row is trained on twice (96,000 of 100,000
are used), so new rows of the same mix are the same thing. Loss as in training: the mean over the words of eight rows of
similar length, then over such batches. Beside it stands what a reader who knows the grammar would be at.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean, median

import torch
from torch.nn.functional import cross_entropy

from checks import sentences
from checks.compare import Line
from checks.kept import kept, layers
from checks.released import BATCH, STEPS, WINDOW, Released, padded
from checks.sentences import PREDICATES, SUBJECTS, Words
from checks.splits import AUXILIARIES, SHARES, question_vocabulary, with_auxiliaries

COPIES = 6560 / 11_000  # of released items; the others ask for the question
# How often a released copy has a bare subject, one with a phrase, and the three with a clause; columns as `PREDICATES`.
CLAUSES = (0.25, 0.25, 0.5)  # intransitive, transitive, with a subject of its own
COPIED = (
    (0.005, 0.130, 0.137, 0.091, 0.0455, 0.0455),
    (0.057, 0.052, 0.057, 0.036, 0.018, 0.018),
    *(tuple(own * share for share in (0.066, 0.069, 0.074, 0.0495, 0.02475, 0.02475)) for own in CLAUSES),
)
DEPTHS = (2, 4, 8, 10)  # beside six
NUMBERS = question_vocabulary()
KNOWN = [word for pair in AUXILIARIES for word in pair]
ALIKE = {  # parts of speech: where one is due, each word of it is as likely as the others
    "determiner": sentences.DETERMINERS,
    "noun": [*sentences.ONE, *sentences.MANY],
    "preposition": sentences.PREPOSITIONS,
    "relativiser": sentences.RELATIVISERS,
    "intransitive verb": sentences.INTRANSITIVE,
    "transitive verb": sentences.TRANSITIVE,
    "auxiliary": list(AUXILIARIES[0]),  # their number is the noun's
    "auxiliary of many": list(AUXILIARIES[1]),
}


@dataclass(frozen=True)
class Item:
    """A sentence, what is asked ("decl" or "quest"), the answer with its mark, and -log of the share of such rows."""

    words: Words
    task: str
    answer: Words
    surprise: float  # nats

    @property
    def row(self) -> list[int]:
        """All of it, as it is trained on."""
        return [NUMBERS[word] for word in ("<start>", *self.words, ".", self.task, *self.answer, "<end>")]


def question(words: Words) -> Words:
    """The main auxiliary in front: the second where a clause follows the first noun, else the first."""
    places = [place for place, word in enumerate(words) if word in KNOWN]
    main = places[words[2] in sentences.RELATIVISERS]
    return [words[main], *words[:main], *words[main + 1 :], "?"]


def item(source: random.Random) -> Item:
    """A row of training; questions about subjects with a clause are withheld from it."""
    copied = source.random() < COPIES
    table = COPIED if copied else SHARES
    shares = [share for row in table for share in row]
    cells = list(product(SUBJECTS[: len(table)], PREDICATES))
    (at,) = source.choices(range(len(cells)), shares)
    nouns = sum(sentences.nouns_in(part) for part in cells[at])
    kind = (*cells[at], tuple(source.randrange(2) for _ in range(nouns)))
    words = with_auxiliaries(sentences.written(kind, source)[1], source)
    here = (COPIES if copied else 1 - COPIES) * shares[at] / sum(shares)
    surprise = -math.log(here) + sum(math.log(len(own)) for word in words for own in ALIKE.values() if word in own)
    return Item(words, *(("decl", [*words, "."]) if copied else ("quest", question(words))), surprise)


def batches(items: Sequence[Item]) -> list[list[Item]]:
    """Eight rows of similar length at a time, sorted among 64 such batches as in training."""
    found = []
    for begin in range(0, len(items), WINDOW * BATCH):
        window = sorted(items[begin : begin + WINDOW * BATCH], key=lambda one: len(one.words))
        found += [window[i : i + BATCH] for i in range(0, len(window), BATCH)]
    return found


@dataclass(frozen=True)
class Losses:
    """Nats a word, and the share of answers of which every word is the likeliest."""

    whole: float  # as in training
    before: float  # of words up to the task token
    answer: float  # of those behind it
    right: float
    by_part: dict[str, float]  # of words behind the task token, by part of speech


def losses(net: Released, groups: Sequence[Sequence[Item]]) -> Losses:
    """What a network is at on batches, as it stands: with dropout if it trains, else without."""
    whole: list[float] = []
    before: list[float] = []
    answer: list[float] = []
    right: list[bool] = []
    parts: dict[str, list[float]] = {name: [] for name in ALIKE}
    for group in groups:
        rows = padded([one.row for one in group])
        seen, due = rows[:, :-1], rows[:, 1:]
        with torch.no_grad():
            logits = net(seen)
        each = cross_entropy(logits.mT, due, reduction="none")
        told = ((seen == NUMBERS["decl"]) | (seen == NUMBERS["quest"])).cumsum(1) > 0
        there = due != 0
        whole.append(float(each[there].mean()))
        before += each[there & ~told].tolist()
        answer += each[there & told].tolist()
        for name, words in ALIKE.items():
            parts[name] += each[told & torch.isin(due, torch.tensor([NUMBERS[word] for word in words]))].tolist()
        right += ((logits.argmax(-1) == due) | ~(there & told)).all(1).tolist()
    by_part = {name: mean(own) for name, own in parts.items() if own}
    return Losses(mean(whole), mean(before), mean(answer), mean(right), by_part)


def least(groups: Sequence[Sequence[Item]]) -> float:
    """The same loss of a reader who knows how rows are drawn and what must follow the task token."""
    return mean(sum(one.surprise for one in group) / sum(len(one.row) - 1 for one in group) for group in groups)


def depths(seeds: int, count: int = 1024) -> list[Line]:
    """Claim 12 with the weights that our run has kept, on rows of its own, the same for all depths."""
    source = random.Random(66)
    groups = batches([item(source) for _ in range(count)])
    found: dict[tuple[int, object], tuple[float, float]] = {}
    for varied, tables in kept("structural_grokking.question_depths", STEPS):
        if varied["seed"] in range(seeds):
            net = Released(len(NUMBERS), layers(tables)).holding(tables)
            own = losses(net.eval(), groups)
            torch.manual_seed(66)  # dropout's
            noisy = losses(net.train(), groups).whole
            found[layers(tables), varied["seed"]] = own.whole, noisy
            words = f"{own.whole:.4f} nats a word ({own.before:.3f} up to the task token, {own.answer:.4f} behind it), "
            words += f"with dropout {noisy:.3f}; answers right {own.right:.3f}"
            guessed = [f"{name} {loss:.2f}" for name, loss in own.by_part.items() if loss > 0.05]
            words += "; behind it " + ", ".join(guessed) if guessed else ""
            print(f"  {layers(tables)} layers, seed {varied['seed']}: {words}", flush=True)
    six = {seed: pair for (depth, seed), pair in found.items() if depth == 6}
    if not six or len(six) == len(found):
        words = "makes it, in 3.6 core-hours: six layers and others are asked for"
        print(f"  `latebloom run structural_grokking.question_depths --scale laptop` {words}", flush=True)
        return []
    middle = median(pair[0] for pair in six.values())
    print(f"  a reader who knows the grammar: {least(groups):.4f}; six layers, median {middle:.4f}", flush=True)
    return depths_lines(found)


def depths_lines(found: dict[tuple[int, object], tuple[float, float]]) -> list[Line]:
    """What claim 12 asks, from losses with dropout off and on [depth, seed]; only the first are the claim's."""
    lines = []
    for place, when in ((0, ""), (1, ", with dropout")):
        for depth in DEPTHS:
            seeds = [seed for own, seed in found if own == depth and (6, seed) in found]
            ratios = [found[depth, seed][place] / found[6, seed][place] for seed in seeds]
            what, estimate = f"loss of {depth} / 6 layers{when}", None if place else f"{depth} layers"
            lines.append(Line("structural_grokking.12", what, ratios, 0.98, 1.02, estimate))
    return [line for line in lines if line.values]
