"""`latebloom check` on files as a user might have them."""

import pytest

from latebloom.cli import main
from latebloom.tasks import QuestionFormation, TenseInflection
from latebloom.tasks.language.files import write_items

SIZES = {"n_train": 300, "n_val": 20, "n_test": 20, "n_gen": 20}


def written(task, path):
    write_items(path, task.items(task.corpus()["train"]))
    return path


@pytest.mark.parametrize("task", [QuestionFormation.parse(SIZES), TenseInflection.parse(SIZES)], ids=lambda t: t.kind)
def test_a_file_of_ours_is_read_and_compared(task, tmp_path, capsys):
    path = written(task, tmp_path / "mine.tsv")
    assert main(["check", str(path)]) == 0
    out = capsys.readouterr().out
    assert f"read as {task.kind}" in out
    assert "300 items; 0 lines could not be read" in out
    assert "chi-square" in out


def test_faulty_lines_are_told_with_their_reason(tmp_path, capsys):
    path = written(QuestionFormation.parse(SIZES), tmp_path / "mine.tsv")
    with path.open("a") as file:
        file.write("my raven does sleeep . decl\tmy raven does sleeep .\n")
    assert main(["check", str(path)]) == 0
    out = capsys.readouterr().out
    assert "1 line could not be read" in out
    assert "line 301" in out
    assert "'sleep'" in out


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("a,b,c\n", [], "says its task; the first, 'a,b,c', has no tab"),
        ("a\tb\n", [], "has no task in front of its tab"),
        ("", [], "is empty. A line reads"),
        ("\n \n", [], "is empty. A line reads"),
        ("my raven does sleep . decl\tmy raven does sleep .\n", ["--task", "question"], "question_formation"),
        ("my raven does sleep . decl\tmy raven does sleep .\n", ["--task", "tense_inflection"], "can be read"),
    ],
)
def test_what_is_no_such_file_gets_a_sentence(tmp_path, capsys, text, words, told):
    path = tmp_path / "mine.tsv"
    path.write_text(text)
    assert main(["check", str(path), *words]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.tsv")]) == 2
    assert "There is no file" in capsys.readouterr().err


GOOD = "my raven does sleep . decl\tmy raven does sleep .\n"


@pytest.mark.parametrize(
    "written_as",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n").encode(),
        f"source\ttarget\n{GOOD}".encode(),
        GOOD[:-1].encode(),
    ],
    ids=["byte order mark", "Windows line ends", "header", "no last line end"],
)
def test_files_as_other_programs_write_them(tmp_path, capsys, written_as):
    path = tmp_path / "mine.tsv"
    path.write_bytes(written_as)
    assert main(["check", str(path)]) == 0
    out = capsys.readouterr().out
    faults = "1 line" if b"source" in written_as else "0 lines"
    assert f"1 item; {faults} could not be read" in out
    assert "tasks: 1 items are too few for a test" in out  # and not "p = 1", as if they fitted


@pytest.mark.parametrize(
    ("written_as", "told"),
    [
        (GOOD.encode("utf-16"), "byte 0): convert it, e.g. iconv -f utf-16"),
        (GOOD.encode("utf-16-le"), "line 1 has a zero byte, as UTF-16 does"),
        ((GOOD + "caf\xe9\n").encode("latin1"), "(line 2, byte 52): convert it, e.g. iconv -f latin1"),
    ],
)
def test_another_encoding_is_named_with_the_way_out(tmp_path, capsys, written_as, told):
    path = tmp_path / "mine.tsv"
    path.write_bytes(written_as)
    assert main(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert "is not UTF-8 text" in err and told in err


def test_a_folder_is_no_file(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
