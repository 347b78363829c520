"""Reading a user's file, refusing wrong ones in plain words, and telling how it differs from the generator."""

import pytest

from latebloom.errors import LatebloomError
from latebloom.tasks.language import QuestionFormation, TenseInflection
from latebloom.tasks.language.brackets import read_brackets
from latebloom.tasks.language.files import Comparison, read_items, read_lines, report, write_items
from latebloom.tasks.language.gallery import gallery

SIZES = {"n_train": 4000, "n_val": 50, "n_test": 50, "n_gen": 500}
QUESTION, TENSE = QuestionFormation.parse(SIZES), TenseInflection.parse(SIZES)


def items(task, split="train"):
    return list(task.items(task.corpus()[split]))


@pytest.mark.parametrize("task", [QUESTION, TENSE], ids=["question", "tense"])
def test_written_items_come_back_and_do_not_differ(task, tmp_path):
    path = tmp_path / "train.tsv"
    write_items(path, items(task, "test") + items(task, "val"))
    found, faults = read_items(path, task)
    assert found == items(task, "test") + items(task, "val") and not faults


@pytest.mark.parametrize(("task", "tables"), [(QUESTION, 6), (TENSE, 7)], ids=["question", "tense"])
def test_the_generator_does_not_differ_from_itself(task, tables):
    # At this size no cell of either grammar runs short.
    small = task.replace({"n_train": 3000, "corpus_seed": 11})
    found = report(items(small), small)
    assert (found.items, found.repeats, found.withheld, found.faults) == (3000, 0, 0, [])
    assert len(found.comparisons) == tables
    assert min(comparison.p for comparison in found.comparisons) > 1e-4
    assert "chi-square" in found.text() and "3,000 items; 0 lines could not be read" in found.text()


def test_a_file_with_other_structures_is_noticed():
    plain = QUESTION.replace({"centre_embedded": 0.0})
    found = {comparison.name: comparison for comparison in report(items(plain), QUESTION).comparisons}
    assert found["decl: subject by predicate"].p < 1e-30
    assert found["quest: subject by predicate"].p > 1e-4
    more = QUESTION.replace({"declaratives": 0.9})
    found = {comparison.name: comparison for comparison in report(items(more), QUESTION).comparisons}
    assert found["tasks"].p < 1e-30


@pytest.mark.parametrize("task", [QUESTION, TENSE], ids=["question", "tense"])
def test_withheld_items_are_counted_apart_and_so_are_repeats(task):
    mixed = [*items(task)[:100], *items(task, "gen"), *items(task)[:7]]
    found = report(mixed, task)
    assert found.withheld == 500 and found.repeats == 7
    only = report(items(task, "gen"), task)
    assert only.withheld == only.items == 500 and only.comparisons == []


def test_faulty_lines_are_named_and_the_rest_is_read(tmp_path):
    path = tmp_path / "mine.tsv"
    good = items(QUESTION)[0].line
    bad = "the newt do sleep . decl\tthe newt do sleep ."
    path.write_text("\n".join([good, "", bad, *["no tab here"] * 9, good]), encoding="utf-8")
    found, faults = read_items(path, QUESTION)
    assert len(found) == 2
    assert [fault.line for fault in faults] == [3, *range(4, 13)]
    text = report(found, QUESTION, faults).text()
    assert "10 lines could not be read" in text
    assert "line 3: Word 3, 'do'," in text and "and 5 more lines" in text


def test_wrong_files_get_a_sentence(tmp_path):
    with pytest.raises(LatebloomError, match=r"There is no file '.*nothing\.tsv'"):
        read_items(tmp_path / "nothing.tsv", QUESTION)
    binary = tmp_path / "binary"
    binary.write_bytes(b"the newt \xff\xfe")
    with pytest.raises(LatebloomError, match=r"is not UTF-8 text \(line 1, byte 9\): convert it"):
        read_items(binary, QUESTION)
    empty = tmp_path / "empty.tsv"
    empty.write_text("\n \n", encoding="utf-8")
    with pytest.raises(LatebloomError, match=r"No line of '.*' can be read\. It is empty"):
        read_items(empty, QUESTION)
    other = tmp_path / "tense.tsv"
    write_items(other, items(TENSE)[:3])
    with pytest.raises(
        LatebloomError, match=r"can be read\. Line 1: The source .* must be the task token decl or quest"
    ):
        read_items(other, QUESTION)


def test_bracket_files_are_read_the_same_way(tmp_path):
    path = tmp_path / "brackets.txt"
    path.write_text("(a a) (b (c c) b)\n(a b)\n", encoding="utf-8")
    trees, faults = read_lines(path, lambda line: read_brackets(line.split()))
    assert len(trees) == 1 and faults[0].line == 2 and "closes 'b'" in faults[0].why


def test_chi_square_is_that_of_the_definition():
    import numpy as np

    counts, shares = np.array([[30, 70], [1, 99]]), np.array([[0.2, 0.3], [0.01, 0.49]])
    found = Comparison.of("x", ["a", "b"], ["c", "d"], counts, shares)
    # The cell that expects 2 items joins no other (it is the only small one), so all four stand.
    expected = shares * 200
    assert found.chi_square == pytest.approx(((counts - expected) ** 2 / expected).sum())
    assert found.freedom == 3
    one = Comparison.of("x", ["a"], ["c"], np.array([[5]]), np.array([[1.0]]))
    assert (one.freedom, one.p) == (0, 1.0)


def test_the_gallery_shows_every_task_and_is_a_function_of_its_seed():
    text = gallery(each=1)
    assert text == gallery(each=1)
    assert text != gallery(each=1, seed=1)
    for word in ("question_formation", "tense_inflection", "simple_agreement", "dyck", "distractor `", "\nS\n", "→"):
        assert word in text
    assert max(map(len, text.splitlines())) < 160
