"""Reads a line of text: its tree and parts, or a sentence that says which word is wrong and what would be right.

Written by hand from the rules of the grammars (McCoy, Frank & Linzen 2020), apart from the generator, so each checks
the other. The grammars are `question` (with auxiliaries), `past` and `present`.

>>> print(parse("my raven that doesn't sleep does change".split(), "question"))
(S (NP (NP my raven) (RC that (VP doesn't sleep))) (VP does change))
>>> parse("my raven that don't sleep does change".split(), "question")
Traceback (most recent call last):
latebloom.errors.LatebloomError: Word 4, "don't", of "my raven that don't sleep does change": expected an auxiliary
(does, doesn't) that agrees with 'raven', singular.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from latebloom.errors import LatebloomError, unknown_name
from latebloom.tasks.language.items import Item, Parts
from latebloom.tasks.language.lexicon import (
    NAMES,
    NUMBERS,
    PAST,
    PRESENT,
    QUESTION,
    Forms,
    Reading,
    readings,
)
from latebloom.tasks.language.structure import CLAUSES
from latebloom.tasks.language.text import unknown_word
from latebloom.tasks.language.trees import Tree


class Format(NamedTuple):
    """How a grammar's lines look; no task tokens where sentences stand alone."""

    lexicon: dict[str, Forms]
    tasks: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # what the target of each task ends with


FORMATS = {
    "question": Format(QUESTION, ("decl", "quest"), (".", "?")),
    "past": Format(PAST, ("PAST", "PRESENT"), (".", ".")),
    "present": Format(PRESENT),
}


@dataclass
class _Noun:
    """A noun that something agrees with."""

    word: str
    number: int
    place: int


@dataclass
class _Reader:
    """Reads words left to right, and notes the structure and which noun each verb or auxiliary agrees with."""

    words: Sequence[str]
    grammar: str
    at: int = 0
    controllers: dict[int, _Noun] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.grammar not in FORMATS:
            raise unknown_name("grammar", self.grammar, FORMATS)
        self.known = readings(FORMATS[self.grammar].lexicon)
        self.auxiliaries = "Aux" in FORMATS[self.grammar].lexicon

    def peek(self) -> Reading | None:
        """What the next word is; None at the end."""
        if self.at == len(self.words):
            return None
        if self.words[self.at] not in self.known:
            raise unknown_word(self.words[self.at], self.at, self.words, self.known)
        return self.known[self.words[self.at]]

    def take(self, *parts: str, agree: _Noun | None = None) -> Tree:
        """The next word, which must be of one of these parts of speech and agree with a noun."""
        seen = self.peek()
        agrees = seen is None or agree is None or seen.number in (None, agree.number)
        if seen is None or seen.part not in parts or not agrees:
            raise self.error(" or ".join(self._asked(part, agree) for part in parts))
        if agree is not None:
            self.controllers[self.at] = agree
        self.at += 1
        return Tree(seen.part, word=self.words[self.at - 1])

    def _asked(self, part: str, agree: _Noun | None) -> str:
        if agree is None:
            return NAMES[part]
        forms = FORMATS[self.grammar].lexicon[part][agree.number]
        return f"{NAMES[part]} ({', '.join(forms)}) that agrees with {agree.word!r}, {NUMBERS[agree.number]}"

    def error(self, expected: str) -> LatebloomError:
        """What is wrong with the next word."""
        sentence = " ".join(self.words)
        if self.at == len(self.words):
            return LatebloomError(f"{sentence!r} ends too early: expected {expected}.")
        return LatebloomError(f"Word {self.at + 1}, {self.words[self.at]!r}, of {sentence!r}: expected {expected}.")

    def sentence(self) -> tuple[Tree, tuple[str, str], _Noun, int]:
        """The whole sentence: tree, cell, head of the subject, and place of the main auxiliary or verb."""
        subject, kind, head = self.phrase()
        main = self.at
        verb, predicate = self.predicate(head, nested=True)
        if self.at < len(self.words):
            raise self.error("the end of the sentence, since it is complete")
        return Tree("S", (subject, verb)), (kind, predicate), head, main

    def noun_phrase(self) -> tuple[Tree, _Noun]:
        """A determiner and a noun."""
        determiner, place = self.take("Det"), self.at + 1
        noun = self.take("N")
        number = self.known[noun.word].number
        return Tree("NP", (determiner, noun)), _Noun(noun.word, 0 if number is None else number, place - 1)

    def phrase(self) -> tuple[Tree, str, _Noun]:
        """A noun phrase with at most one modifier; the kind of the modifier, and the head."""
        tree, head = self.noun_phrase()
        following = self.peek()
        if following is not None and following.part == "Prep":
            inside = Tree("PP", (self.take("Prep"), self.noun_phrase()[0]))
            return Tree("NP", (tree, inside)), "PP", head
        if following is not None and following.part == "Rel":
            clause, kind = self.clause(head)
            return Tree("NP", (tree, clause)), kind, head
        return tree, "bare", head

    def clause(self, head: _Noun) -> tuple[Tree, str]:
        """A relative clause about `head`, and its kind."""
        relativiser, following = self.take("Rel"), self.peek()
        if following is None or following.part != "Det":
            verb, predicate = self.predicate(head, nested=False)
            return Tree("RC", (relativiser, verb)), "SRC-" + (
                "intransitive" if predicate == "intransitive" else "transitive"
            )
        noun_phrase, own = self.noun_phrase()
        if self.auxiliaries:
            inside = Tree("VP", (self.take("Aux", agree=own), self.take("Vt")))
        else:
            inside = self.take("Vt", agree=own)
        return Tree("RC", (relativiser, Tree("NP", (noun_phrase, inside)))), f"ORC-{NUMBERS[own.number]}"

    def predicate(self, head: _Noun, nested: bool) -> tuple[Tree, str]:
        """A verb phrase whose verb agrees with `head`; the object may be modified only where `nested`."""
        auxiliary = self.take("Aux", agree=head) if self.auxiliaries else None
        verb = self.take("Vi", "Vt", agree=None if self.auxiliaries else head)
        kind = "intransitive"
        if verb.label == "Vt":
            if nested:
                object_, kind, _ = self.phrase()
            else:
                object_, kind = self.noun_phrase()[0], "bare"
            verb = Tree("VP", (verb, object_))
        return (verb if auxiliary is None else Tree("VP", (auxiliary, verb))), kind


