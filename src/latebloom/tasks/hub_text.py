"""Predict the next token of passages of a data set of the Hugging Face hub, or of a copy of it in a local folder.

A passage is the first `tokens` tokens of a document that has at least so many, without a start token: the form of the
published runs on MS MARCO and the Pile (Wu, Morris and Levine 2024, arXiv 2404.00859, section 5.1). Training passages
are drawn with replacement; which passages are tested on is a function of their number alone.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Signature
from latebloom.errors import LatebloomError, not_fetched
from latebloom.file_digest import digest_of
from latebloom.randomness import stream
from latebloom.spec import found_from
from latebloom.tasks.base import TASKS
from latebloom.tasks.fresh import FreshTask, Rows
from latebloom.tasks.text_tokens import Characters, Tokenizer, is_here, read_text, stored, tokenizer_file


@TASKS.register("hub_text")
class HubText(FreshTask):
    """Passages of a named data set, read by a named tokenizer."""

    version: ClassVar[int] = 3  # 2: a byte order mark is no token. 3: nor are braces of a record, nor a start token

    kind: Literal["hub_text"] = "hub_text"
    dataset: str = Field(
        "microsoft/ms_marco", description="name on the hub, or a folder of .parquet, .jsonl or .txt files"
    )
    config: str = Field("v2.1", description="configuration on the hub; empty: none")
    split: str = Field("train", description="split of the data set on the hub")
    column: str = Field("passages", description="column that holds the text; of .txt files each line is a document")
    tokenizer: str = Field(
        "openai-community/gpt2", description="name on the hub, a folder or file tokenizer.json, or 'characters'"
    )
    tokens: int = Field(64, ge=2, description="tokens of a passage; a network sees all but the last")
    documents: int | None = Field(None, ge=1, description="read at most so many; None: all")
    batch_size: int = Field(512, ge=1, description="sequences in a training step")
    test_share: float = Field(0.01, gt=0, lt=1, description="share of the passages that is only tested on")
    digest: str = found_from(
        *("dataset", "tokenizer"),
        joined=True,
        description="SHA-256 of data set and tokenizer as far as they are files here, found by itself; files that "
        "change later are refused",
    )

    @model_validator(mode="before")
    @classmethod
    def _know_the_files(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("digest"):
            return data
        places = (data.get(name, cls.model_fields[name].default) for name in ("dataset", "tokenizer"))
        return {**data, "digest": _digest(*map(str, places))}

    @property
    def passages(self) -> tuple[Int[np.ndarray, "passage token"], Tokenizer]:
        """All passages, read once, and what turns them back into text."""
        return _passages(
            *(self.dataset, self.config, self.split, self.column, self.tokenizer, self.tokens, self.documents),
            self.digest,
        )

    @property
    def _in_a_folder(self) -> bool:
        return _folder(self.dataset).is_dir()

    @property
    def at_hand(self) -> bool:
        """Whether data set and tokenizer are files here: else the hub is asked when an experiment is laid out."""
        return self._in_a_folder and (self.tokenizer == "characters" or is_here(self.tokenizer))

    def reach(self) -> None:
        """Reads the first document of a data set on the hub."""
        if not self._in_a_folder:
            _first(self.dataset, self.config, self.split, self.column)

    @property
    def signature(self) -> Signature:
        """Tokens; logits of the next. A data set on the hub is not read for it, unless characters are its tokens."""
        read = self.tokenizer == "characters" or self._in_a_folder
        try:
            size = self.passages[1].d_vocab if read else _named(self.tokenizer).d_vocab
        except LatebloomError:
            _check_name(self.dataset)  # which may be what is wrong first
            raise
        return Signature(n_inputs=1, n_outputs=size, d_vocab=size, n_ctx=self.tokens - 1)

    def draw(self, noise: np.random.Generator, rows: int) -> Rows:
        """Training passages, with replacement."""
        return self._rows(noise, rows, test=False)

    def draw_test(self, noise: np.random.Generator, rows: int) -> Rows:
        """Test passages, with replacement."""
        return self._rows(noise, rows, test=True)

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """No rule says the next token; the one that comes next in the passage is known where it is in the row."""
        return torch.cat([inputs[..., 1:], inputs[..., -1:]], -1)

    def _rows(self, noise: np.random.Generator, rows: int, test: bool) -> Rows:
        passages, _ = self.passages
        order = _shuffled(len(passages))
        cut = max(1, round(len(passages) * self.test_share))
        own = order[:cut] if test else order[cut:]
        if not len(own):
            raise LatebloomError(
                f"task.dataset = {self.dataset!r} has {len(passages)} passages of {self.tokens} tokens: too few to set "
                "some aside for testing. Read more documents, or take shorter passages."
            )
        found = passages[own[noise.integers(0, len(own), rows)]].astype(np.int64)
        return found[:, :-1], found[:, 1:], np.ones((rows, self.tokens - 1))


@lru_cache(maxsize=2)
def _shuffled(count: int) -> Int[np.ndarray, "passage"]:
    """The numbers of all passages, those to be tested on first; of millions, so drawn once and not at every step."""
    order = stream(0, "hub_text", "test passages").permutation(count)
    order.flags.writeable = False
    return order


@lru_cache(maxsize=2)
def _first(dataset: str, config: str, split: str, column: str) -> str | None:
    return next(_documents(dataset, config, split, column, 1), None)


def _named(tokenizer: str) -> Tokenizer:
    return _stored(tokenizer, digest_of(_tokenizer_files(tokenizer)))


@lru_cache(maxsize=2)
def _stored(tokenizer: str, digest: str) -> Tokenizer:
    """`digest` is that of its file as it is: another is read anew."""
    return stored(tokenizer)


@lru_cache(maxsize=2)
def _passages(
    dataset: str, config: str, split: str, column: str, tokenizer: str, tokens: int, documents: int | None, digest: str
) -> tuple[Int[np.ndarray, "passage token"], Tokenizer]:
    """Read once for each `digest`, which the files must still have where there is one."""
    _check_name(dataset)
    if digest and (now := _digest(dataset, tokenizer)) != digest:
        raise LatebloomError(
            f"task.dataset = {dataset!r} or task.tokenizer = {tokenizer!r} is no longer what it was (SHA-256 "
            f"{digest[:12]}..., now {now[:12] or 'no file'}): put the old files back, or run the same command "
            "again for a new experiment."
        )
    texts = list(_documents(dataset, config, split, column, documents))
    own = Characters("".join(texts)) if tokenizer == "characters" else _named(tokenizer)
    found = [ids[:tokens] for text in texts if len(ids := own.encode(text)) >= tokens]
    if not found:
        raise LatebloomError(
            f"task.dataset = {dataset!r}: none of {len(texts)} documents has task.tokens = {tokens} tokens. "
            "Take shorter passages, or another column."
        )
    return np.stack(found).astype(np.int32), own


def _documents(dataset: str, config: str, split: str, column: str, most: int | None) -> Iterator[str]:
    """The texts of a data set, at most so many."""
    folder = _folder(dataset)
    source = _local(folder, column) if folder.is_dir() else _remote(dataset, config, split, column)
    for number, text in enumerate(source):
        if most is not None and number >= most:
            return
        yield text


def _folder(dataset: str) -> Path:
    return Path(dataset).expanduser()


def _check_name(dataset: str) -> None:
    """Raises where a data set that is no folder is written like one, so that no hub has it."""
    if not _folder(dataset).is_dir() and (_folder(dataset).is_absolute() or dataset.startswith(".")):
        raise LatebloomError(
            f"task.dataset = {dataset!r} is no folder here. Name a folder of .parquet, .jsonl or .txt files, or a data "
            "set of the hub, such as microsoft/ms_marco."
        )


def _files(folder: Path) -> list[Path]:
    """What is read of a folder, in order."""
    return sorted(p for p in folder.rglob("*") if p.suffix in (".parquet", ".jsonl", ".txt") and p.is_file())


def _digest(dataset: str, tokenizer: str) -> str:
    """Of the files here that a data set and a tokenizer are; empty where both are names on the hub."""
    folder = _folder(dataset)
    texts = [(str(path.relative_to(folder)), path) for path in _files(folder)] if folder.is_dir() else []
    return digest_of([*texts, *_tokenizer_files(tokenizer)])


def _tokenizer_files(tokenizer: str) -> list[tuple[str, Path]]:
    path = tokenizer_file(tokenizer)
    return [("tokenizer.json", path)] if tokenizer != "characters" and path.is_file() else []


def _local(folder: Path, column: str) -> Iterator[str]:
    """Documents of every file of a folder, in the order of file names."""
    files = _files(folder)
    if not files:
        raise LatebloomError(f"task.dataset: the folder {folder} has no .parquet, .jsonl or .txt file.")
    for path in files:
        if path.suffix == ".txt":
            yield from (line for _, line in _lines(path))
        elif path.suffix == ".jsonl":
            for number, line in _lines(path):
                value = _column(_record(path, number, line), column, str(path))
                yield from _texts(value, column, f"line {number} of {path}")
        else:
            import pyarrow.parquet as parquet

            # A dictionary of columns answers as a row does.
            for number, value in enumerate(_column(parquet.read_table(path).to_pydict(), column, str(path)), 1):
                yield from _texts(value, column, f"row {number} of {path}")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not empty, with their numbers from 1."""
    lines = read_text(path, f"task.dataset: the file {path}").splitlines()
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise LatebloomError(
            f"task.dataset: line {number} of {path} is no JSON object with columns, such as "
            f'{{"text": "..."}}: {line[:40]!r}.'
        )
    return record


