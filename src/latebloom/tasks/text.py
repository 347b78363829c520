"""Predict the next token of text: windows of the user's own file, or of a made-up language that needs none.

A text is cut in two, the test part last; a training sequence is a window at a random place of the first part, a test
sequence one of the second. Windows begin anywhere, so the first places see text that has begun before.
"""

import hashlib
from abc import abstractmethod
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.spec import found_from
from latebloom.tasks.base import TASKS
from latebloom.tasks.fresh import FreshTask, Rows
from latebloom.tasks.made_up_language import speak
from latebloom.tasks.text_tokens import Tokenizer, TokenizerName, made, read_text


@dataclass(frozen=True)
class Corpus:
    """A text as tokens, in two parts, with what turns them back into text."""

    train: Int[np.ndarray, "token"]
    test: Int[np.ndarray, "token"]
    tokenizer: Tokenizer

    @property
    def successors(self) -> Int[np.ndarray, "d_vocab"]:
        """The most frequent next token of each token in the training part; for one that never came, itself."""
        pairs = Counter(zip(self.train[:-1].tolist(), self.train[1:].tolist(), strict=True))
        best = np.arange(self.tokenizer.d_vocab)
        for (first, second), _ in sorted(pairs.items(), key=lambda item: (item[1], -item[0][1])):
            best[first] = second
        return best


class Windows(FreshTask):
    """Next-token prediction in windows of one long text."""

    places: int = Field(64, ge=1, description="tokens a network sees")
    batch_size: int = Field(64, ge=1, description="sequences in a training step")
    tokenizer: TokenizerName = Field("characters", description="what a token is; byte pairs are learned from the text")
    vocabulary: int = Field(1024, ge=1, description="tokens of byte_pair; characters are as many as the text has")
    test_share: float = Field(0.1, gt=0, lt=1, description="share of the text, at its end, that is only tested on")

    @property
    @abstractmethod
    def corpus(self) -> Corpus:
        """The text as tokens."""

    @property
    def signature(self) -> Signature:
        """Tokens; logits of the next."""
        size = self.corpus.tokenizer.d_vocab
        return Signature(n_inputs=1, n_outputs=size, d_vocab=size, n_ctx=self.places)

    def draw(self, noise: np.random.Generator, rows: int) -> Rows:
        """Windows at random places of the training part, [batch, pos]; every place counts."""
        return self._windows(self.corpus.train, noise, rows, "training")

    def draw_test(self, noise: np.random.Generator, rows: int) -> Rows:
        """Windows at random places of the test part."""
        return self._windows(self.corpus.test, noise, rows, "test")

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """No rule says the next token. This is what a table of pairs says: the most frequent successor in training."""
        return torch.as_tensor(self.corpus.successors, device=inputs.device)[inputs]

    def _windows(self, tokens: np.ndarray, noise: np.random.Generator, rows: int, part: str) -> Rows:
        if len(tokens) <= self.places:
            raise LatebloomError(
                f"task.places = {self.places}: the {part} part of the text has only {len(tokens)} tokens, so no window "
                "and its next token fit. Take a longer text, a smaller task.places or another task.test_share."
            )
        begins = noise.integers(0, len(tokens) - self.places, rows)
        found = tokens[begins[:, None] + np.arange(self.places + 1)]
        return found[:, :-1], found[:, 1:], np.ones((rows, self.places))


@TASKS.register("text")
class Text(Windows):
    """A plain-text file of the user's, UTF-8; a book in the public domain of a few megabytes is a good size."""

    kind: Literal["text"] = "text"
    file: str = Field("", description="path of a plain-text file, UTF-8")
    digest: str = found_from(
        "file",
        description="its SHA-256 without a byte order mark, found by itself; a file that changes later is refused",
    )

    @model_validator(mode="before")
    @classmethod
    def _know_the_file(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not data.get("file"):
            raise ValueError(
                "task.kind = 'text' reads a file of yours: set task.file to the path of a plain-text file (a book from "
                "gutenberg.org, say). Without one: task.kind = 'shakespeare', or 'synthetic_text' (made up)."
            )
        path = Path(data["file"]).expanduser()
        if not path.is_file():
            raise ValueError(f"task.file = {data['file']!r}: there is no such file.")
        digest, whole = _digests(path.read_bytes())
        if data.get("digest", "") not in ("", digest, whole):
            raise ValueError(_changed(data["file"], data["digest"], digest))
        return {**data, "digest": data.get("digest") or digest}

    @property
    def corpus(self) -> Corpus:
        """The file as tokens; read once."""
        return _read(self.file, self.digest, self.tokenizer, self.vocabulary, self.test_share)


@TASKS.register("synthetic_text")
class SyntheticText(Windows):
    """Made-up sentences of a small random grammar: no natural language, and to be called what it is."""

    version: ClassVar[int] = 2  # 2: the last word of each list is said as well
    kind: Literal["synthetic_text"] = "synthetic_text"
    length: int = Field(500_000, ge=1000, description="characters, about")
    language_seed: int = Field(0, ge=0, description="which words and which text")

    @property
    def corpus(self) -> Corpus:
        """The text as tokens; made once."""
        return _spoken(self.language_seed, self.length, self.tokenizer, self.vocabulary, self.test_share)


def _digests(content: bytes) -> tuple[str, str]:
    """SHA-256 of a file's text, and of all its bytes: they differ where a byte order mark comes first."""
    return hashlib.sha256(content.removeprefix(BOM_UTF8)).hexdigest(), hashlib.sha256(content).hexdigest()


def _changed(file: str, digest: str, now: str) -> str:
    return (
        f"task.file = {file!r} is no longer the text it was (SHA-256 {digest[:12]}..., now {now[:12]}...): put the old "
        "file back, or run the same command again for a new experiment."
    )


@lru_cache(maxsize=4)
def _read(file: str, digest: str, tokenizer: TokenizerName, vocabulary: int, test_share: float) -> Corpus:
    """The file as tokens. Runs whose digest covers a byte order mark were made with it as a character, and keep it."""
    path = Path(file).expanduser()
    plain, whole = _digests(path.read_bytes())
    if digest not in (plain, whole):
        raise LatebloomError(_changed(file, digest, plain))
    text = read_text(path, f"task.file = {file!r}", keep_mark=digest != plain)
    return cut(text, tokenizer, vocabulary, test_share)


@lru_cache(maxsize=4)
def _spoken(seed: int, length: int, tokenizer: TokenizerName, vocabulary: int, test_share: float) -> Corpus:
    return cut(speak(seed, length), tokenizer, vocabulary, test_share)


def cut(text: str, tokenizer: TokenizerName, vocabulary: int, test_share: float) -> Corpus:
    """A text as a corpus; byte pairs are learned from the training part alone, characters are all the text has."""
    if not text:
        raise LatebloomError("The text is empty: there is nothing to predict.")
    at = round(len(text) * (1 - test_share))
    tokens = made(tokenizer, text if tokenizer == "characters" else text[:at], vocabulary)
    return Corpus(tokens.encode(text[:at]), tokens.encode(text[at:]), tokens)
