"""Text of the user's, of a data set in a folder, and of libraries that are not there."""

import hashlib
import json
import sys
import types

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.tasks import hub_text, text
from latebloom.tasks.hub_text import HubText
from latebloom.tasks.shipped_text import Shakespeare, plays
from latebloom.tasks.text import Text
from latebloom.tasks.text_tokens import Characters, byte_pairs, stored

BOOK = "It was the best of times, it was the worst of times, " * 40


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(BOOK, encoding="utf-8")
    return path


def test_a_file_is_cut_in_two_and_read_by_characters(book):
    task = Text.parse({"file": str(book), "places": 8, "test_share": 0.25})
    corpus = task.corpus
    assert corpus.tokenizer.decode(np.concatenate([corpus.train, corpus.test])) == BOOK
    assert len(corpus.test) == pytest.approx(len(BOOK) / 4, abs=1)
    inputs, targets, _ = task.draw(stream(0, "text"), 50)
    for row, target in zip(inputs, targets, strict=True):
        assert corpus.tokenizer.decode([*row, target[-1]]) in BOOK
    assert task.signature.d_vocab == len(set(BOOK))


def test_a_file_that_changes_is_refused_and_its_digest_is_found_by_itself(book):
    task = Text.parse({"file": str(book)})
    assert len(task.digest) == 64
    assert Text.parse(task.model_dump()) == task
    book.write_text(BOOK + "And then.", encoding="utf-8")
    with pytest.raises(LatebloomError, match=r"is no longer the text it was.*run the same command again"):
        Text.parse(task.model_dump())
    assert Text.parse({"file": str(book)}).digest != task.digest


def test_a_byte_order_mark_is_no_character(book):
    plain = Text.parse({"file": str(book), "places": 8})
    assert plain.digest == hashlib.sha256(BOOK.encode()).hexdigest()
    tokens = plain.corpus
    book.write_bytes(b"\xef\xbb\xbf" + BOOK.encode())
    marked = Text.parse({"file": str(book), "places": 8})
    assert marked == plain and marked.signature.d_vocab == len(set(BOOK))
    text._read.cache_clear()
    for part in ("train", "test"):
        assert np.array_equal(getattr(marked.corpus, part), getattr(tokens, part))
    book.write_bytes(b"\xef\xbb\xbf")
    with pytest.raises(LatebloomError, match="The text is empty"):
        _ = Text.parse({"file": str(book)}).corpus


def test_a_run_that_was_made_with_the_mark_as_a_character_keeps_it(book):
    content = b"\xef\xbb\xbf" + BOOK.encode()
    book.write_bytes(content)
    earlier = Text.parse({"file": str(book), "places": 8, "digest": hashlib.sha256(content).hexdigest()})
    assert earlier.digest == hashlib.sha256(content).hexdigest() != Text.parse({"file": str(book)}).digest
    assert earlier.signature.d_vocab == len(set(BOOK)) + 1
    assert earlier.corpus.tokenizer.decode(earlier.corpus.train[:3]) == "\ufeffIt"


def test_missing_and_foreign_files_are_told(tmp_path, book):
    with pytest.raises(LatebloomError, match=r"set task\.file to the path.*synthetic_text"):
        Text.parse({})
    with pytest.raises(LatebloomError, match=r"task\.file = 'nowhere\.txt': there is no such file"):
        Text.parse({"file": "nowhere.txt"})
    book.write_bytes("café".encode("latin1") * 300)
    with pytest.raises(LatebloomError, match=r"is not UTF-8 text \(byte 3\).*iconv"):
        _ = Text.parse({"file": str(book)}).corpus
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(LatebloomError, match="The text is empty"):
        _ = Text.parse({"file": str(tmp_path / "empty.txt")}).corpus


def test_a_character_the_tokenizer_never_saw_is_refused():
    with pytest.raises(LatebloomError, match="The character 'z' is not among the 2"):
        Characters("ab").encode("abz")


