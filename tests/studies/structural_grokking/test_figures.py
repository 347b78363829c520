"""Every picture of the study draws on real (smoke) runs; trees are drawn as they are."""

import numpy as np
import pytest

import latebloom
from latebloom.errors import LatebloomError
from latebloom.instruments.bracketings import from_nested
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import canvas, settle, styled
from latebloom.studies.structural_grokking.figures import draw_run
from latebloom.studies.structural_grokking.figures.learning import draw_learning
from latebloom.studies.structural_grokking.figures.prepose import draw_prepose, rows
from latebloom.studies.structural_grokking.figures.trees import _heights, draw_tree
from latebloom.studies.structural_grokking.figures.written import ROWS, _panel, draw_written, outcome

EXPECTED = {
    "question": {"learning", "prepose", "trees", "written"},
    "question_depths": {"learning_0", "learning_1", "prepose_0", "prepose_1", "depths", "trees", "written"},
    "dyck": {"learning_0", "learning_1"},
    "agreement": {"learning_0", "learning_1"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def run(kind, home):
    return latebloom.run(f"structural_grokking.{kind}", "seed=0:2", scale="smoke", home=home, workers=1)


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_run_gets_its_pictures(kind, home, tmp_path):
    written = draw_run(run(kind, home), tmp_path)
    assert {path.stem for path in written} == EXPECTED[kind]
    assert all(path.stat().st_size > 1000 for path in written)


def test_curves_show_the_numbers_of_the_run(home):
    logged = Logged(run("question", home))
    with styled():
        figure = draw_learning(logged, (0, 1), "x")
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    steps, values = logged.table("gen_first_word", (0, 1))
    np.testing.assert_allclose(lines["held out"].get_ydata(), np.median(values, axis=0))
    np.testing.assert_allclose(lines["held out"].get_xdata(), steps)
    assert any(label.startswith("stop: first maximal") for label in lines)


def test_shares_of_what_was_written_add_up(home):
    logged = Logged(run("question", home))
    steps, table = rows(logged, "gen_prepose_delete", (0, 1))
    assert table.shape == (len(steps), 12)
    np.testing.assert_allclose(table.sum(1), 1)
    with styled():
        assert draw_prepose(Logged(run("dyck", home)), (0,), "x") is None


def test_a_tree_is_drawn_with_a_mark_for_each_phrase_and_red_where_it_is_wrong():
    gold, _ = from_nested([(("my", "newt"), ("does", "sleep"))])
    other, _ = from_nested([("my", (("newt", "does"), "sleep"))])
    with styled():
        _, axes = canvas(1, 1)
        draw_tree(axes[0, 0], other[0], ["my", "newt", "does", "sleep"], gold[0])
    marks = [line for line in axes[0, 0].lines if line.get_marker() == "o"]
    assert [mark.get_color() for mark in marks].count("#d73027") == 2
    assert len(marks) == 3
    assert [text.get_text() for text in axes[0, 0].texts] == ["my", "newt", "does", "sleep"]
    assert _heights([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2)])[0, 2] == 2


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("does my raven that doesn't sleep change ?", "right"),
        ("does my raven that doesn't sleep ?", "one verb"),
        ("does my raven that doesn't change ?", "one verb"),
        ("does my raven that doesn't sleep does change ?", "both verbs keep an auxiliary"),
        ("does my raven that sleep does change ?", "only the main verb keeps an auxiliary"),
        ("does my raven that doesn't sleep move ?", "other words"),
        ("does our raven that doesn't sleep change ?", "other words"),
        ("does my raven", "other words"),
        ("doesn't my raven that sleep does change ?", "another first word"),
        ("", "another first word"),
    ],
)
def test_what_became_of_a_question(written, told):
    source, gold = "my raven that doesn't sleep does change", "does my raven that doesn't sleep change ?"
    assert outcome(written.split(), source.split(), gold.split()) == told


def test_a_network_that_writes_on_and_on_does_not_push_its_panel_away():
    with styled():
        figure, axes = canvas(1, 1)
        _panel(axes[0, 0], [("30", ["tyrannosauruses"] * 18)], ["do", "?"])
        settle(figure)
    assert axes[0, 0].get_position().width > 0.8


def test_what_is_written_stands_below_the_right_question(home):
    """Counts are of all withheld questions, and add up."""
    with styled():
        figure = draw_written(run("question", home), Logged(run("question", home)), 0, "x")
        assert draw_written(run("dyck", home), Logged(run("dyck", home)), 0, "x") is None
    assert len(figure.axes) == 3
    total = 0
    for place in figure.axes:
        _, _, told = place.get_title("left").replace("\n", " ").rpartition(": ")
        total += sum(int(part.rpartition(" ")[2]) for part in told.split("; "))
        lines = [text.get_text().strip() for text in place.texts]
        assert lines[0] == "right" and lines[1].split()[0] in ("do", "don't", "does", "doesn't")
    assert total == min(ROWS, 40)  # all that smoke withholds


def test_a_member_that_is_not_there_is_refused(home, tmp_path):
    with pytest.raises(LatebloomError, match="has members 0 to 1; there is no 5"):
        draw_run(run("question", home), tmp_path, 5)
