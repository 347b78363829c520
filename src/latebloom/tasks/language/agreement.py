"""Simple agreement: present-tense sentences, one at a time; every verb must agree with its subject.

In training the noun before the main verb always has the number of the subject, so agreeing with the *most recent
noun* fits as well as agreeing with the *subject*; in the held-out sentences it never has. How many sentence types
there are decides which rule is learned (Ahuja et al. 2024, arXiv 2404.16367: about 100 % with 120 types, no
preference with 12). A type is a structure of Tense Inflection with the number of every noun; there are 170, in 85
pairs that differ in all numbers. Which 120 the authors used is not published: ours are drawn by the corpus seed.

Examples, with the held-out kind last; the word in brackets is the one to be judged:

>>> from latebloom.tasks.language.recogniser import parse
>>> for sentence in ("some newts near the yaks [sleep]", "some newts near the yak [sleep]"):
...     print(sentence, "->", parse(sentence.replace("[", "").replace("]", "").split(), "present"))
some newts near the yaks [sleep] -> (S (NP (NP some newts) (PP near (NP the yaks))) sleep)
some newts near the yak [sleep] -> (S (NP (NP some newts) (PP near (NP the yak))) sleep)

since "newts" is the subject, whatever stands between.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field
from torch import Tensor

from latebloom.data import Data, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.language import recogniser
from latebloom.tasks.language.batches import Table, text_data
from latebloom.tasks.language.grammar import Grammar, draw
from latebloom.tasks.language.items import Item
from latebloom.tasks.language.lexicon import PRESENT, agreement_words
from latebloom.tasks.language.pair_corpus import COPY, Rows, Types, number_patterns
from latebloom.tasks.language.structure import CELLS, MAX_NUMBERS
from latebloom.tasks.language.text import PAD, Vocabulary, at, spell

LONGEST = 13
ALL_TYPES = 170


class _Type(NamedTuple):
    """A structure whose clauses carry no number of their own, and the number of every noun."""

    subject: str
    predicate: str
    numbers: tuple[int, ...]

    def mirrored(self) -> "_Type":
        """The same with every number changed."""
        return self._replace(numbers=tuple(1 - number for number in self.numbers))

    @property
    def ambiguous(self) -> bool:
        """Whether the noun before the main verb has the subject's number."""
        return not self.has_distractor or self.numbers[1] == self.numbers[0]

    @property
    def has_distractor(self) -> bool:
        """Whether a noun stands between the subject and the main verb."""
        return self.subject not in ("bare", "SRC-intransitive")

    def in_conflict(self) -> "_Type":
        """The same with the other number at the noun before the main verb."""
        return self._replace(numbers=(self.numbers[0], 1 - self.numbers[1], *self.numbers[2:]))


@cache
def _types() -> dict[_Type, int]:
    """Every type and its `Sentences.template`."""
    grammar = Grammar.of(auxiliaries=False)
    found = {}
    for cell, (subject, predicate) in enumerate(CELLS):
        count = len(grammar.templates[cell].numbers)
        for template in number_patterns(grammar.templates[cell]):
            numbers = tuple(template >> feature & 1 for feature in range(count))
            own, other = (kind.removesuffix("-singular").removesuffix("-plural") for kind in (subject, predicate))
            found[_Type(own, other, numbers)] = template
    return found


@cache
def _vocabulary() -> Vocabulary:
    return Vocabulary(agreement_words())