def test_byte_pairs_need_their_library_and_more_than_the_bytes(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(LatebloomError, match=r"needs the package `tokenizers`.*pip install tokenizers"):
        byte_pairs(BOOK, 300)
    with pytest.raises(LatebloomError, match=r"vocabulary = 100: byte pairs begin with the 256 bytes"):
        byte_pairs(BOOK, 100)


def test_byte_pairs_of_the_real_library(book):
    pytest.importorskip("tokenizers")
    task = Text.parse({"file": str(book), "tokenizer": "byte_pair", "vocabulary": 300})
    corpus = task.corpus
    assert corpus.tokenizer.decode(corpus.train) + corpus.tokenizer.decode(corpus.test) == BOOK
    assert len(corpus.train) < 0.6 * len(BOOK)


def test_no_start_token_is_put_before_a_document(tmp_path):
    """A tokenizer that opens every text with <s>, as some families of models have it."""
    library = pytest.importorskip("tokenizers")
    inner = library.Tokenizer(library.models.WordLevel({"<s>": 0, "one": 1, "two": 2}, unk_token="<s>"))
    inner.pre_tokenizer = library.pre_tokenizers.Whitespace()
    inner.post_processor = library.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    inner.save(str(tmp_path / "tokenizer.json"))
    assert inner.encode("one two").ids == [0, 1, 2]
    assert stored(str(tmp_path)).encode("one two").tolist() == [1, 2]


def test_numbers_of_tokens_may_have_gaps(tmp_path):
    library = pytest.importorskip("tokenizers")
    inner = library.Tokenizer(library.models.WordLevel({"one": 0, "two": 7}, unk_token="one"))
    inner.pre_tokenizer = library.pre_tokenizers.Whitespace()
    inner.save(str(tmp_path / "tokenizer.json"))
    own = stored(str(tmp_path))
    assert own.encode("one two").tolist() == [0, 7] and own.d_vocab == 8


@pytest.fixture
def letters(monkeypatch):
    """A library that looks like `tokenizers` and knows single letters; what it was asked for."""
    asked = []

    class Inner:
        def get_vocab(self):
            return {chr(number): number for number in range(128)}

        def encode(self, text, add_special_tokens=True):
            assert not add_special_tokens
            return types.SimpleNamespace(ids=[ord(letter) for letter in text])

        def decode(self, ids):
            return "".join(map(chr, ids))

    def read(place):
        asked.append(place)
        return Inner()

    library = types.ModuleType("tokenizers")
    library.Tokenizer = types.SimpleNamespace(from_file=read, from_pretrained=read)
    monkeypatch.setitem(sys.modules, "tokenizers", library)
    for part in ("decoders", "models", "pre_tokenizers", "trainers"):
        monkeypatch.setitem(sys.modules, f"tokenizers.{part}", types.ModuleType(part))
    return asked


def test_a_stored_tokenizer_is_a_file_a_folder_or_a_name(tmp_path, letters):
    (tmp_path / "tokenizer.json").write_text("{}")
    assert stored(str(tmp_path)).encode("ab").tolist() == [97, 98]
    assert stored(str(tmp_path / "tokenizer.json")).d_vocab == 128
    assert stored("openai-community/gpt2").decode([97]) == "a"
    assert letters == [str(tmp_path / "tokenizer.json")] * 2 + ["openai-community/gpt2"]
    with pytest.raises(LatebloomError, match=r"there is no file .*other\.json"):
        stored(str(tmp_path / "other.json"))


DOCUMENTS = [f"document number {i} says {'abcdefgh'[i % 8] * (5 + i)}" for i in range(40)]


def folder_of(kind, tmp_path):
    folder = tmp_path / kind
    folder.mkdir()
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": DOCUMENTS[:25]}), folder / "a.parquet")
        pyarrow.parquet.write_table(pyarrow.table({"text": DOCUMENTS[25:]}), folder / "b.parquet")
    elif kind == "jsonl":
        (folder / "a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in DOCUMENTS))
    else:
        (folder / "a.txt").write_text("\n".join(DOCUMENTS))
    return str(folder)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "txt"])
def test_a_local_copy_of_a_data_set_gives_the_beginnings_of_long_documents(kind, tmp_path):
    settings = {"dataset": folder_of(kind, tmp_path), "column": "text", "tokenizer": "characters", "tokens": 40}
    task = HubText.parse(settings | {"test_share": 0.3})
    passages, tokenizer = task.passages
    assert [tokenizer.decode(row) for row in passages] == [text[:40] for text in DOCUMENTS if len(text) >= 40]
    train, test = (
        {tokenizer.decode(row) for row in task._rows(stream(0, "x"), 300, part)[0]} for part in (False, True)
    )
    assert not train & test
    assert train | test == {text[:39] for text in DOCUMENTS if len(text) >= 40}
    assert task.signature.n_ctx == 39
    few = HubText.parse(settings | {"documents": 30})
    assert len(few.passages[0]) == sum(len(text) >= 40 for text in DOCUMENTS[:30])


