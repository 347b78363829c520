"""One item of a source-to-target task: its words, its tree and its labelled parts."""

from dataclasses import dataclass

from latebloom.tasks.language.structure import CLAUSES
from latebloom.tasks.language.trees import Tree

Cell = tuple[str, str]  # subject, predicate


@dataclass(frozen=True)
class Parts:
    """Places of words in the sentence, counted from 0; -1 where there is none."""

    subject: int  # head noun of the subject
    main: int  # main auxiliary, or main verb
    distractor: int  # what a rule of word order would take: the first auxiliary, or the most recent noun
    clause: str  # kind of the subject's relative clause, "" without one


@dataclass(frozen=True)
class Item:
    """A sentence, what is asked of it, and the right answer."""

    source: tuple[str, ...]  # without the period
    task: str  # "" where sentences stand alone
    target: tuple[str, ...]  # with its final mark; empty where sentences stand alone
    tree: Tree
    cell: Cell
    parts: Parts

    @property
    def line(self) -> str:
        """The item in the format of the released files: ``source . task TAB target``."""
        source = " ".join((*self.source, "."))
        return f"{source} {self.task}\t{' '.join(self.target)}" if self.task else source

    @property
    def centre_embedded(self) -> bool:
        """Whether the subject has a relative clause."""
        return self.cell[0] in CLAUSES
