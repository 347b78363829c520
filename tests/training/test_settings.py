"""What an experiment can be told: all its fields, as words that make the same members, each with a meaning."""

import pytest

from latebloom import studies
from latebloom.fleet.identity import member_hash
from latebloom.training.members import find_field
from latebloom.training.presets import PRESETS, members_of
from latebloom.training.settings import settings_of
from latebloom.training.words import parse_values, written
from tests.training.build import tiny

studies.load()


def words(name, scale):
    return [field.word for field in settings_of(name, scale) if field.written is not None]


@pytest.mark.parametrize("scale", ["quick", "laptop"])
@pytest.mark.parametrize("name", list(PRESETS))
def test_all_words_together_make_the_members_that_the_experiment_has(name, scale):
    ours, theirs = members_of(name, scale, words(name, scale)), members_of(name, scale)
    assert [member_hash(member) for member in ours] == [member_hash(member) for member in theirs]


def test_a_word_that_says_something_else_makes_other_members():
    name = "grokking.modular_addition"
    wrong = [word.replace("training.lr=", "training.lr=9") for word in words(name, "smoke")]
    ours, theirs = members_of(name, "smoke", wrong), members_of(name, "smoke")
    assert member_hash(ours[0]) != member_hash(theirs[0])


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_field_has_a_meaning_and_says_what_it_takes(name):
    without = [field.path for field in settings_of(name, "quick") if not field.meaning or not field.kind]
    assert without == []


def test_values_are_those_of_the_scale_and_axes_are_shown_as_they_are_typed():
    def value(scale, path):
        return next(field.written for field in settings_of("grokking.modular_addition", scale) if field.path == path)

    steps = {scale: value(scale, "training.steps") for scale in ("smoke", "quick", "laptop")}
    assert steps == {s: str(members_of("grokking.modular_addition", s)[0].training.steps) for s in steps}
    assert len(set(steps.values())) == 3
    assert value("quick", "seed") == f"0:{len(members_of('grokking.modular_addition', 'quick'))}"


def test_fields_of_an_absent_section_are_listed_without_a_value():
    by_path = {field.path: field for field in settings_of("grokking.modular_addition", "quick")}
    assert by_path["training.stop"].written == "None"
    assert by_path["training.stop.logs"].written is None
    assert by_path["training.stop.logs"].word == "training.stop.logs"
    assert find_field(tiny(), "training.stop.logs") == "training.stop.logs"


def test_names_of_parts_and_fields_with_one_value_are_no_choice():
    paths = {name: {field.path for field in settings_of(name, "smoke")} for name in PRESETS}
    assert not {"name", "scale", "task.kind", "model.kind"} & set().union(*paths.values())
    assert "model.in_product" in paths["grokking.modular_addition"]
    assert "model.in_product" not in paths["grokking.constructed"]


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("task.operation", "add, subtract, multiply, divide, square_sum or cubic"),
        ("task.train_fraction", "float > 0, < 1"),
        ("task.n_train", "int >= 1, or None"),
        ("model.tied", "true or false"),
        ("log.window", "[int, int, int], or None"),
        ("log.at", "[int, ...]"),
    ],
)
def test_what_a_field_takes_is_said_in_words(path, takes):
    assert next(f.kind for f in settings_of("grokking.modular_addition", "smoke") if f.path == path) == takes


VALUES = [
    None,
    True,
    7,
    -2,
    1e-8,
    0.1,
    "relu",
    "",
    "5",
    "None",
    "[1",
    (),
    (1, 2),
    ("a",),
    "0.9*x+0.1*y",
    "a,b",
    '"a",b',
]


@pytest.mark.parametrize("value", VALUES)
def test_a_written_value_is_read_as_it_was(value):
    assert parse_values(written(value)) == [list(value) if isinstance(value, tuple) else value]