def test_which_passages_are_tested_on_is_drawn_once(monkeypatch, tmp_path):
    """By their number alone; millions of them are not to be shuffled at every step."""
    task = HubText(dataset=folder_of("txt", tmp_path), tokenizer="characters", tokens=30, test_share=0.3)
    passages, _ = task.passages
    asked = []

    def counted(*purpose):
        asked.append(purpose)
        return stream(*purpose)

    hub_text._shuffled.cache_clear()
    monkeypatch.setattr(hub_text, "stream", counted)
    found = np.concatenate([task.draw_test(stream(0, "x", step), 50)[0] for step in range(9)])
    assert asked == [(0, "hub_text", "test passages")]
    order = stream(0, "hub_text", "test passages").permutation(len(passages))
    chosen = passages[order[: round(0.3 * len(passages))], :-1]
    assert set(map(tuple, found.tolist())) == set(map(tuple, chosen.tolist()))


def queries_of(kind, folder):
    """Passages as MS MARCO keeps them, those of one query in one record; the third query has none."""
    records = [
        {"passages": {"is_selected": [0] * 20, "passage_text": DOCUMENTS[:20], "url": ["u"] * 20}},
        {"passages": {"is_selected": [1] * 20, "passage_text": DOCUMENTS[20:], "url": ["v"] * 20}},
        {"passages": None},
    ]
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), folder / "a.parquet")
    else:
        (folder / "a.jsonl").write_text("\n".join(map(json.dumps, records)))


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_local_copy_keeps_the_passages_of_a_query_together_as_the_hub_does(kind, tmp_path):
    queries_of(kind, tmp_path)
    passages, tokenizer = HubText(dataset=str(tmp_path), tokenizer="characters", tokens=40).passages
    assert [tokenizer.decode(row) for row in passages] == [text[:40] for text in DOCUMENTS if len(text) >= 40]


@pytest.mark.parametrize(
    ("value", "told"), [({"query": "a"}, "a record of query"), (5, "a int"), (["a", "b"], "a list")]
)
def test_a_column_of_something_else_is_told(value, told, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "long enough"}) + "\n" + json.dumps({"text": value}))
    with pytest.raises(LatebloomError, match=rf"task\.column = 'text' holds {told} in line 2 of .*a\.jsonl"):
        _ = HubText(dataset=str(tmp_path), column="text", tokenizer="characters", tokens=4).passages


@pytest.mark.parametrize("kind", ["jsonl", "txt"])
def test_a_byte_order_mark_is_no_token_of_a_document(kind, tmp_path):
    settings = {"dataset": folder_of(kind, tmp_path), "column": "text", "tokenizer": "characters", "tokens": 12}
    passages, tokenizer = HubText.parse(settings).passages
    (file,) = (tmp_path / kind).iterdir()
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes() + b"\n\n")
    marked, own = HubText.parse(settings).passages
    assert own.symbols == tokenizer.symbols
    assert np.array_equal(marked, passages)


def test_a_text_that_changed_since_it_was_asked_for_is_not_trained_on(book):
    task = Text.parse({"file": str(book)})
    book.write_text("Another text altogether. " * 40)
    with pytest.raises(LatebloomError, match="is no longer the text it was"):
        _ = task.corpus


def test_a_local_copy_is_known_by_what_it_holds(tmp_path):
    settings = {"dataset": folder_of("txt", tmp_path), "tokenizer": "characters", "tokens": 12}
    before = HubText.parse(settings)
    assert before.digest and before == HubText.parse(settings)
    assert not HubText(tokenizer="characters").digest  # a name on the hub is all that is known of it
    (file,) = (tmp_path / "txt").iterdir()
    file.write_text("of other letters, quite\n" * 9)
    after = HubText.parse(settings)
    assert after.digest != before.digest
    assert set(after.passages[1].symbols) == set("of other letters, quite")
    with pytest.raises(LatebloomError, match=r"is no longer what it was .* run the same command again"):
        _ = before.passages


