"""Nested brackets of several types: Dyck strings of bounded depth, with structures held out of training.

``(a`` opens a bracket of type a, ``a)`` closes it. The closing bracket is the part that can be known for certain.
Source: Murty et al. 2023 (arXiv 2305.18741): 20 types, depth at most 10, 200,000 training strings. Their strings have
no longest length; ours stop at `max_length`. The three ways of holding structures out are in `dyck_splits`.

Examples, and what must close each prefix:

>>> task = Dyck(n_train=1, n_val=1, n_gen=1)
>>> for prefix in ("(a (b", "(a (b b)", "(a (b b) a)"):
...     inputs = torch.from_numpy(task.vocabulary.encode(["<start>", *prefix.split()]))
...     print(prefix, "->", *task.vocabulary.decode(task.answer(inputs)[-1:].tolist()) or ["any opening"])
(a (b -> b)
(a (b b) -> a)
(a (b b) a) -> any opening
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Data, Place, Signature
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.language.batches import Table, text_data
from latebloom.tasks.language.brackets import Strings, samples
from latebloom.tasks.language.dyck_splits import Split, divide
from latebloom.tasks.language.text import PAD, Vocabulary

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@lru_cache(maxsize=32)
def _vocabulary(n_types: int) -> Vocabulary:
    return Vocabulary([word for letter in LETTERS[:n_types] for word in (f"({letter}", f"{letter})")])


@TASKS.register("dyck")
class Dyck(Task):
    """Bracket strings, one token at a time."""

    kind: Literal["dyck"] = "dyck"
    version: ClassVar[int] = 2
    n_types: int = Field(20, ge=1, le=26, description="bracket types")
    max_depth: int = Field(10, ge=1, description="deepest nesting")
    min_length: int = Field(6, ge=2, description="brackets of the shortest string")
    max_length: int = Field(
        128, ge=2, le=2048, description="longer strings are not used; the published data had no bound"
    )
    n_train: int = vary(200_000, ge=1, description="training strings")
    n_val: int = Field(20_000, ge=1, description="new strings of known structure")
    n_gen: int = Field(20_000, ge=1, description="strings of held-out structure")
    n_eval: int | None = Field(1_000, ge=1, description="rows of each split to evaluate on; None: all")
    split: Split = vary(
        "component",
        description="held out by component (released code), by whole string (paper), or matched in length (ours)",
    )
    corpus_seed: int | None = vary(0, description="which corpus; None: each member draws one with its own seed")
    batch_size: int = Field(8, ge=1, description="sequences in a training step")
    bucketed: bool = Field(False, description="batches of rows of similar length")

    @model_validator(mode="after")
    def _check(self) -> "Dyck":
        if self.max_length < self.min_length:
            raise ValueError(
                f"task.max_length = {self.max_length} is below task.min_length = {self.min_length}: no string fits."
            )
        if self.max_length % 2:
            raise ValueError(f"task.max_length = {self.max_length}: bracket strings have even length; try one more.")
        return self

    @property
    def vocabulary(self) -> Vocabulary:
        """Two symbols a type, and 3 special ones."""
        return _vocabulary(self.n_types)

    @property
    def closing(self) -> Int[np.ndarray, " type"]:
        """Symbols of the closing brackets."""
        return self.vocabulary.encode([f"{letter})" for letter in LETTERS[: self.n_types]])

    @property
    def opening(self) -> Int[np.ndarray, " type"]:
        """Symbols of the opening brackets."""
        return self.vocabulary.encode([f"({letter}" for letter in LETTERS[: self.n_types]])

    @property
    def signature(self) -> Signature:
        """Symbols in, a logit for every symbol out, at every place."""
        size = len(self.vocabulary)
        return Signature(n_inputs=1, n_outputs=size, d_vocab=size, n_ctx=self.max_length)

    def corpus(self, seed: int = 0) -> dict[str, Strings]:
        """Splits `train`, `val`, `gen`; `seed` is the member's, used where `corpus_seed` is None."""
        plain = {"corpus_seed": 0, "batch_size": 8, "bucketed": False, "n_eval": None}
        own = seed if self.corpus_seed is None else self.corpus_seed
        return _corpus(self.model_copy(update=plain), own)

    def build(self, seed: int) -> dict[str, Strings]:
        """Draws all splits of the corpus of this seed."""

        def chunks(purpose: str) -> Iterator[Strings]:
            generator = stream(seed, "corpus", "dyck", purpose)
            return samples(generator, self.n_types, self.max_depth, self.min_length, self.max_length)

        return divide(chunks, self.split, self.n_train, self.n_val, self.n_gen, seed)

    def tokens(self, strings: Strings) -> Int[np.ndarray, "row pos"]:
        """Rows as numbers, with the start symbol; the end of a string is not predicted (Murty et al. 2023)."""
        words = np.where(strings.turn > 0, self.opening[strings.kind], self.closing[strings.kind])
        words = np.where(strings.turn == 0, PAD, words).astype(np.int16)
        return np.concatenate([np.full((len(words), 1), self.vocabulary.start, dtype=np.int16), words], axis=1)

    def table(self, strings: Strings) -> Table:
        """Rows ready for batches; every bracket counts."""
        nothing = np.zeros(len(strings), dtype=np.int64)
        return Table(self.tokens(strings), nothing, nothing)

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Batches of the training split, and fixed splits `val` and `gen` of `n_eval` rows, [member, row, pos]."""
        own = [member for member in members if isinstance(member, Dyck)]
        built: dict[int, dict[str, Table]] = {}
        chosen, kept = [], []  # kept: an id is only its owner's while the owner lives
        for task, seed in zip(own, seeds, strict=True):
            corpus = task.corpus(seed)
            if id(corpus) not in built:
                cut = {name: rows if name == "train" else rows[: self.n_eval] for name, rows in corpus.items()}
                built[id(corpus)] = {name: task.table(rows) for name, rows in cut.items()}
            kept.append(corpus)
            chosen.append(built[id(corpus)])
        return text_data(chosen, self.batch_size, seeds, place, self.bucketed)

    def labels(self, split: str, seed: int = 0) -> dict[str, np.ndarray]:
        """What accuracy needs, over the rows of an evaluation split.

        - `closes` [row, pos]: whether the next token closes a bracket; `distance`: how many tokens from its opening
          (0 elsewhere; the paper counts only 10 and more, the released code all)
        - `candidates` [type]: symbols of the closing brackets; `length`, `depth`, `components` [row]
        """
        strings = self.corpus(seed)[split][: self.n_eval]
        opener = strings.opener
        distance = np.where(opener >= 0, np.arange(opener.shape[1]) - opener, 0)
        return {
            "closes": opener >= 0,
            "distance": distance,
            "candidates": self.closing,
            "length": strings.length,
            "depth": strings.depth,
            "components": strings.components,
        }

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """The bracket that would close the innermost open one after each place; 0 where none is open."""
        closes = dict(zip(self.opening.tolist(), self.closing.tolist(), strict=True))
        flat = inputs.reshape(-1, inputs.shape[-1])
        wanted = torch.zeros_like(flat)
        for row, symbols in enumerate(flat.tolist()):
            open_: list[int] = []
            for place, symbol in enumerate(symbols):
                if symbol in closes:
                    open_.append(closes[symbol])
                elif open_ and symbol == open_[-1]:
                    open_.pop()
                wanted[row, place] = open_[-1] if open_ else PAD
        return wanted.reshape(inputs.shape)

    def lines(self, strings: Strings) -> Iterator[str]:
        """Rows as text."""
        for row in self.tokens(strings):
            yield " ".join(self.vocabulary.decode(row[1:]))


@lru_cache(maxsize=8)
def _corpus(task: Dyck, seed: int) -> dict[str, Strings]:
    return task.build(seed)