@TASKS.register("simple_agreement")
class SimpleAgreement(Task):
    """Present-tense sentences whose verbs agree with their subjects."""

    kind: Literal["simple_agreement"] = "simple_agreement"
    version: ClassVar[int] = 2
    n_types: int | None = vary(
        120, ge=2, le=ALL_TYPES, multiple_of=2, description="sentence types, each equally often; None: all 170"
    )
    n_train: int = vary(50_000, ge=1, description="training sentences")
    n_val: int = Field(1_000, ge=1, description="further sentences of the training types")
    n_gen: int = Field(10_000, ge=1, description="the training types with the other number before the main verb")
    n_eval: int | None = Field(1_000, ge=1, description="rows of each split to evaluate on; None: all")
    corpus_seed: int | None = vary(0, description="which corpus; None: each member draws one with its own seed")
    batch_size: int = Field(8, ge=1, description="sequences in a training step")
    bucketed: bool = Field(False, description="batches of rows of similar length")

    @property
    def vocabulary(self) -> Vocabulary:
        """79 words and 3 special symbols."""
        return _vocabulary()

    @property
    def signature(self) -> Signature:
        """Symbols in, a logit for every symbol out, at every place."""
        size = len(self.vocabulary)
        return Signature(n_inputs=1, n_outputs=size, d_vocab=size, n_ctx=LONGEST + 2)

    def corpus(self, seed: int = 0) -> dict[str, Rows]:
        """Splits `train`, `val`, `gen`; `seed` is the member's, used where `corpus_seed` is None."""
        plain = {"corpus_seed": 0, "batch_size": 8, "bucketed": False, "n_eval": None}
        own = seed if self.corpus_seed is None else self.corpus_seed
        return _corpus(self.model_copy(update=plain), own)

    def chosen(self, seed: int) -> tuple[Types, Types]:
        """The types of training, and of the held-out sentences."""
        known = _types()
        first = [kind for kind in known if kind.ambiguous and kind.numbers[0] == 0]
        if self.n_types is not None:
            room = 2 * self.n_train // self.n_types
            first = [kind for kind in first if _room(known[kind]) >= room]
            if len(first) < self.n_types // 2:
                raise LatebloomError(
                    f"Only {2 * len(first)} of task.n_types = {self.n_types} sentence types have the {room} sentences "
                    f"that task.n_train = {self.n_train} needs: ask for fewer rows, or for more types."
                )
            order = stream(seed, "corpus", "sentence types").permutation(len(first))
            mixed = [first[index] for index in order]
            # The first is one that can be put into conflict: otherwise there might be nothing to hold out.
            lead = next(kind for kind in mixed if kind.has_distractor)
            first = [lead, *(kind for kind in mixed if kind != lead)][: self.n_types // 2]
        training = [kind for one in first for kind in (one, one.mirrored())]
        held_out = [kind.in_conflict() for kind in training if kind.has_distractor]
        return _as_types([known[kind] for kind in training]), _as_types([known[kind] for kind in held_out])

    def build(self, seed: int) -> dict[str, Rows]:
        """Draws all splits of the corpus of this seed; no sentence occurs twice."""
        grammar, taken = Grammar.of(auxiliaries=False), np.empty(0, dtype=np.int64)
        training, held_out = self.chosen(seed)
        found = {}
        for name, types, count in (
            ("val", training, self.n_val),
            ("gen", held_out, self.n_gen),
            ("train", training, self.n_train),
        ):
            generator = stream(seed, "corpus", self.kind, name)
            keys = draw(grammar, types.shares, count, generator, taken, types.accept)
            taken = np.concatenate([taken, keys])
            found[name] = Rows(grammar, keys, np.full(count, COPY), np.zeros(count, dtype=bool))
        return found

    def tokens(self, rows: Rows) -> Int[np.ndarray, "row pos"]:
        """Rows ``<start> sentence . <end>`` as numbers."""
        sentences = rows.sentences
        words = spell(sentences, rows.grammar, PRESENT, self.vocabulary)
        tokens = np.full((len(words), LONGEST + 3), PAD, dtype=np.int16)
        tokens[:, 0] = self.vocabulary.start
        tokens[:, 1 : LONGEST + 1] = words[:, :LONGEST]
        each = np.arange(len(words))
        tokens[each, sentences.length + 1] = self.vocabulary.number["."]
        tokens[each, sentences.length + 2] = self.vocabulary.end
        return tokens

    def table(self, rows: Rows) -> Table:
        """Rows ready for batches; every word counts."""
        nothing = np.zeros(len(rows.keys), dtype=np.int64)
        return Table(self.tokens(rows), nothing, nothing)

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Batches of the training split, and fixed splits `val` and `gen` of `n_eval` rows, [member, row, pos]."""
        own = [member for member in members if isinstance(member, SimpleAgreement)]
        built: dict[int, dict[str, Table]] = {}
        chosen, kept = [], []  # kept: an id is only its owner's while the owner lives
        for task, seed in zip(own, seeds, strict=True):
            corpus = task.corpus(seed)
            if id(corpus) not in built:
                cut = {name: rows if name == "train" else rows.first(self.n_eval) for name, rows in corpus.items()}
                built[id(corpus)] = {name: task.table(rows) for name, rows in cut.items()}
            kept.append(corpus)
            chosen.append(built[id(corpus)])
        return text_data(chosen, self.batch_size, seeds, place, self.bucketed)

    def labels(self, split: str, seed: int = 0) -> dict[str, np.ndarray]:
        """What accuracy needs, over the rows of an evaluation split.

        - `verb` [row, pos]: whether the next token is a verb; `right` and `wrong` [row, pos]: its form that agrees
          and the one that does not, 0 elsewhere
        - `main_query` [row]: the place whose next token is the main verb; `cell` [row]: index in `CELLS`
        """
        rows = self.corpus(seed)[split].first(self.n_eval)
        following = self.tokens(rows)[:, 1:].astype(np.int64)
        other = self._other_number()
        verb = other[following] != PAD
        return {
            "verb": verb,
            "right": np.where(verb, following, PAD),
            "wrong": other[following],
            "main_query": at(rows.grammar, "main", rows.sentences),
            "cell": rows.sentences.cell,
        }

    def _other_number(self) -> Int[np.ndarray, " vocab"]:
        """The other form of every verb; 0 for everything else."""
        other = np.zeros(len(self.vocabulary), dtype=np.int64)
        for part in ("Vi", "Vt"):
            singular, plural = self.vocabulary.table(PRESENT[part])
            other[singular], other[plural] = plural, singular
        return other

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """The form of the verb that follows each place, agreeing with its subject; 0 where no verb follows.

        Verbs of either number are accepted; the sentence is read by the recogniser, which knows what agrees.
        """
        flat = inputs.reshape(-1, inputs.shape[-1])
        wanted = torch.zeros_like(flat)
        for row, numbers in enumerate(flat.tolist()):
            words = self.vocabulary.decode(numbers)[1:]
            end = words.index(".") if "." in words else len(words)
            for place, form in recogniser.agreeing_verbs(words[:end]).items():
                wanted[row, place] = self.vocabulary.number[form]
        return wanted.reshape(inputs.shape)

    def items(self, rows: Rows) -> Iterator[Item]:
        """Rows as items with trees and parts."""
        for row in self.tokens(rows):
            words = self.vocabulary.decode(row)[1:-2]
            yield recogniser.read_sentence(words, "present")


def _room(template: int) -> int:
    """Sentences of one type."""
    grammar = Grammar.of(auxiliaries=False)
    cell = template >> MAX_NUMBERS
    return int(grammar.capacity[cell]) // len(number_patterns(grammar.templates[cell]))


def _as_types(templates: list[int]) -> Types:
    chosen = np.array(templates, dtype=np.int64)
    shares = np.bincount(chosen >> MAX_NUMBERS, minlength=len(CELLS)).astype(float)
    return Types(chosen, shares / max(shares.sum(), 1.0))


@lru_cache(maxsize=8)
def _corpus(task: SimpleAgreement, seed: int) -> dict[str, Rows]:
    return task.build(seed)
