"""Words become members: overrides, ranges, and the sentence for each that is refused."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom import studies
from latebloom.errors import LatebloomError
from latebloom.models import Decoder
from latebloom.tasks import Text
from latebloom.training.experiment import Experiment, Training
from latebloom.training.members import expand, find_field, parse_overrides, varied
from latebloom.training.presets import PRESETS, Entry, Preset, members_of
from latebloom.training.words import parse_values
from tests.training.build import tiny


def members(*words):
    return expand(tiny(), parse_overrides(tiny(), words))


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(-5, 5).filter(bool))
def test_a_range_is_pythons(first, end, step):
    expected = list(range(first, end, step))
    text = f"{first}:{end}:{step}"
    if expected:
        assert parse_values(text) == expected
        if step == 1:
            assert parse_values(f"{first}:{end}") == expected
    else:
        with pytest.raises(LatebloomError, match="is empty"):
            parse_values(text)


number = st.one_of(st.integers(-1000, 1000), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(number, min_size=1, max_size=5))
def test_numbers_come_back_as_they_were_written(values):
    assert parse_values(",".join(repr(value) for value in values)) == values


@given(st.text(alphabet="0123456789:-,.e[]x\"'²", max_size=12))
def test_any_text_gives_values_or_a_sentence(text):
    try:
        assert isinstance(parse_values(text), list)
    except LatebloomError as error:
        assert text in str(error) or any(part in str(error) for part in text.split(","))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1e-3", [0.001]),
        ("0:3,7", [0, 1, 2, 7]),
        ("None", [None]),
        ("null", [None]),
        ("true", [True]),
        ("True,False", [True, False]),
        ("[1,2]", [[1, 2]]),
        ("[1],[2,3]", [[1], [2, 3]]),
        ("[1],[2", ["[1],[2"]),
        ('"0.5"', ["0.5"]),
        ("adamw,sgd", ["adamw", "sgd"]),
        ("+-1", ["+-1"]),
    ],
)
def test_values_by_example(text, values):
    assert parse_values(text) == values


@pytest.mark.parametrize("text", ["0.1,,0.2", "0.1,", ",0.2"])
def test_an_empty_place_in_a_list_is_told(text):
    with pytest.raises(LatebloomError, match="has nothing beside a comma"):
        members(f"lr={text}")


def test_all_combinations_seeds_fastest():
    found = members("seed=0:2", "lr=0.1,0.2", "d_mlp=3,4")
    told = [(m.training.lr, m.model.d_mlp, m.seed) for m in found]
    assert sorted(told) == sorted(itertools.product((0.1, 0.2), (3, 4), (0, 1)))
    assert [seed for *_, seed in told] == [0, 1] * 4
    assert varied(found) == ["model.d_mlp", "training.lr", "seed"]


@pytest.mark.parametrize("texts", [("a rose is a rose", "no thorns"), ("the same words", "the same words")])
def test_a_digest_does_not_tell_members_apart_beside_the_name_of_its_file(texts, tmp_path):
    found = []
    for name, text in zip("ab", texts, strict=True):
        (tmp_path / name).write_text(text)
        found.append(
            Experiment(name="read", task=Text(file=str(tmp_path / name)), model=Decoder(), training=Training())
        )
    assert varied(found) == ["seed", "task.file"] or varied(found) == ["task.file", "seed"]
    assert (found[0].task.digest == found[1].task.digest) == (texts[0] == texts[1])


def test_a_last_part_alone_will_do_where_it_is_unambiguous():
    assert find_field(tiny(), "lr") == "training.lr"
    assert find_field(tiny(), "log.every") == "log.every"
    assert find_field(tiny(), "logs") == "training.stop.logs"


def test_a_stopping_rule_can_be_made_changed_and_taken_away():
    (made,) = members("stop.logs=3")
    assert (made.training.stop.metric, made.training.stop.logs) == ("test_accuracy", 3)
    (changed,) = expand(made, parse_overrides(made, ["at_least=None", "at_most=0.1", "metric=train_loss"]))
    assert (changed.training.stop.at_least, changed.training.stop.at_most) == (None, 0.1)
    (gone,) = expand(made, parse_overrides(made, ["training.stop=None"]))
    assert gone.training.stop is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["training.lr=1", "training.lr=2"],
            "training.lr is named twice: training.lr=1 and training.lr=2. Write one of them, or training.lr=1,2 for "
            "members of each.",
        ),
        (
            ["lr=0.1", "seed=0", "training.lr=0.2"],
            "training.lr is named twice: lr=0.1 and training.lr=0.2. Write one of them, or training.lr=0.1,0.2 for "
            "members of each.",
        ),
        (["seed=0:2", "seed=0:2"], "seed is named twice: seed=0:2 and seed=0:2. Write one of them."),
        (
            ["population=2", "population=4"],
            "population is named twice: population=2 and population=4. Write one of them.",
        ),
        (
            ["measure.norms.every=5", "measure.norms.every=9"],
            "measure.norms.every is named twice: measure.norms.every=5 and measure.norms.every=9. Write one of them.",
        ),
        (
            ["measure=norms", "measure=stability"],
            "measure is named twice: measure=norms and measure=stability. Write one of them.",
        ),
    ],
)
def test_a_field_named_twice_is_refused(words, told):
    with pytest.raises(LatebloomError) as caught:
        members(*words)
    assert str(caught.value) == told


def test_what_is_told_of_a_field_named_twice_can_be_written():
    with pytest.raises(LatebloomError) as caught:
        members("log.at=[1,2]", "log.at=[3]")
    written = str(caught.value).partition(", or ")[2].partition(" for ")[0]
    assert [member.log.at for member in members(written)] == [(1, 2), (3,)]


REFUSED = {
    "sed=3": r"tiny has no field 'sed'\. Did you mean 'seed' or 'shared'\? `latebloom show tiny --fields` lists all",
    "training.lrr=3": r"Did you mean 'training\.lr' or 'training\.lr_rest'\? Fields beside it: training\.steps, ",
    "=3": r"has no field ''",
    "every=3": r"The field 'every' could be log\.every or snapshots\.every: write it in full\.",
    "seed": r"'seed' is not of the form field=value, e\.g\. training\.lr=1e-3 or seed=0:8\.",
    "seed=": r"'seed=' is not of the form field=value",
    "seed=,": r"'seed=,' names no value",
    "seed=3:3": r"The range '3:3' is empty: in a:b the end b is not included and must be above a\.",
    "seed=0:4:0": r"The range '0:4:0' never moves on",
    "seed=0:4:1:2": r"seed = '0:4:1:2': Input should be a valid integer",
    "seed=²:3": r"seed = '²:3': Input should be a valid integer",
    "seed=-1": r"seed = -1: Input should be greater than or equal to 0\.",
    "seed=1.5": r"seed = 1\.5: Input should be a valid integer",
    "lr=fast": r"training\.lr = 'fast': Input should be a valid number",
    "lr=nan": r"training\.lr = 'nan': Input should be a finite number",
    "lr=1e999": r"training\.lr = inf: Input should be a finite number",
    "lr=-1": r"training\.lr = -1: Input should be greater than or equal to 0",
    "beta1=1": r"training\.beta1 = 1: Input should be less than 1",
    "steps=-1": r"training\.steps = -1",
    "precision=float16": r"training\.precision = 'float16': Input should be 'float32' or 'float64'",
    "optimiser=adamm": r"Unknown optimiser 'adamm'\. Did you mean 'adam' or 'adamw'\?",
    "loss=foo": r"Unknown loss 'foo'\. Known: cross_entropy, ",
    "clamp_norm=0": r"training\.clamp_norm = 0: Input should be greater than 0",
    "log.every=0": r"log\.every = 0: Input should be greater than or equal to 1",
    "log.window=[1,9,0]": r"log\.window = \[1, 9, 0\]: it is from, to, stride: .* e\.g\. \[0,500,10\]\.",
    "log.window=[9,1,1]": r"log\.window = \[9, 1, 1\]: it is from, to, stride",
    "log.window=[9]": r"log\.window = \[9\]: it is from, to, stride",
    "log.window=9": r"log\.window = 9: it is from, to, stride",
    "log.at=[3,-1]": r"log\.at = \[3, -1\]: a step is 0 or more, which -1 is not\.",
    "log.at=3": r"log\.at = 3: a list in brackets is meant, e\.g\. \[1,2\]\.",
    "log.every=true": r"^log\.every = True: a number is meant, not true or false\.",
    "start.step=3": r"^start\.experiment is missing: it has no value of its own\.$",
    "stop.at_most=0.5": r"no value is at least 0\.99 and at most 0\.5.*training\.stop\.at_least=None",
    "stop.at_least=None": r"^training\.stop needs at_least or at_most",
    "population=0": r"population = 0",
    "name=other": r"has no field 'name'",
    "kind=parity": r"has no field 'kind'",
    "task=parity": r"has no field 'task'\. Did you mean 'task\.p'\?",
    "start=elsewhere": r"start = 'elsewhere'",
    "task.conditioned=true": r"has no field 'task\.conditioned'\. Tasks of another kind have it \(majority\)",
    "model.width=3": r"has no field 'model\.width'",
}


@pytest.mark.parametrize("word", REFUSED)
def test_refused_words_are_told_in_a_sentence(word):
    with pytest.raises(LatebloomError, match=REFUSED[word]) as caught:
        members(word)[0].replace({})
    assert "validation error" not in str(caught.value)
    assert str(caught.value).count("Did you mean") <= 1


def test_tuned_settings_go_with_their_values_unless_others_are_said(monkeypatch):
    def build(tuned):
        return lambda scale: Preset(tiny(), {"model.d_mlp": (4, 5), "seed": range(2)}, tuned)

    def rates(tuned, *words):
        monkeypatch.setitem(PRESETS._parts, "tiny.tuned", Entry("tiny.tuned", "", build(tuned)))
        return {(own.model.d_mlp, own.training.lr) for own in members_of("tiny.tuned", "smoke", words)}

    plain = tiny().training.lr
    tuned = [({"model.d_mlp": 5}, {"training.lr": 0.5})]
    assert rates(tuned) == {(4, plain), (5, 0.5)}
    assert rates(tuned, "d_mlp=5,6") == {(5, 0.5), (6, plain)}
    assert rates(tuned, "lr=0.1") == {(4, 0.1), (5, 0.1)}
    assert rates([({"model.d_mlp": 5, "seed": 9}, {"training.lr": 0.5})]) == {(4, plain), (5, plain)}
    with pytest.raises(LatebloomError, match=r"tuned names 'd_mlp'; write 'model\.d_mlp', its full name"):
        rates([({"d_mlp": 5}, {"training.lr": 0.5})])
    with pytest.raises(LatebloomError, match=r"has no field 'training\.rate'"):
        rates([({"model.d_mlp": 5}, {"training.rate": 0.5})])


def test_a_field_of_the_own_kind_that_is_no_word_is_not_said_to_be_of_another():
    """A curriculum is a section: it is told by its fields, and no other kind has it."""
    studies.load()
    testbed = members_of("model_selection.testbed", "smoke")[0]
    with pytest.raises(LatebloomError) as refused:
        find_field(testbed, "task.curriculum")
    assert "another kind" not in str(refused.value)