def _remote(dataset: str, config: str, split: str, column: str) -> Iterator[str]:
    """Documents of a data set of the hub, by the `datasets` library."""
    _check_name(dataset)
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise LatebloomError(
            f"task.dataset = {dataset!r} is no folder here, and to fetch it needs the package `datasets`, which is not "
            "installed: pip install datasets, or name a folder of .parquet, .jsonl or .txt files."
        ) from None
    for number, row in enumerate(_rows(datasets, dataset, config, split), 1):
        yield from _texts(_column(row, column, dataset), column, f"row {number} of {dataset}")


def _rows(library: Any, dataset: str, config: str, split: str) -> Iterator[Any]:
    """The rows of a data set of the hub as they come."""
    try:
        yield from library.load_dataset(dataset, config or None, split=split, streaming=True)
    except Exception as error:  # the library's own are of no common kind
        instead = "Name a folder of .parquet, .jsonl or .txt files, or see task.config and task.split."
        raise not_fetched(f"task.dataset = {dataset!r}", error, instead) from error


def _texts(value: Any, column: str, where: str) -> Iterator[str]:
    """The documents in one cell of a column: a text, none where it is empty, or the passages of one query."""
    if isinstance(value, dict) and "passage_text" in value:  # MS MARCO keeps the passages of a query together
        yield from value["passage_text"]
    elif isinstance(value, str):
        yield value
    elif value is not None:
        kind = f"a record of {', '.join(map(str, value))}" if isinstance(value, dict) else f"a {type(value).__name__}"
        raise LatebloomError(f"task.column = {column!r} holds {kind} in {where}: name a column of texts.")


def _column(row: dict[str, Any], column: str, where: str) -> Any:
    if column not in row:
        raise LatebloomError(f"task.column = {column!r} is not in {where}. Its columns: {', '.join(sorted(row))}.")
    return row[column]
