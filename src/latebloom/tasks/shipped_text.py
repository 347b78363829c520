"""Predict the next character of a text that ships with the package: a megabyte of Shakespeare, in the public domain."""

import lzma
from functools import lru_cache
from importlib import resources
from typing import Literal

from latebloom.tasks.base import TASKS
from latebloom.tasks.text import Corpus, Windows, cut
from latebloom.tasks.text_tokens import TokenizerName


@TASKS.register("shakespeare")
class Shakespeare(Windows):
    """1.1 million characters of Shakespeare's plays, the selection that char-rnn made usual (Karpathy 2015)."""

    kind: Literal["shakespeare"] = "shakespeare"

    @property
    def corpus(self) -> Corpus:
        """The plays as tokens; read once."""
        return _plays(self.tokenizer, self.vocabulary, self.test_share)


def plays() -> str:
    """The text itself."""
    packed = resources.files("latebloom.tasks").joinpath("texts/shakespeare.txt.xz").read_bytes()
    return lzma.decompress(packed).decode("utf-8")


@lru_cache(maxsize=4)
def _plays(tokenizer: TokenizerName, vocabulary: int, test_share: float) -> Corpus:
    return cut(plays(), tokenizer, vocabulary, test_share)
