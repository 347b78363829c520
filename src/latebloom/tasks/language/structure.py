"""The sentence structures of the two grammars: what follows what, what agrees with what, and the tree.

A structure is a subject (bare, PP, or a relative clause of one of four kinds) and a predicate (intransitive, or a
transitive verb with a bare, PP or relative-clause object): 42 cells. Grammar: McCoy, Frank & Linzen 2020
(arXiv 2001.03632); Question Formation has auxiliaries, Tense Inflection does not.

>>> print(Template.build(CELLS.index(("ORC-plural", "bare")), auxiliaries=True).tree)
(S (NP (NP Det N) (RC Rel (NP (NP Det N) (VP Aux Vt)))) (VP Aux (VP Vt (NP Det N))))
"""

from dataclasses import dataclass
from functools import cache

from latebloom.tasks.language.lexicon import PLURAL, SINGULAR
from latebloom.tasks.language.trees import Tree

CLAUSES = ("SRC-intransitive", "SRC-transitive", "ORC-singular", "ORC-plural")
SUBJECTS = ("bare", "PP", *CLAUSES)
PREDICATES = ("intransitive", "bare", "PP", *CLAUSES)
CELLS = tuple((subject, predicate) for subject in SUBJECTS for predicate in PREDICATES)
CENTRE_EMBEDDED = tuple(subject in CLAUSES for subject, _ in CELLS)  # a relative clause on the subject
CHOICES = {"Det": 6, "N": 13, "Prep": 8, "Rel": 2, "Aux": 2, "Vi": 9, "Vt": 9}
MAX_WORDS = 16  # of the longest sentence with auxiliaries, without its period
MAX_NUMBERS = 4  # subject, noun of its modifier, object, noun of its modifier


@dataclass(frozen=True)
class Slot:
    """A place for a word; `number` is the index of the number feature it agrees with, -1 where it has none."""

    part: str
    number: int = -1


@dataclass(frozen=True)
class Template:
    """One cell: its slots, its number features (None where free), its tree, and where its parts are."""

    cell: int
    slots: tuple[Slot, ...]
    numbers: tuple[int | None, ...]
    tree: Tree
    subject: int  # slot of the head noun of the subject
    main: int  # slot of the main auxiliary, or of the main verb where there are no auxiliaries
    recent: int  # slot of the last noun before `main`
    clause: int  # slot of the auxiliary, or verb, of the subject's relative clause; -1 without one

    @staticmethod
    @cache
    def build(cell: int, auxiliaries: bool) -> "Template":
        """The template of `CELLS[cell]`."""
        subject, predicate = CELLS[cell]
        writer = _Writer(auxiliaries)
        main_number = writer.feature()
        noun_phrase = writer.phrase(subject, main_number)
        main = len(writer.slots)
        nouns = [place for place, slot in enumerate(writer.slots) if slot.part == "N"]
        agreeing = ("Aux",) if auxiliaries else ("Vi", "Vt")
        verbs = [place for place, slot in enumerate(writer.slots) if slot.part in agreeing]
        tree = Tree("S", (noun_phrase, writer.predicate(predicate, main_number)))
        clause = verbs[0] if verbs else -1
        return Template(cell, tuple(writer.slots), tuple(writer.numbers), tree, nouns[0], main, nouns[-1], clause)

    @property
    def radices(self) -> tuple[int, ...]:
        """How many ways there are for each free number feature, then for each slot."""
        return (2,) * self.numbers.count(None) + tuple(CHOICES[slot.part] for slot in self.slots)


class _Writer:
    """Writes slots left to right while it builds the tree; trees are those of Murty et al. 2023 (binary)."""

    def __init__(self, auxiliaries: bool) -> None:
        self.auxiliaries = auxiliaries
        self.slots: list[Slot] = []
        self.numbers: list[int | None] = []

    def feature(self, fixed: int | None = None) -> int:
        self.numbers.append(fixed)
        return len(self.numbers) - 1

    def word(self, part: str, number: int = -1) -> Tree:
        self.slots.append(Slot(part, number))
        return Tree(part, word=part)

    def noun_phrase(self, number: int) -> Tree:
        return Tree("NP", (self.word("Det"), self.word("N", number)))

    def phrase(self, kind: str, number: int) -> Tree:
        """A noun phrase with at most one modifier."""
        head = self.noun_phrase(number)
        if kind == "bare":
            return head
        if kind == "PP":
            return Tree("NP", (head, Tree("PP", (self.word("Prep"), self.noun_phrase(self.feature())))))
        return Tree("NP", (head, self.clause(kind, number)))

    def clause(self, kind: str, number: int) -> Tree:
        """A relative clause; nothing inside it is modified."""
        relativiser = self.word("Rel")
        if kind.startswith("SRC"):
            return Tree("RC", (relativiser, self.predicate(kind.removeprefix("SRC-"), number)))
        own = self.feature(SINGULAR if kind == "ORC-singular" else PLURAL)
        noun_phrase = self.noun_phrase(own)
        if not self.auxiliaries:
            return Tree("RC", (relativiser, Tree("NP", (noun_phrase, self.word("Vt", own)))))
        verb = Tree("VP", (self.word("Aux", own), self.word("Vt")))
        return Tree("RC", (relativiser, Tree("NP", (noun_phrase, verb))))

    def predicate(self, kind: str, number: int) -> Tree:
        """A verb phrase: `intransitive`, or `transitive` (a plain object), or the kind of the object."""
        auxiliary = self.word("Aux", number) if self.auxiliaries else None
        agreeing = -1 if self.auxiliaries else number
        if kind == "intransitive":
            verb = self.word("Vi", agreeing)
        else:
            head = self.word("Vt", agreeing)
            verb = Tree("VP", (head, self.phrase("bare" if kind == "transitive" else kind, self.feature())))
        return verb if auxiliary is None else Tree("VP", (auxiliary, verb))
