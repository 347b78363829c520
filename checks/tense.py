"""Claims 6 and 7 of structural grokking: whom the main verb agrees with in sentences that training has withheld.

`tense` puts the weights that our run has kept into plain networks, `tense_trained` trains one from random weights.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from checks import sentences
from checks.compare import Line
from checks.kept import kept
from checks.released import STEPS, Released, go_on, next_word, train
from checks.sentences import OTHER, RELATIVISERS, Words

LOOKED_AT = (3000, 6000, 9000, 12_000)
COPIES = 0.5826  # of ordinary items; the others put a sentence into the present
PAIRS = sentences.vocabulary(True)


@dataclass(frozen=True)
class Asked:
    """A row up to the word before a verb, that verb, the other rule's verb there, and what the main clause is like."""

    row: list[int]
    right: int
    nearest: int
    subject: str  # "phrase" or "clause" behind its noun (a bare subject counts as the first)


def source_of(words: Sequence[str], task: str) -> list[int]:
    """A row up to its task token."""
    return [PAIRS[word] for word in ("<start>", *words, ".", task)]


def ordinary(source: random.Random) -> tuple[Words, str, Words]:
    """Sentence, task and answer as in training: copies of any sentence, the present where both rules say the same."""
    if source.random() < COPIES:
        past, _ = sentences.written(sentences.natural(source), source)
        return past, "PAST", past
    while True:
        past, present = sentences.written(sentences.natural(source), source)
        if not sentences.in_conflict(present):
            return past, "PRESENT", present


def withheld(source: random.Random) -> tuple[Words, str, Words]:
    """A sentence to be put into the present whose nearest noun has not the number of the subject."""
    while True:
        past, present = sentences.written(sentences.natural(source), source)
        if sentences.in_conflict(present):
            return past, "PRESENT", present


def row_of(item: tuple[Words, str, Words]) -> list[int]:
    """A whole row, as it is trained on."""
    past, task, answer = item
    return [*source_of(past, task), *(PAIRS[word] for word in (*answer, ".", "<end>"))]


def main_asked(item: tuple[Words, str, Words]) -> Asked:
    """The main verb of the answer; labels come from reading the present, or for copies are the word itself."""
    past, task, answer = item
    if task == "PAST":
        verbs = [place for place, word in enumerate(answer) if word in sentences.PAST.values()]
        place = verbs[1] if answer[2] in RELATIVISERS else verbs[0]
        right = nearest = answer[place]
    else:
        place = sentences.main_verb(answer)
        verb = answer[place]
        right, nearest = (
            verb if sentences.agrees(answer[noun], verb) else OTHER[verb]
            for noun in (sentences.subject_of(answer, place), sentences.nearest_noun(answer, place))
        )
    kind = "clause" if answer[2] in RELATIVISERS else "phrase"
    row = [*source_of(past, task), *(PAIRS[word] for word in answer[:place])]
    return Asked(row, PAIRS[right], PAIRS[nearest], kind)


def shares(net: Released, asked: Sequence[Asked]) -> tuple[float, float]:
    """How often the likeliest of all words is the right verb, and that of the nearest noun."""
    said = next_word(net, [one.row for one in asked]).argmax(-1).tolist()
    return _share(said, asked, "right"), _share(said, asked, "nearest")


def _share(said: Sequence[int], asked: Sequence[Asked], which: str, subject: str = "") -> float:
    """How often a certain verb is said, of all sentences or of those whose subjects have a phrase or a clause."""
    pairs = zip(said, asked, strict=True)
    found = [word == getattr(one, which) for word, one in pairs if not subject or one.subject == subject]
    return mean(found) if found else math.nan


def written_right(net: Released, items: Sequence[tuple[Words, str, Words]]) -> float:
    """The published measure: sentences written whole, with the right parts of speech and the right main verb."""
    names = list(PAIRS)
    said = go_on(net, [source_of(past, task) for past, task, _ in items], PAIRS["<end>"], 15)
    return mean(
        _same_but_for_words([names[word] for word in found], [*answer, ".", "<end>"], sentences.main_verb(answer))
        for found, (_, _, answer) in zip(said, items, strict=True)
    )


def _same_but_for_words(found: Words, answer: Words, verb: int) -> bool:
    return [_part(word) for word in found] == [_part(word) for word in answer] and found[verb] == answer[verb]


