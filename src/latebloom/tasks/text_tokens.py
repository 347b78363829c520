"""Text as integers: single characters, or byte pairs learned on the spot by the `tokenizers` library."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from jaxtyping import Int

from latebloom.errors import LatebloomError, not_fetched

TokenizerName = Literal["characters", "byte_pair"]


class Tokenizer(Protocol):
    """What tasks ask of a tokenizer, ours or another library's behind `Borrowed`."""

    d_vocab: int

    def encode(self, text: str) -> Int[np.ndarray, "token"]:
        """Token numbers."""

    def decode(self, tokens: Iterable[int]) -> str:
        """The text again."""


class Characters:
    """One token for each different character of a text, in the order of their code points.

    >>> three = Characters("abba c")
    >>> three.encode("cab").tolist(), three.decode([1, 2, 2, 1]), three.d_vocab
    ([3, 1, 2], 'abba', 4)
    """

    def __init__(self, text: str) -> None:
        self.symbols = sorted(set(text))
        self.d_vocab = len(self.symbols)
        self._number = {symbol: number for number, symbol in enumerate(self.symbols)}

    def encode(self, text: str) -> Int[np.ndarray, "token"]:
        """Token numbers; a character that the text of this tokenizer does not have is refused."""
        try:
            return np.fromiter((self._number[symbol] for symbol in text), dtype=np.int64, count=len(text))
        except KeyError as missing:
            raise LatebloomError(
                f"The character {missing.args[0]!r} is not among the {self.d_vocab} this tokenizer was made from: "
                "make one from the text you want to encode."
            ) from None

    def decode(self, tokens: Iterable[int]) -> str:
        """The text again."""
        return "".join(self.symbols[token] for token in tokens)


class Borrowed:
    """A tokenizer of the `tokenizers` library."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.d_vocab = 1 + max(inner.get_vocab().values(), default=-1)  # numbers may have gaps

    def encode(self, text: str) -> Int[np.ndarray, "token"]:
        """Token numbers of the text alone, without the start or end token that some tokenizers put around it."""
        return np.asarray(self.inner.encode(text, add_special_tokens=False).ids, dtype=np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text again."""
        return str(self.inner.decode([int(token) for token in tokens]))


def read_text(path: Path, owner: str, keep_mark: bool = False) -> str:
    """A text file, UTF-8; a byte order mark at its head is no part of the text unless asked for."""
    try:
        return path.read_text(encoding="utf-8" if keep_mark else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise LatebloomError(
            f"{owner} is not UTF-8 text (byte {error.start}): convert it, e.g. iconv -f latin1 -t utf-8."
        ) from None


def byte_pairs(text: str, d_vocab: int) -> Tokenizer:
    """Byte pairs merged until there are `d_vocab` tokens (Sennrich et al. 2016; on bytes as in GPT-2), from `text`."""
    if d_vocab < 257:
        raise LatebloomError(
            f"task.vocabulary = {d_vocab}: byte pairs begin with the 256 bytes, so choose at least 257, "
            "or task.tokenizer=characters."
        )
    library = tokenizers_library("task.tokenizer = 'byte_pair'")
    inner = library.Tokenizer(library.models.BPE())
    inner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=d_vocab, initial_alphabet=alphabet, show_progress=False)
    inner.train_from_iterator(text.splitlines(keepends=True), trainer)
    return Borrowed(inner)


def made(name: TokenizerName, text: str, d_vocab: int) -> Tokenizer:
    """A tokenizer by name, from a text."""
    return Characters(text) if name == "characters" else byte_pairs(text, d_vocab)


def stored(place: str) -> Tokenizer:
    """A pretrained tokenizer: a `tokenizer.json`, a folder that has one, or a name on the Hugging Face hub."""
    library = tokenizers_library(f"task.tokenizer = {place!r}")
    path = tokenizer_file(place)
    if path.suffix == ".json" and not path.is_file():
        raise LatebloomError(f"task.tokenizer: there is no file {path}. Name a tokenizer.json, or a folder with one.")
    if path.is_file():
        try:
            return Borrowed(library.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library's own are of no common kind
            told = f"task.tokenizer: the file {path} holds no tokenizer of the library ({error})."
            raise LatebloomError(told) from None
    try:
        return Borrowed(library.Tokenizer.from_pretrained(place))
    except Exception as error:
        instead = "Name a tokenizer.json, a folder with one, or task.tokenizer=characters."
        raise not_fetched(f"task.tokenizer = {place!r}", error, instead) from error


def tokenizer_file(place: str) -> Path:
    """Where a tokenizer of this machine lies; a name on the hub comes back as a path that is no file."""
    path = Path(place)
    return path / "tokenizer.json" if path.is_dir() else path


def is_here(place: str) -> bool:
    """Whether `stored` reads this machine alone: a file or a folder, or what is written like one."""
    return Path(place).exists() or Path(place).suffix == ".json"


def tokenizers_library(wanted_by: str) -> Any:
    """The library, or an error that says how to get it and what works without."""
    try:
        # By name: it is optional, so neither tests nor type checks may need it.
        return importlib.import_module("tokenizers")
    except ImportError:
        raise LatebloomError(
            f"{wanted_by} needs the package `tokenizers`, which is not installed: pip install tokenizers, "
            "or use task.tokenizer=characters."
        ) from None
