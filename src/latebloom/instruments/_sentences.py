"""Sentences as arrays, and the rows an encoder is given: which tokens, at which positions, in unpadded batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from latebloom.errors import LatebloomError

Sentence = Sequence[int | Sequence[int]]
"""Words as token ids; a word that a tokeniser cuts into pieces is a sequence of ids."""


@dataclass(frozen=True)
class Layout:
    """Sentences padded to one length, behind symbols that come `before` and in front of those that come `after`."""

    pieces: Int[np.ndarray, "sentence piece"]
    ends: Int[np.ndarray, "sentence word_end"]  # pieces in the first 0, 1, ..., n words
    lengths: Int[np.ndarray, "sentence"]  # words
    before: Int[np.ndarray, "symbol"]
    after: Int[np.ndarray, "symbol"]

    def width(self, sentence: int) -> int:
        """Tokens of a whole sentence with all that stands around it."""
        return len(self.before) + int(self.ends[sentence, -1]) + len(self.after)

    def parts(self, tokens_at_once: int) -> Iterator[Int[np.ndarray, "chosen"]]:
        """Neighbouring sentences of about so many pieces together, at least one of them at a time."""
        part = self.ends[:, -1].cumsum() // max(1, tokens_at_once)
        yield from np.split(np.arange(len(part)), np.flatnonzero(np.diff(part)) + 1)

    def tokens(
        self, sentence: Int[np.ndarray, "row"], first: Int[np.ndarray, "row"], last: Int[np.ndarray, "row"]
    ) -> tuple[Int[np.ndarray, "row pos"], Int[np.ndarray, "row pos"]]:
        """Tokens of words first..last of each row between `before` and `after`, and their places in the sentence.

        All rows must have one number of pieces.
        """
        start = self.ends[sentence, first]
        size = int(self.ends[sentence[0], last[0] + 1] - start[0])
        opening, closing = len(self.before), len(self.before) + size
        tokens = np.empty((len(sentence), closing + len(self.after)), dtype=np.int64)
        positions = np.empty_like(tokens)
        place = start[:, None] + np.arange(size)
        tokens[:, :opening], positions[:, :opening] = self.before, np.arange(opening)
        tokens[:, opening:closing], positions[:, opening:closing] = (
            self.pieces[sentence[:, None], place],
            opening + place,
        )
        tokens[:, closing:] = self.after
        positions[:, closing:] = opening + self.ends[sentence, -1:] + np.arange(len(self.after))
        return tokens, positions


def layout(sentences: Sequence[Sentence], before: Sequence[int], after: Sequence[int]) -> Layout:
    """Sentences as arrays; raises `LatebloomError` for none at all, an empty sentence or a word without pieces."""
    if len(sentences) == 0:
        raise LatebloomError("No sentences were given; give at least one, as token ids of its words.")
    words = [[_pieces(word, number) for word in _plain(one)] for number, one in enumerate(sentences)]
    for number, one in enumerate(words):
        if not one or not all(one):
            what = "has no words" if not one else f"has a word without pieces: {sentences[number]!r}"
            raise LatebloomError(f"Sentence {number} {what}; every sentence needs a word and every word a token id.")
    lengths = np.array([len(one) for one in words])
    counts = np.zeros((len(words), lengths.max() + 1), dtype=np.int64)
    for number, one in enumerate(words):
        counts[number, 1 : len(one) + 1] = [len(word) for word in one]
    ends = counts.cumsum(axis=1)
    pieces = np.zeros((len(words), ends[:, -1].max()), dtype=np.int64)
    for number, one in enumerate(words):
        pieces[number, : ends[number, -1]] = [piece for word in one for piece in word]
    symbols = (np.asarray(part, dtype=np.int64).reshape(-1) for part in (before, after))
    return Layout(pieces, ends, lengths, *symbols)


def _plain(one: object) -> list[object]:
    """A sentence as a list; tensors and arrays become one."""
    found = one.tolist() if isinstance(one, Tensor | np.ndarray) else one
    return list(found) if isinstance(found, Sequence) and not isinstance(found, str) else [found]


def _pieces(word: object, number: int) -> list[int]:
    """Token ids of a word. Raises `LatebloomError` for anything else, such as text or the -100 of padding."""
    pieces = [word] if isinstance(word, int | np.integer) else _plain(word)
    wrong = [piece for piece in pieces if not isinstance(piece, int | np.integer) or piece < 0]
    if wrong:
        raise LatebloomError(
            f"Sentence {number} holds {wrong[0]!r}: give every sentence as token ids of its words, [5, 9, 12], or as "
            "the pieces of each, [[5], [9, 12]]; no text and no padding."
        )
    return [int(piece) for piece in pieces]  # type: ignore[call-overload]


def batches(size: Int[np.ndarray, "row"], tokens_at_once: int) -> Iterator[Int[np.ndarray, "chosen"]]:
    """Row numbers in groups of one size, none with more than `tokens_at_once` tokens (but at least one row)."""
    order = np.argsort(size, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(size[order])) + 1):
        if len(group):
            per_batch = max(1, tokens_at_once // max(1, int(size[group[0]])))
            yield from (group[at : at + per_batch] for at in range(0, len(group), per_batch))


def to_tensor(array: np.ndarray, device: torch.device | str | None) -> Tensor:
    """An array on the encoder's device."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def wide(device: torch.device) -> torch.dtype:
    """The type sums are taken in: float64, except where a device has none."""
    return torch.float32 if device.type == "mps" else torch.float64