def parse(words: Sequence[str], grammar: str) -> Tree:
    """The tree of a sentence without its period; a `LatebloomError` says which word is wrong."""
    return _Reader(words, grammar).sentence()[0]


def rule(words: Sequence[str], task: str, grammar: str) -> list[str]:
    """The right answer, its mark included, by parsing the sentence `words` (without its period)."""
    reader = _Reader(words, grammar)
    _, _, _, main = reader.sentence()
    form = FORMATS[grammar]
    if task not in form.tasks:
        raise unknown_name("task token", task, form.tasks)
    if task == "quest":
        return [words[main], *words[:main], *words[main + 1 :], "?"]
    if task == "PRESENT":
        return [*(_present(reader, place) for place in range(len(words))), "."]
    return [*words, "."]


def _present(reader: _Reader, place: int) -> str:
    """A word of a past-tense sentence in the present."""
    word = reader.words[place]
    if place not in reader.controllers:
        return word
    part = reader.known[word].part
    return PRESENT[part][reader.controllers[place].number][PAST[part][0].index(word)]


def agreeing_verbs(words: Sequence[str]) -> dict[int, str]:
    """Place -> right form of every verb of a present-tense sentence whose verbs may have the wrong number.

    >>> agreeing_verbs("the newts near the yak sleeps".split())
    {5: 'sleep'}
    """
    known = readings(PRESENT)
    plain = list(words)
    for place, word in enumerate(words):
        if word in known and known[word].part in ("Vi", "Vt"):
            part = known[word].part
            number = known[word].number
            plain[place] = PAST[part][0][PRESENT[part][number or 0].index(word)]
    reader = _Reader(plain, "past")
    reader.sentence()
    return {place: _present(reader, place) for place in reader.controllers}


def read_sentence(words: Sequence[str], grammar: str, task: str = "", target: Sequence[str] = ()) -> Item:
    """A sentence without its period as an item with its tree and parts."""
    reader = _Reader(words, grammar)
    tree, cell, head, main = reader.sentence()
    if reader.auxiliaries:
        places = [place for place in range(main) if reader.known[words[place]].part == "Aux"]
        distractor = places[0] if places else -1
    else:
        recent = max(place for place in range(main) if reader.known[words[place]].part == "N")
        distractor = recent if reader.known[words[recent]].number != head.number else -1
    parts = Parts(head.place, main, distractor, cell[0] if cell[0] in CLAUSES else "")
    return Item(tuple(words), task, tuple(target), tree, cell, parts)


def read_line(line: str, grammar: str) -> Item:
    """A line ``source . task TAB target`` (or ``sentence .`` where sentences stand alone), checked word by word."""
    form = FORMATS[grammar]
    source, tab, target = line.rstrip("\r\n").partition("\t")
    if form.tasks and not tab:
        raise LatebloomError(
            f"{line.strip()!r} has no tab: the format is '<sentence> . <{' or '.join(form.tasks)}> TAB <target>'."
        )
    words = source.split()
    task = words.pop() if form.tasks and words else ""
    if form.tasks and task not in form.tasks:
        raise LatebloomError(
            f"The source {source!r} ends with {task!r}: its last word must be the task token {' or '.join(form.tasks)}."
        )
    if not words or words[-1] != ".":
        raise LatebloomError(f"The sentence in {source!r} must end with ' .' (a period after a space).")
    item = read_sentence(words[:-1], grammar, task, target.split())
    if form.tasks:
        _compare(rule(item.source, task, grammar), item.target, task)
    return item


def _compare(right: Sequence[str], seen: Sequence[str], task: str) -> None:
    """Refuses a target that is not the right answer."""
    for place, word in enumerate(right):
        if place >= len(seen) or seen[place] != word:
            found = repr(seen[place]) if place < len(seen) else "nothing"
            raise LatebloomError(
                f"Word {place + 1} of the target is {found}, but the {task} of this sentence has {word!r} there: "
                f"{' '.join(right)!r}."
            )
    if len(seen) > len(right):
        raise LatebloomError(f"The target goes on after its end with {seen[len(right)]!r}: {' '.join(right)!r}.")


def classes(grammar: str) -> dict[str, str]:
    """Part of speech of every word, nouns by number; of both tenses for `past`."""
    lexica = [PRESENT, PAST] if grammar == "past" else [FORMATS[grammar].lexicon]
    found = {}
    for lexicon in lexica:
        for word, seen in readings(lexicon).items():
            found[word] = f"N-{NUMBERS[seen.number or 0]}" if seen.part == "N" else seen.part
    return found
