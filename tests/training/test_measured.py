"""Measures chosen in words: all of them, or one by one; wrong names and values are answered by a sentence."""

import pytest

from latebloom import studies
from latebloom.errors import LatebloomError
from latebloom.fleet.identity import member_hash
from latebloom.training.experiment import Measure
from latebloom.training.measured import as_words, choose
from latebloom.training.members import expand, parse_overrides
from latebloom.training.schedule import Schedule
from tests.training.build import parity, run, tiny

studies.load()


def measured(*words, experiment=None):
    experiment = tiny() if experiment is None else experiment
    (member,) = expand(experiment, parse_overrides(experiment, words))
    return member.measure


NORMS, STABILITY = Measure(name="norms"), Measure(name="stability")
EVERY_TEN = Measure(name="stability", when=Schedule(every=10))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["measure=stability"], [STABILITY]),
        (["measure=stability,norms"], [STABILITY, NORMS]),
        (['measure=["stability", "norms"]'], [STABILITY, NORMS]),
        (["measure=None"], []),
        (["measure=[]"], []),
        (["measure.stability=true"], [NORMS, STABILITY]),
        (["measure.stability.every=10"], [NORMS, EVERY_TEN]),
        (["measure.norms=false", "measure.stability.every=10"], [EVERY_TEN]),
        (["measure.norms=None"], []),
        (["measure.norms.every=4"], [Measure(name="norms", when=Schedule(every=4))]),
        (
            ["measure.norms.at=[0,7]", "measure.norms.every=9"],
            [Measure(name="norms", when=Schedule(at=(0, 7), every=9))],
        ),
        (["measure=stability", "measure.stability.every=10"], [EVERY_TEN]),
        (["measure.stability.every=10", "measure=stability"], [STABILITY]),
        (["measure.grokking.progress.every=3"], [NORMS, Measure(name="grokking.progress", when=Schedule(every=3))]),
        (["lr=0.1"], [NORMS]),
    ],
)
def test_words_choose_measures(words, expected):
    assert list(measured(*words)) == expected


def test_a_measure_with_steps_of_its_own_gets_further_ones_or_none():
    assert measured("measure.stability.at=[3]", experiment=parity())[1].when == Schedule(every=10, at=(3,))
    assert measured("measure.stability=true", experiment=parity())[1].when is None


def test_words_that_say_what_is_there_change_no_identity():
    for experiment in (tiny(), parity()):
        words = [f"{field}={text}" for field, text in as_words(experiment.measure)]
        (same,) = expand(experiment, parse_overrides(experiment, words))
        assert member_hash(same) == member_hash(experiment)
    assert member_hash(expand(tiny(), parse_overrides(tiny(), ["measure=stability"]))[0]) != member_hash(tiny())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["measure=norm"], "Unknown measure 'norm'. Did you mean 'norms'?.* `latebloom ls measures` lists all"),
        (["measure.norm=true"], "Did you mean 'norms'?"),
        (["measure.stabilty.every=10"], "Did you mean 'stability'?"),
        (["measure=progress"], "Did you mean 'grokking.progress'?"),
        (["measure=fit"], "always taken"),
        (["measure.norms=10"], "write true .* or false .*measure.norms.every"),
        (["measure.norms.evry=10"], "Unknown measure 'norms.evry'. Did you mean 'norms'?"),
        (["measure.norms.every=10,20"], "same steps; give it one value"),
        (["measure.norms.every=often"], r"^measure\.norms\.every = 'often': Input should be a valid integer"),
        (["measure.norms.every=0"], r"^measure\.norms\.every = 0: Input should be greater than or equal to 1\.$"),
        (["measure.grokking.progress.per_decade=-3"], r"^measure\.grokking\.progress\.per_decade = -3: "),
        (["measure.norms.every=true"], r"^measure\.norms\.every = True: a number is meant, not true or false\.$"),
        (["measure.norms.at=9"], r"^measure\.norms\.at = 9: a list in brackets is meant"),
        (["measure.norms.at=[1,-2]"], r"^measure\.norms\.at = \[1, -2\]: a step is 0 or more, which -2 is not\.$"),
        (["measure.norms.window=[0,9]"], r"^measure\.norms\.window = \[0, 9\]: it is from, to, stride"),
        (["measure.=true"], "Unknown measure ''"),
    ],
)
def test_a_wrong_word_is_answered(words, told):
    with pytest.raises(LatebloomError, match=told):
        measured(*words)


def test_what_is_chosen_is_measured_at_its_steps_and_nothing_else_changes(tmp_path):
    plain = run([tiny()], tmp_path / "plain").measurements().to_pandas()
    words = ["measure=None", "measure.stability.every=12"]
    own = run(expand(tiny(), parse_overrides(tiny(), words)), tmp_path / "own").measurements().to_pandas()
    assert "l2_norm" in plain and "l2_norm" not in own
    assert own.dropna(subset=["softmax_collapse"])["step"].tolist() == [0, 12, 24]
    both = own.merge(plain, on="step")
    assert (both["train_loss_x"] == both["train_loss_y"]).all() and len(both) == len(plain)


def test_words_are_taken_in_order():
    assert choose([NORMS], [("measure.norms", "false"), ("measure.norms", "true")]) == [{"name": "norms", "when": None}]
    assert choose([NORMS], [("measure.norms", "true"), ("measure.norms", "false")]) == []
