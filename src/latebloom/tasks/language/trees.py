"""Labelled trees over the words of a sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class Tree:
    """A phrase with its children, or a word with none; labels S NP PP VP RC, and parts of speech at the words.

    >>> tree = Tree("S", (Tree("NP", (Tree("Det", word="the"), Tree("N", word="newt"))), Tree("Vi", word="slept")))
    >>> print(tree)
    (S (NP the newt) slept)
    >>> tree.brackets()
    [(0, 3), (0, 2)]
    """

    label: str
    children: tuple["Tree", ...] = ()
    word: str = ""

    def leaves(self) -> Iterator["Tree"]:
        """The words, left to right."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def words(self) -> list[str]:
        """The sentence, without its period."""
        return [leaf.word for leaf in self.leaves()]

    def brackets(self, first: int = 0) -> list[tuple[int, int]]:
        """Every phrase of two words or more, the whole sentence included, as (first word, word after the last)."""
        if not self.children:
            return []
        found, at = [], first
        for child in self.children:
            found += child.brackets(at)
            at += sum(1 for _ in child.leaves())
        return ([(first, at)] if at - first > 1 else []) + found

    def filled(self, words: Sequence[str]) -> "Tree":
        """The same tree over other words; there must be as many."""
        if len(words) != sum(1 for _ in self.leaves()):
            raise LatebloomError(f"A tree over {sum(1 for _ in self.leaves())} words cannot take {len(words)} words.")
        return self._filled(iter(words))

    def _filled(self, words: Iterator[str]) -> "Tree":
        if not self.children:
            return Tree(self.label, word=next(words))
        return Tree(self.label, tuple([child._filled(words) for child in self.children]))

    def __str__(self) -> str:
        return f"({self.label} {' '.join(map(str, self.children))})" if self.children else self.word
