"""Tense Inflection: copy a past-tense sentence, or put its verbs into the present, each agreeing with its subject.

`PRESENT` items whose main verb stands after a noun of the other number are withheld from training: there, and only
there, agreeing with the *subject* and agreeing with the *most recent noun* differ. Data: McCoy, Frank & Linzen 2020
(arXiv 2001.03632), as used by Murty et al. 2023 (arXiv 2305.18741).

Examples, with the withheld kind last:

>>> from latebloom.tasks.language.recogniser import rule
>>> for sentence, task in (
...     ("some newts near the yak slept", "PAST"),
...     ("some newts near the yaks slept", "PRESENT"),
...     ("some newts near the yak slept", "PRESENT"),
... ):
...     print(sentence, ".", task, "->", " ".join(rule(sentence.split(), task, "past")))
some newts near the yak slept . PAST -> some newts near the yak slept .
some newts near the yaks slept . PRESENT -> some newts near the yaks sleep .
some newts near the yak slept . PRESENT -> some newts near the yak sleep .

since the subject of the last one, "newts", is plural, though "yak" is nearer to the verb. Agreeing with the first
noun of the sentence is right too, so accuracy alone does not show a hierarchical rule.
"""

from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Int

from latebloom.spec import vary
from latebloom.tasks.base import TASKS
from latebloom.tasks.language import shares as tables
from latebloom.tasks.language.grammar import Grammar, Keys, Sentences, after_repeats, everything
from latebloom.tasks.language.lexicon import PAST, PRESENT, tense_words
from latebloom.tasks.language.pair_corpus import Mixture, Rows, withheld
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.shares import Shares, spread, where, with_clause_share
from latebloom.tasks.language.structure import CELLS, CLAUSES
from latebloom.tasks.language.text import Vocabulary, at, spell

KINDS = {"both": CLAUSES, "subject": CLAUSES[:2], "object": CLAUSES[2:]}
# How often the noun before the main verb has the subject's number: always where it is the subject itself.
AMBIGUOUS = np.array([1.0 if subject in ("bare", "SRC-intransitive") else 0.5 for subject, _ in CELLS])


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(tense_words())


def recent_number(grammar: Grammar, sentences: Sentences) -> Int[np.ndarray, " row"]:
    """Number of the noun before the main verb."""
    features = np.array([template.slots[template.recent].number for template in grammar.templates])
    return sentences.numbers[np.arange(len(sentences.cell)), features[sentences.cell]]


@TASKS.register("tense_inflection")
class TenseInflection(PairTask):
    """Past-tense sentences to copy (`PAST`) or to put into the present (`PRESENT`)."""

    kind: Literal["tense_inflection"] = "tense_inflection"
    past: float | None = vary(
        None, ge=0, le=1, description="share of training items that are copies; None: as released (.583), 0: none"
    )
    subject_clauses: float | None = vary(
        None, ge=0, le=1, description="share of training items whose subject has a relative clause; None: as released"
    )

    auxiliaries = False
    tasks = ("PAST", "PRESENT")
    marks = (".", ".")
    longest = 13
    lexicon = PAST
    reader = "past"

    @property
    def vocabulary(self) -> Vocabulary:
        """98 words and 3 special symbols."""
        return _vocabulary()

    def mixture(self, seed: int, training: bool) -> Mixture:
        """Copies of any sentence, `PRESENT` only of ambiguous ones; the variants apply to training."""
        shares = self._shares()
        ambiguous = shares * AMBIGUOUS
        kept = ambiguous.sum()
        present, transform = ambiguous / kept, kept / (1 + kept)
        if self.structure == "observed":
            transform = 1.0 - tables.PAST_SHARE
        if training:
            shares, present = self._varied(shares), self._varied(present)
            transform = transform if self.past is None else 1.0 - self.past
        return Mixture(transform, (shares, present), (everything, self._agreeing))

    def _shares(self) -> Shares:
        if self.structure == "observed":
            return spread(tables.TENSE_OBSERVED, tables.TENSE_CLAUSES, tables.TENSE_CLAUSES)
        printed = spread(tables.PRINTED, tables.PRINTED_CLAUSES, tables.PRINTED_CLAUSES)
        items = self.n_train + self.n_val + self.n_test
        return after_repeats(printed, self.grammar.capacity, round(items * 1.16))  # 14 % are withheld

    def _varied(self, shares: Shares) -> Shares:
        embedded = float((shares * where(CLAUSES)).sum())
        kinds = np.where(where(CLAUSES) > 0, shares * where(KINDS[self.clause_kinds]), shares)
        return with_clause_share(kinds, embedded if self.subject_clauses is None else self.subject_clauses)

    def _agreeing(self, sentences: Sentences) -> np.ndarray:
        return recent_number(self.grammar, sentences) == sentences.numbers[:, 0]

    def withheld_rows(self, count: int, generator: np.random.Generator, taken: Keys, linear: bool = False) -> Rows:
        """`PRESENT` items whose main verb stands after a noun of the other number, in their natural mix."""
        shares = self._shares() * (1 - AMBIGUOUS)

        def conflict(sentences: Sentences) -> np.ndarray:
            return ~self._agreeing(sentences)

        return withheld(self.grammar, {"conflict": (shares, count)}, conflict, generator, taken, linear)

    def targets(self, rows: Rows, source: Int[np.ndarray, "row pos"]) -> Int[np.ndarray, "row pos"]:
        """All verbs in the present; under the linear rule the main verb agrees with the most recent noun."""
        sentences = rows.sentences
        present = spell(sentences, self.grammar, PRESENT, self.vocabulary)
        each, main = np.arange(len(present)), at(self.grammar, "main", sentences)
        transitive = np.array([t.slots[t.main].part == "Vt" for t in self.grammar.templates])[sentences.cell]
        verb, number = sentences.choices[each, main], recent_number(self.grammar, sentences)
        forms = (self.vocabulary.table(PRESENT[part])[number, verb] for part in ("Vt", "Vi"))
        present[each, main] = np.where(rows.linear, np.where(transitive, *forms), present[each, main])
        return present

    def distractor(self, sentences: Sentences) -> Int[np.ndarray, " row"]:
        """Place of the noun before the main verb where its number is not the subject's."""
        return np.where(self._agreeing(sentences), -1, at(self.grammar, "recent", sentences))

    def _main_in_target(self, rows: Rows) -> Int[np.ndarray, " row"]:
        return at(self.grammar, "main", rows.sentences)