def test_a_tokenizer_that_changed_is_another_experiment(tmp_path):
    pytest.importorskip("tokenizers")
    texts = folder_of("txt", tmp_path)
    file, seen = tmp_path / "tokenizer.json", []
    for size in (258, 262):
        byte_pairs(BOOK, size).inner.save(str(file))
        task = HubText(dataset=texts, tokenizer=str(file), tokens=4)
        seen.append((task.digest, task.signature.d_vocab))
    assert seen[0][0] != seen[1][0] and seen[0][1] != seen[1][1]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"caf\xe9 au lait", r"a\.txt is not UTF-8 text \(byte 3\)"),
        ("a.jsonl", b'{"text": "whole"}\n{"text": "cut', r"line 2 of .*a\.jsonl is no JSON object"),
        ("a.jsonl", b'"text"', r"line 1 of .*a\.jsonl is no JSON object .*'\"text\"'"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LatebloomError, match=told):
        _ = HubText(dataset=str(tmp_path), column="text", tokenizer="characters").passages


def test_a_data_set_of_the_hub_is_read_by_its_library(monkeypatch, letters):
    asked = []

    def load_dataset(name, config, split, streaming):
        asked.append((name, config, split, streaming))
        return iter([{"passages": {"passage_text": DOCUMENTS[:20]}}, {"passages": {"passage_text": DOCUMENTS[20:]}}])

    library = types.ModuleType("datasets")
    library.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", library)
    task = HubText(tokens=40, documents=39)
    passages, tokenizer = task.passages
    assert asked == [("microsoft/ms_marco", "v2.1", "train", True)]
    assert letters == ["openai-community/gpt2"]
    assert len(passages) == sum(len(text) >= 40 for text in DOCUMENTS[:39])
    assert tokenizer.decode(passages[0]) == next(text[:40] for text in DOCUMENTS if len(text) >= 40)


def test_what_is_missing_of_a_data_set_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(LatebloomError, match=r"to fetch it needs the package `datasets`"):
        _ = HubText(tokenizer="characters").passages
    with pytest.raises(LatebloomError, match=r"has no \.parquet"):
        _ = HubText(dataset=str(tmp_path), tokenizer="characters").passages
    place = folder_of("jsonl", tmp_path)
    with pytest.raises(LatebloomError, match=r"task\.column = 'body' is not in .*Its columns: text"):
        _ = HubText(dataset=place, column="body", tokenizer="characters").passages
    with pytest.raises(LatebloomError, match=r"none of 40 documents has task\.tokens = 900"):
        _ = HubText(dataset=place, column="text", tokenizer="characters", tokens=900).passages


def test_a_data_set_of_the_hub_need_not_be_read_to_know_its_tokens(monkeypatch, letters):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert HubText(tokenizer="someone/letters").signature.d_vocab == 128
    assert not HubText(tokenizer="someone/letters").at_hand


def refuse(*args, **kwargs):
    raise OSError("no way there\nand a page of advice")


def test_what_the_hub_does_not_give_is_told_in_a_sentence(monkeypatch, letters, tmp_path):
    library = types.ModuleType("datasets")
    library.load_dataset = refuse
    monkeypatch.setitem(sys.modules, "datasets", library)
    with pytest.raises(
        LatebloomError, match=r"task\.dataset = 'no/where' could not be fetched .*no way there\)\. Name a"
    ):
        _ = HubText(dataset="no/where", tokenizer="characters").passages
    monkeypatch.setattr(sys.modules["tokenizers"].Tokenizer, "from_pretrained", refuse)
    with pytest.raises(
        LatebloomError, match=r"task\.tokenizer = 'no/where' could not be fetched .*task\.tokenizer=char"
    ):
        stored("no/where")
    monkeypatch.setattr(sys.modules["tokenizers"].Tokenizer, "from_file", refuse)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(LatebloomError, match=r"tokenizer\.json holds no tokenizer"):
        stored(str(tmp_path))


def test_the_shipped_text_is_the_one_its_page_says():
    text = plays()
    assert hashlib.sha256(text.encode()).hexdigest().startswith("86c4e6aa9db7c042")
    corpus = Shakespeare(places=8).corpus
    assert (corpus.tokenizer.d_vocab, len(corpus.train) + len(corpus.test)) == (65, 1_115_394)
    assert corpus.tokenizer.decode(corpus.train[:14]) == "First Citizen:"
