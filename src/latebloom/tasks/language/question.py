"""Question Formation: copy a declarative sentence, or turn it into a question by moving its main auxiliary.

Questions about subjects with a relative clause are withheld from training: there, and only there, moving the *main*
auxiliary and moving the *first* auxiliary differ. Data: McCoy, Frank & Linzen 2020 (arXiv 2001.03632), as used by
Murty et al. 2023 (arXiv 2305.18741).

Examples, with the withheld kind last:

>>> from latebloom.tasks.language.recogniser import rule
>>> for sentence, task in (
...     ("my salamander above our quails does confuse our yaks", "decl"),
...     ("my salamander above our quails does confuse our yaks", "quest"),
...     ("my raven that doesn't sleep does change", "quest"),
... ):
...     print(sentence, ".", task, "->", " ".join(rule(sentence.split(), task, "question")))
my salamander above our quails does confuse our yaks . decl -> my salamander above our quails does confuse our yaks .
my salamander above our quails does confuse our yaks . quest -> does my salamander above our quails confuse our yaks ?
my raven that doesn't sleep does change . quest -> does my raven that doesn't sleep change ?

since the main auxiliary of the last one, "does", is not the first, "doesn't".
"""

from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Int

from latebloom.spec import vary
from latebloom.tasks.base import TASKS
from latebloom.tasks.language import shares as tables
from latebloom.tasks.language.grammar import Keys, Sentences, after_repeats, everything
from latebloom.tasks.language.lexicon import AUXILIARIES, QUESTION, question_words
from latebloom.tasks.language.pair_corpus import TRANSFORM, Mixture, Rows, choose_types, withheld
from latebloom.tasks.language.pair_task import Labels, PairTask
from latebloom.tasks.language.shares import Shares, spread, where, with_clause_share
from latebloom.tasks.language.structure import CLAUSES, MAX_WORDS
from latebloom.tasks.language.text import Vocabulary, at, move_to_front

KINDS = {"both": CLAUSES, "subject": CLAUSES[:2], "object": CLAUSES[2:]}
TWO_AUXILIARIES = ("intransitive", "bare", "PP")  # predicates of withheld items: no third auxiliary in the object


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(question_words())