def _part(word: str) -> str:
    """Part of speech; verbs in the present apart from those in the past, but for "read"."""
    for name, words in (
        ("determiner", sentences.DETERMINERS),
        ("preposition", sentences.PREPOSITIONS),
        ("relativiser", RELATIVISERS),
        ("noun", (*sentences.ONE, *sentences.MANY)),
        ("intransitive", (*sentences.INTRANSITIVE, *(OTHER[verb] for verb in sentences.INTRANSITIVE))),
        ("transitive", (*sentences.TRANSITIVE, *(OTHER[verb] for verb in sentences.TRANSITIVE))),
    ):
        if word in words:
            return name
    return word


def tense(seeds: int, count: int = 2000, written: int = 300) -> list[Line]:
    """Claims 6 and 7 with the weights that our run has kept, on sentences of its own."""
    source = random.Random(61)
    items = [withheld(source) for _ in range(count)]
    told, known = [main_asked(item) for item in items], [main_asked(ordinary(source)) for _ in range(count)]
    inside: dict[object, list[float]] = {}
    outside: dict[object, list[float]] = {}
    near: list[float] = []
    whole: list[float] = []
    for step in LOOKED_AT:
        members = kept("structural_grokking.tense", step)
        if not members:
            break
        for varied, tables in members:
            if varied["seed"] not in range(seeds):
                continue
            net = Released(len(PAIRS)).holding(tables)
            said = next_word(net, [one.row for one in told]).argmax(-1).tolist()
            own, right = shares(net, known)[0], _share(said, told, "right")
            phrase, clause, nearest = (
                _share(said, told, *which) for which in (("right", "phrase"), ("right", "clause"), ("nearest",))
            )
            inside.setdefault(varied["seed"], []).append(own)
            outside.setdefault(varied["seed"], []).append(right)
            words = f"  step {step}, seed {varied['seed']}: in the domain {own:.3f}; withheld {right:.3f}, behind a "
            words += f"phrase {phrase:.3f}, behind a clause {clause:.3f}; nearest noun {nearest:.3f}"
            if step == LOOKED_AT[-1]:
                near.append(nearest)
                whole.append(written_right(net, items[:written]))
                words += f"; written whole {whole[-1]:.3f}"
            print(words, flush=True)
    if not near:
        print("  `latebloom run structural_grokking.tense --scale laptop` makes it, in 22 core-minutes", flush=True)
        return []
    return tense_lines(list(inside.values()), list(outside.values()), near, whole)


def tense_lines(
    inside: Sequence[Sequence[float]], outside: Sequence[Sequence[float]], near: list[float], whole: list[float]
) -> list[Line]:
    """What claims 6 and 7 ask, from shares [seed][snapshot]."""
    ends = [own[-1] for own in outside]
    stops = [next((i for i, share in enumerate(own) if share >= 0.99), None) for own in inside]
    lost = [own[-1] - own[i] for own, i in zip(outside, stops, strict=True) if i is not None]
    most = [own[-1] - min(own) for own in outside]
    return [
        Line("structural_grokking.06", "end less first snapshot >= .99", lost, 0.3, estimate="first >= 0.99"),
        Line("structural_grokking.06", "end less lowest snapshot", most, 0.3, estimate="first >= 0.99"),
        Line("structural_grokking.07", "right main verb, mean of seeds", [mean(ends)], 0.6, estimate=""),
        Line("structural_grokking.07", "right main verb, by seed", ends, 0.6, estimate=""),
        Line("structural_grokking.07", "that of the nearest noun", near),
        Line("structural_grokking.07", "written whole", whole, -math.inf, math.inf),
    ]


def tense_trained(seeds: int, steps: int = 4000, count: int = 1000) -> list[Line]:
    """Claim 7 from random weights by plain code: the first 4,000 of 12,000 steps, three core-minutes a seed."""
    source = random.Random(62)
    told = [main_asked(withheld(source)) for _ in range(count)]
    known = [main_asked(ordinary(source)) for _ in range(count)]
    ends: list[tuple[float, float]] = []
    for seed in range(seeds):
        net = Released(len(PAIRS)).drawn(seed)

        def look(step: int, net: Released = net, seed: int = seed) -> None:
            right, nearest = shares(net, told)
            words = f"in the domain {shares(net, known)[0]:.3f}; withheld {right:.3f}, nearest noun {nearest:.3f}"
            print(f"  seed {seed}, step {step}: {words}", flush=True)

        train(net, lambda source: row_of(ordinary(source)), seed, steps, STEPS, 500, look)
        ends.append(shares(net, told))
    return [
        Line("structural_grokking.07", f"right main verb, step {steps}", [end[0] for end in ends], 0.6, estimate=""),
        Line("structural_grokking.07", f"that of the nearest noun, step {steps}", [end[1] for end in ends]),
    ]
