"""Judges of claims on lines, sinusoids and extremes, and the computed ones, on planted networks."""

import pytest

from latebloom import studies
from latebloom.claims import get
from latebloom.studies.model_selection.claims import computed, references
from latebloom.studies.model_selection.claims.references import optimum
from latebloom.studies.model_selection.experiments import linear
from latebloom.studies.model_selection.experiments.testbed import COMBINED, MIXTURE
from tests.studies.model_selection import planted
from tests.studies.model_selection.planted import LINEAR, TESTBED, arm, exact, zero

studies.load()
MIX = exact(TESTBED, MIXTURE, MIXTURE)
with pytest.MonkeyPatch.context() as few:
    few.setattr(references, "SHARES", 3)  # sums of unknown share have hundreds of hypotheses
    ALL = exact(TESTBED, COMBINED, MIXTURE)


def run(mixture=MIX, combined=ALL):
    """The testbed with these answers."""
    return {text: arm(TESTBED, text, MIXTURE, rule) for text, rule in ((MIXTURE, mixture), (COMBINED, combined))}


def dense(rule=None):
    """Dense specialists, by default exact ones."""
    rule = rule or exact(LINEAR, linear.DENSE, linear.MIXTURE)
    return {linear.DENSE: arm(LINEAR, linear.DENSE, linear.MIXTURE, rule)}


def verdict(monkeypatch, claim, *groups, prompts=250):
    """With few prompts and shares."""
    monkeypatch.setattr(references, "SHARES", 3)
    return planted.verdict(monkeypatch, claim, *groups, prompts=prompts)


def bounded(x, y):
    """The optimum, but it says no number above 2, as a network with normalised layers does not."""
    return MIX(x, y).clamp(-2, 2)


def timid(x, y):
    """The optimum, less sure of itself: better half-way, worse on the classes."""
    return 0.7 * MIX(x, y)


@pytest.mark.parametrize("claim", ["12", "13", "16"])
def test_what_the_exact_optimum_does_too(monkeypatch, claim):
    entry = verdict(monkeypatch, claim, run())
    assert entry.verdict == "reproduced", entry
    assert "ptimum" in entry.note


def test_a_network_that_fits_nothing_and_one_that_fits_all(monkeypatch):
    assert verdict(monkeypatch, "12", run(mixture=zero)).verdict == "contradicted"
    assert verdict(monkeypatch, "13", run(mixture=ALL)).verdict == "contradicted"
    assert verdict(monkeypatch, "13", run(combined=MIX)).verdict == "inconclusive"  # the control fails to fit them too
    wide = optimum(TESTBED.task("line+sinusoid:low=0.1:high=10", MIXTURE)).prefixes
    assert verdict(monkeypatch, "16", run(mixture=wide)).verdict == "contradicted"


def test_sums_in_which_one_class_dominates(monkeypatch):
    assert verdict(monkeypatch, "14", run(mixture=ALL)).verdict == "inconclusive"  # it fits half-way as well
    assert verdict(monkeypatch, "14", run(mixture=zero)).verdict == "contradicted"


def test_worse_than_the_optimum_or_not(monkeypatch):
    assert verdict(monkeypatch, "15", run(mixture=zero)).verdict == "reproduced"
    assert verdict(monkeypatch, "15", run(mixture=ALL)).verdict == "contradicted"
    control_that_holds = run(mixture=zero, combined=zero)
    assert verdict(monkeypatch, "15", control_that_holds).verdict == "inconclusive"


def test_large_values(monkeypatch):
    def small(x, y):
        return exact(LINEAR, linear.DENSE, linear.MIXTURE)(x, y).clamp(-2, 2)

    assert verdict(monkeypatch, "17", run(mixture=bounded), dense(small)).verdict == "reproduced"
    assert verdict(monkeypatch, "17", run(), dense()).verdict == "contradicted"


def widths(narrow, wide):
    return {MIXTURE: arm(TESTBED, MIXTURE, MIXTURE, narrow, 16) + arm(TESTBED, MIXTURE, MIXTURE, wide, 64)}


def test_width_and_combinations_in_training(monkeypatch):
    assert verdict(monkeypatch, "19", widths(timid, MIX), prompts=1000).verdict == "reproduced"
    assert verdict(monkeypatch, "19", widths(timid, ALL)).verdict == "contradicted"
    assert verdict(monkeypatch, "25", run(), prompts=700).verdict == "reproduced"
    assert verdict(monkeypatch, "25", run(combined=MIX)).verdict == "contradicted"


def test_widths_without_a_common_seed_are_nothing_to_judge(monkeypatch):
    narrow, wide = arm(TESTBED, MIXTURE, MIXTURE, zero, 16)[:2], arm(TESTBED, MIXTURE, MIXTURE, zero, 64)[2:]
    entry = verdict(monkeypatch, "19", {MIXTURE: narrow + wide})
    assert entry.verdict == "inconclusive"
    assert "share no seed" in entry.note


def test_a_width_of_which_nobody_is_left_is_not_taken_for_the_next(monkeypatch):
    left = arm(TESTBED, MIXTURE, MIXTURE, timid, 16) + arm(TESTBED, MIXTURE, MIXTURE, MIX, 32)
    assert verdict(monkeypatch, "19", {MIXTURE: left}).verdict == "inconclusive"


@pytest.mark.parametrize("number", ["30", "31", "32", "33", "34"])
def test_computed_claims_need_no_run_and_no_seed(number):
    claim = get(f"model_selection.{number}")
    assert claim.deterministic
    assert claim.needs("quick") == ()


def test_a_computed_judge_can_say_both(monkeypatch):
    """The sweep without noise is a step for the exact optimum, and none for one that only knows dense functions."""
    monkeypatch.setattr(computed, "MANY", 500)
    monkeypatch.setattr(computed.linear, "MIXTURE", linear.DENSE)
    assert verdict(monkeypatch, "31").verdict == "contradicted"