@TASKS.register("question_formation")
class QuestionFormation(PairTask):
    """Declaratives to copy (`decl`) or to turn into questions (`quest`)."""

    kind: Literal["question_formation"] = "question_formation"
    declaratives: float | None = vary(
        None, ge=0, le=1, description="share of training items that are copies; None: as released (.596), 0: none"
    )
    centre_embedded: float | None = vary(
        None, ge=0, le=1, description="share of training copies whose subject has a relative clause; None: as released"
    )
    declarative_trees: int | None = vary(
        None,
        ge=1,
        description="sentence types of the training copies, equally often within and without clauses; None: all 272",
    )

    auxiliaries = True
    tasks = ("decl", "quest")
    marks = (".", "?")
    longest = MAX_WORDS
    lexicon = QUESTION
    reader = "question"

    @property
    def vocabulary(self) -> Vocabulary:
        """68 words and 3 special symbols."""
        return _vocabulary()

    def mixture(self, seed: int, training: bool) -> Mixture:
        """Copies and questions; the variants apply to training."""
        copies, questions, share = self._shares()
        if not training:
            return Mixture(share, (copies, questions), (everything, everything))
        chosen = where(KINDS[self.clause_kinds])
        embedded = float((copies * where(CLAUSES)).sum()) if self.centre_embedded is None else self.centre_embedded
        copies = with_clause_share(np.where(where(CLAUSES) > 0, copies * chosen, copies), embedded)
        transform = share if self.declaratives is None else 1.0 - self.declaratives
        if self.declarative_trees is None:
            return Mixture(transform, (copies, questions), (everything, everything))
        room = 2 * self.n_train // self.declarative_trees
        types = choose_types(self.grammar, copies, self.declarative_trees, room, seed)
        inside, total = types.shares * where(CLAUSES), types.shares.sum()
        mixed = with_clause_share(types.shares, embedded) if 0 < inside.sum() < total else types.shares
        return Mixture(transform, (mixed, questions), (types.accept, everything))

    def _shares(self) -> tuple[Shares, Shares, float]:
        """Structures of copies, of questions, and the share of questions."""
        if self.structure == "observed":
            copies = spread(tables.DECLARATIVES_OBSERVED, tables.SUBJECT_CLAUSES, tables.OBJECT_CLAUSES)
            questions = spread(tables.QUESTIONS_OBSERVED, tables.SUBJECT_CLAUSES, tables.OBJECT_CLAUSES)
            return copies, questions, 1.0 - tables.DECLARATIVE_SHARE
        printed = spread(tables.PRINTED, tables.PRINTED_CLAUSES, tables.PRINTED_CLAUSES)
        # A fair coin for each sentence; heads with a clause on the subject are withheld.
        items = self.n_train + self.n_val + self.n_test
        copies = after_repeats(printed, self.grammar.capacity, round(items / (1 - 0.5 / 3)))
        plain = copies * (1 - where(CLAUSES))
        return copies, plain / plain.sum(), float(plain.sum() / (1 + plain.sum()))

    def withheld_rows(self, count: int, generator: np.random.Generator, taken: Keys, linear: bool = False) -> Rows:
        """Questions with two auxiliaries, one in a clause on the subject: same number, opposite polarity."""
        predicates = sum(
            share * where(CLAUSES, (name,)) for name, share in zip(TWO_AUXILIARIES, tables.GEN_PREDICATES, strict=True)
        )
        kinds = {"SRC-intransitive": CLAUSES[:1], "SRC-transitive": CLAUSES[1:2], "ORC": CLAUSES[2:]}
        counts = tables.largest_remainder(np.array(list(tables.GEN_QUOTAS.values())), count)
        quotas = {
            name: (predicates * where(kinds[name]), int(own))
            for name, own in zip(tables.GEN_QUOTAS, counts, strict=True)
        }
        return withheld(self.grammar, quotas, self._opposed, generator, taken, linear)

    def _opposed(self, sentences: Sentences) -> np.ndarray:
        """Whether the auxiliary of the subject's clause has the number, but not the polarity, of the main one."""
        each = np.arange(len(sentences.cell))
        main, clause = (at(self.grammar, part, sentences) for part in ("main", "clause"))
        polarity = sentences.choices[each, main] != sentences.choices[each, clause]
        features = np.array([t.slots[t.clause].number if t.clause >= 0 else 0 for t in self.grammar.templates])
        same = sentences.numbers[each, features[sentences.cell]] == sentences.numbers[:, 0]
        return polarity & same

    def targets(self, rows: Rows, source: Int[np.ndarray, "row pos"]) -> Int[np.ndarray, "row pos"]:
        """The main auxiliary moved to the front; under the linear rule the first auxiliary."""
        main, clause = (at(self.grammar, part, rows.sentences) for part in ("main", "clause"))
        return move_to_front(source, np.where(rows.linear & (clause >= 0), clause, main))

    def distractor(self, sentences: Sentences) -> Int[np.ndarray, " row"]:
        """Place of the first auxiliary where it is not the main one."""
        return at(self.grammar, "clause", sentences)

    def _main_in_target(self, rows: Rows) -> Int[np.ndarray, " row"]:
        return np.where(rows.task == TRANSFORM, 0, at(self.grammar, "main", rows.sentences))

    def labels(self, split: str, seed: int = 0, copies: bool = False) -> Labels:
        """As `PairTask.labels`, and the four auxiliaries.

        `candidates` [4] are does, doesn't, do, don't; `compatible` [item, 4] says which have the subject's number.
        """
        found = super().labels(split, seed, copies)
        candidates = self.vocabulary.encode([word for half in AUXILIARIES for word in half])
        compatible = np.array([0, 0, 1, 1]) == found["subject_number"][:, None]
        return {**found, "candidates": candidates, "compatible": compatible}
