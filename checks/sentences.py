"""Sentences of Tense Inflection and of simple agreement, written word by word, and read again by their words alone.

Words and grammar are those of McCoy, Frank & Linzen 2020 (arXiv 2001.03632). Writing knows which number it chose for
every noun; reading does not, and takes subjects from where words stand. So a label never comes from what wrote the
sentence.
"""

import random
from collections.abc import Sequence
from itertools import product

DETERMINERS = ["the", "some", "my", "your", "our", "her"]
PREPOSITIONS = ["around", "near", "with", "upon", "by", "behind", "above", "below"]
RELATIVISERS = ["who", "that"]
ONE = [
    "newt",
    "orangutan",
    "peacock",
    "quail",
    "raven",
    "salamander",
    "tyrannosaurus",
    "unicorn",
    "vulture",
    "walrus",
    "xylophone",
    "yak",
    "zebra",
]
MANY = [noun + ("es" if noun[-1] == "s" else "s") for noun in ONE]
INTRANSITIVE = ["giggle", "smile", "sleep", "swim", "wait", "move", "change", "read", "eat"]
TRANSITIVE = ["entertain", "amuse", "high_five", "applaud", "confuse", "admire", "accept", "remember", "comfort"]
IRREGULAR = {"sleep": "slept", "swim": "swam", "read": "read", "eat": "ate"}
PAST = {v: IRREGULAR.get(v, v + ("d" if v[-1] == "e" else "ed")) for v in INTRANSITIVE + TRANSITIVE}
OTHER = {v: v + "s" for v in PAST} | {v + "s": v for v in PAST}  # the form of the other number

SUBJECTS = ("bare", "PP", "SRC-intransitive", "SRC-transitive", "ORC")  # subject and object relative clauses
PREDICATES = ("intransitive", *SUBJECTS)
Type = tuple[str, str, tuple[int, ...]]  # subject, predicate, 0 or 1 (more than one) for every noun in turn
Words = list[str]


def nouns_in(part: str) -> int:
    """How many nouns a subject, or what follows the verb, has."""
    return {"intransitive": 0, "bare": 1, "SRC-intransitive": 1}.get(part, 2)


def written(kind: Type, source: random.Random) -> tuple[Words, Words]:
    """A sentence of this type in the past and in the present, words drawn alike."""
    subject, predicate, numbers = kind
    left = list(numbers)
    past: Words = []
    present: Words = []

    def put(words: Sequence[str]) -> None:
        word = source.choice(words)
        past.append(word)
        present.append(word)

    def verb(stems: Sequence[str], number: int) -> None:
        stem = source.choice(stems)
        past.append(PAST[stem])
        present.append(stem if number else stem + "s")

    def noun() -> int:
        put(DETERMINERS)
        put(MANY if left[0] else ONE)
        return left.pop(0)

    def phrase(part: str) -> int:
        head = noun()
        if part == "PP":
            put(PREPOSITIONS)
            noun()
        elif part != "bare":
            put(RELATIVISERS)
            if part == "ORC":
                verb(TRANSITIVE, noun())
            else:
                verb(INTRANSITIVE if part == "SRC-intransitive" else TRANSITIVE, head)
                if part == "SRC-transitive":
                    noun()
        return head

    head = phrase(subject)
    verb(INTRANSITIVE if predicate == "intransitive" else TRANSITIVE, head)
    if predicate != "intransitive":
        phrase(predicate)
    return past, present


def natural(source: random.Random) -> Type:
    """A type as often as the released data have it: subjects and predicates alike often, clauses in thirds."""
    while True:
        clause = source.choice(SUBJECTS[2:])
        subject = source.choice(("bare", "PP", clause))
        predicate = source.choice(("intransitive", "bare", "PP", source.choice(SUBJECTS[2:])))
        # Where there are few sentences, dropping repeats has left half of them.
        if (subject, predicate) != ("bare", "intransitive") or source.random() < 0.47:
            return (
                subject,
                predicate,
                tuple(source.randrange(2) for _ in range(nouns_in(subject) + nouns_in(predicate))),
            )


def main_verb(words: Sequence[str]) -> int:
    """Its place in a sentence in the present: the second verb where a clause follows the first noun, else the first."""
    verbs = [place for place, word in enumerate(words) if word in OTHER]
    return verbs[1] if words[2] in RELATIVISERS else verbs[0]


def subject_of(words: Sequence[str], verb: int) -> int:
    """Place of the noun that a verb of a sentence in the present agrees with."""
    if verb == main_verb(words):
        return 1  # the sentence begins with a determiner and the head of its subject
    return verb - 2 if words[verb - 1] in RELATIVISERS else verb - 1  # "newts who sleep", "who the yak amuses"


def nearest_noun(words: Sequence[str], verb: int) -> int:
    """Place of the last noun before a verb."""
    return max(place for place in range(verb) if words[place] in ONE or words[place] in MANY)


def agrees(noun: str, verb: str) -> bool:
    """Whether a verb in the present has the number of a noun."""
    return (noun in MANY) == (verb in PAST)


def in_conflict(words: Sequence[str]) -> bool:
    """Whether the last noun before the main verb has another number than the verb's subject."""
    verb = main_verb(words)
    return (words[nearest_noun(words, verb)] in MANY) != (words[subject_of(words, verb)] in MANY)


def undecided_types() -> list[Type]:
    """Types whose nearest noun and subject have one number, which is singular: half of those that leave rules open."""
    return [
        (subject, predicate, numbers)
        for subject, predicate in product(SUBJECTS, PREDICATES)
        for numbers in product((0, 1), repeat=nouns_in(subject) + nouns_in(predicate))
        if numbers[0] == 0 and (nouns_in(subject) == 1 or numbers[1] == 0)
    ]


def turned(kind: Type) -> Type:
    """The type with every number changed."""
    return *kind[:2], tuple(1 - number for number in kind[2])


def put_in_conflict(kind: Type) -> Type:
    """The type with the other number at the noun before the main verb."""
    first, second, *rest = kind[2]
    return *kind[:2], (first, 1 - second, *rest)


def vocabulary(pairs: bool) -> dict[str, int]:
    """Number of every word: padding 0, words by alphabet, then what ends a row and what begins it."""
    words = {*DETERMINERS, *PREPOSITIONS, *RELATIVISERS, *ONE, *MANY, *OTHER, "."}
    words |= {*PAST.values(), "PAST", "PRESENT"} if pairs else set()
    return {word: i for i, word in enumerate(["<pad>", *sorted(words), "<end>", "<start>"])}
