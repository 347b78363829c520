"""What Question Formation and Tense Inflection share: settings, splits, rows, items and the exact answer."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field
from torch import Tensor

from latebloom.data import Data, Place, Signature
from latebloom.errors import unknown_name
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import Task
from latebloom.tasks.language import recogniser
from latebloom.tasks.language.batches import Table, text_data
from latebloom.tasks.language.grammar import Grammar, Keys, Sentences
from latebloom.tasks.language.items import Item, Parts
from latebloom.tasks.language.lexicon import Forms
from latebloom.tasks.language.pair_corpus import TRANSFORM, Mixture, Rows, mixed, together
from latebloom.tasks.language.structure import CELLS, CLAUSES
from latebloom.tasks.language.text import PAD, Vocabulary, at, pairs, source_end, spell

Labels = dict[str, np.ndarray]


class PairTask(Task):
    """A source sentence, a task token, and the target: a copy of the sentence, or its transformation.

    Variants change the training split only; `val`, `test` and `gen` stay those of the published data.
    """

    n_train: int = vary(100_000, ge=1, description="training items")
    n_val: int = Field(1_000, ge=1, description="validation items, as the training ones")
    n_test: int = Field(10_000, ge=1, description="test items, as the training ones")
    n_gen: int = Field(10_000, ge=1, description="withheld items")
    n_eval: int | None = Field(1_000, ge=1, description="rows of each split to evaluate on; None: all")
    structure: Literal["observed", "printed"] = Field(
        "observed", description="shares of structures: counted in the released data, or printed in its grammar file"
    )
    corpus_seed: int | None = vary(0, description="which corpus; None: each member draws one with its own seed")
    objective: Literal["full", "prefix"] = vary("full", description="loss on every token, or on the target only")
    clause_kinds: Literal["both", "subject", "object"] = vary(
        "both", description="relative clauses that subjects have in training"
    )
    disambiguating: int = vary(0, ge=0, description="withheld items added to the training split")
    disambiguating_rule: Literal["hierarchical", "linear"] = vary(
        "hierarchical", description="the rule that the answers of added items follow"
    )
    batch_size: int = Field(8, ge=1, description="sequences in a training step")
    bucketed: bool = Field(False, description="batches of rows of similar length")

    version: ClassVar[int] = 2  # 2: sorted batches are as long as their longest row, not rounded up

    auxiliaries: ClassVar[bool]
    tasks: ClassVar[tuple[str, str]]  # tokens that ask for a copy and for the transformation
    marks: ClassVar[tuple[str, str]]  # what the two targets end with
    longest: ClassVar[int]  # words of the longest sentence
    lexicon: ClassVar[dict[str, Forms]]  # of the source
    reader: ClassVar[str]  # which `recogniser` grammar reads the source

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary:
        """All symbols by number."""

    @abstractmethod
    def mixture(self, seed: int, training: bool) -> Mixture:
        """What training, or evaluation in distribution, is drawn from."""

    @abstractmethod
    def withheld_rows(self, count: int, generator: np.random.Generator, taken: Keys, linear: bool = False) -> Rows:
        """Items of the withheld structures."""

    @abstractmethod
    def targets(self, rows: Rows, source: Int[np.ndarray, "row pos"]) -> Int[np.ndarray, "row pos"]:
        """The right answers as word numbers, without their mark."""

    @abstractmethod
    def distractor(self, sentences: Sentences) -> Int[np.ndarray, " row"]:
        """Place of what a rule of word order would take; -1 where it takes the right thing."""

    @property
    def grammar(self) -> Grammar:
        """The sentences of this task, by number."""
        return Grammar.of(self.auxiliaries)

    @property
    def signature(self) -> Signature:
        """Symbols in, a logit for every symbol out, at every place."""
        size = len(self.vocabulary)
        return Signature(n_inputs=1, n_outputs=size, d_vocab=size, n_ctx=2 * self.longest + 4)

    @property
    def task_numbers(self) -> tuple[int, int]:
        """Symbols of the two task tokens; the source of a row ends with one of them."""
        copy, transform = (self.vocabulary.number[word] for word in self.tasks)
        return copy, transform

    # The corpus.

    def corpus(self, seed: int = 0) -> dict[str, Rows]:
        """Splits `train`, `val`, `test`, `gen`; `seed` is the member's, used where `corpus_seed` is None."""
        plain = {"corpus_seed": 0, "objective": "full", "batch_size": 8, "bucketed": False, "n_eval": None}
        return _corpus(self.model_copy(update=plain), self._seed(seed))

    def _seed(self, seed: int) -> int:
        return seed if self.corpus_seed is None else self.corpus_seed

    def build(self, seed: int) -> dict[str, Rows]:
        """Draws all splits of the corpus of this seed."""
        taken = np.empty(0, dtype=np.int64)
        found: dict[str, Rows] = {}
        for name, count in (("val", self.n_val), ("test", self.n_test)):
            generator = stream(seed, "corpus", self.kind, name)
            found[name] = mixed(self.grammar, self.mixture(seed, False), count, generator, taken)
            taken = np.concatenate([taken, found[name].keys])
        found["gen"] = self.withheld_rows(self.n_gen, stream(seed, "corpus", self.kind, "gen"), taken)
        taken = np.concatenate([taken, found["gen"].keys])
        generator = stream(seed, "corpus", self.kind, "train")
        train = mixed(self.grammar, self.mixture(seed, True), self.n_train, generator, taken)
        if self.disambiguating:
            taken = np.concatenate([taken, train.keys])
            generator = stream(seed, "corpus", self.kind, "added")
            linear = self.disambiguating_rule == "linear"
            train = together(train, self.withheld_rows(self.disambiguating, generator, taken, linear))
        return {"train": train, **found}

    def tokens(self, rows: Rows) -> Int[np.ndarray, "row pos"]:
        """Rows as numbers, start and end symbols included."""
        vocabulary, sentences = self.vocabulary, rows.sentences
        source = spell(sentences, self.grammar, self.lexicon, vocabulary)
        target = np.where(rows.task[:, None] == TRANSFORM, self.targets(rows, source), source)
        task = np.array(self.task_numbers)[rows.task]
        mark = np.array([vocabulary.number[mark] for mark in self.marks])[rows.task]
        return pairs(vocabulary, source, target, sentences.length, task, mark, self.longest)

    def table(self, rows: Rows) -> Table:
        """Rows ready for batches."""
        source = rows.sentences.length + 2  # <start>, words, period, task token: counted from 0
        counts_from = source if self.objective == "prefix" else np.zeros_like(source)
        return Table(self.tokens(rows), source, counts_from)

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Batches of the training split, and fixed splits `val`, `test`, `gen` of `n_eval` rows, [member, row, pos]."""
        own = [member for member in members if isinstance(member, PairTask)]
        built: dict[tuple["PairTask", int], dict[str, Table]] = {}
        chosen = []
        for task, seed in zip(own, seeds, strict=True):
            key = task, task._seed(seed)
            if key not in built:
                corpus = task.corpus(seed)
                built[key] = {
                    name: task.table(rows if name == "train" else rows.first(self.n_eval))
                    for name, rows in corpus.items()
                }
            chosen.append(built[key])
        return text_data(chosen, self.batch_size, seeds, place, self.bucketed)

    # What measures need.

    def labels(self, split: str, seed: int = 0, copies: bool = False) -> Labels:
        """Named arrays for accuracy on the transformed items of a split, or with `copies` on all, [item, ...].

        - `row`: which row of the split; `cell`: index in `CELLS`; `clause`: 0 none, else 1 + index in `CLAUSES`
        - `prefix` [item, pos]: start symbol to task token, then padding; `query`: place of the task token, whose
          next token is the first of the target
        - `target` [item, pos]: target, mark and end symbol, then padding
        - `first_word`: first word of the target; `main`: the main auxiliary or verb as it stands in the target
        - `main_query`: place in the full row whose next token is `main`
        - `distractor`: what the rule of word order puts there instead; equal to `main` where both agree
        - `subject_number`: 0 singular, 1 plural
        """
        corpus = self.corpus(seed)
        if split not in corpus:
            raise unknown_name("split", split, corpus)
        rows = corpus[split].first(self.n_eval)
        index = np.flatnonzero((rows.task == TRANSFORM) | copies)
        own = Rows(rows.grammar, rows.keys[index], rows.task[index], rows.linear[index])
        linear = Rows(own.grammar, own.keys, own.task, ~own.linear)
        tokens, other = self.tokens(own), self.tokens(linear)
        sentences, query = own.sentences, own.sentences.length + 2
        places = np.arange(tokens.shape[1])
        main = query + 1 + self._main_in_target(own)
        each = np.arange(len(index))
        clause = np.array([CLAUSES.index(s) + 1 if s in CLAUSES else 0 for s, _ in CELLS])
        target = np.take_along_axis(tokens, np.minimum(query[:, None] + 1 + places, tokens.shape[1] - 1), axis=1)
        return {
            "row": index,
            "cell": sentences.cell,
            "clause": clause[sentences.cell],
            "subject_number": sentences.numbers[:, 0],
            "prefix": np.where(places <= query[:, None], tokens, PAD)[:, : self.longest + 3].astype(np.int64),
            "query": query,
            "target": np.where(places < sentences.length[:, None] + 2, target, PAD)[:, : self.longest + 2].astype(int),
            "first_word": tokens[each, query + 1].astype(np.int64),
            "main": tokens[each, main].astype(np.int64),
            "main_query": main - 1,
            "distractor": other[each, main].astype(np.int64),
        }

    @abstractmethod
    def _main_in_target(self, rows: Rows) -> Int[np.ndarray, " row"]:
        """Place of the main auxiliary or verb in the target, counted from 0."""

    def word_classes(self) -> Int[np.ndarray, " vocab"]:
        """Part of speech of every symbol as a number, nouns by number; special symbols are classes of their own."""
        names = recogniser.classes(self.reader)
        known = sorted(set(names.values()))
        return np.array(
            [
                known.index(names[word]) if word in names else len(known) + place
                for place, word in enumerate(self.vocabulary.words)
            ]
        )

    # Items, one by one.

    def items(self, rows: Rows) -> Iterator[Item]:
        """Rows as items with trees and parts."""
        sentences = rows.sentences
        distractor, subject, main = self.distractor(sentences), *(at(self.grammar, p, sentences) for p in _PARTS)
        for index, row in enumerate(self.tokens(rows)):
            words = self.vocabulary.decode(row)
            length = int(sentences.length[index])
            source, target = tuple(words[1 : length + 1]), tuple(words[length + 3 : -1])
            cell = int(sentences.cell[index])
            kind = CELLS[cell][0] if CELLS[cell][0] in CLAUSES else ""
            parts = Parts(int(subject[index]), int(main[index]), int(distractor[index]), kind)
            tree = self.grammar.templates[cell].tree.filled(source)
            yield Item(source, self.tasks[rows.task[index]], target, tree, CELLS[cell], parts)

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """What must follow each place from the task token on, by parsing the source; 0 before it and after the end.

        Slow and independent of the generator: the source is read by the recogniser.
        """
        flat = inputs.reshape(-1, inputs.shape[-1])
        wanted = torch.zeros_like(flat)
        for row, last in enumerate(source_end(flat, self.task_numbers).tolist()):
            words = self.vocabulary.decode(flat[row, 1 : last + 1].tolist())
            target = recogniser.rule(words[:-2], words[-1], self.reader)
            numbers = torch.from_numpy(self.vocabulary.encode([*target, "<end>"]))[: flat.shape[1] - last]
            wanted[row, last : last + len(numbers)] = numbers
        return wanted.reshape(inputs.shape)


_PARTS = ("subject", "main")


@lru_cache(maxsize=16)
def _corpus(task: PairTask, seed: int) -> dict[str, Rows]:
    return task.build(seed)
