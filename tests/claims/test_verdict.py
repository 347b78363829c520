import ast
import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest

from latebloom import studies
from latebloom.claims import (
    Finding,
    Region,
    Verdict,
    all_of,
    at_least,
    at_most,
    between,
    decide,
    settle,
    settle_number,
    undecided,
    verdict_of,
    with_control,
)
from latebloom.claims import statistics as s
from latebloom.claims.statistics import Estimate
from latebloom.errors import LatebloomError
from latebloom.randomness import stream

YES, NO, OPEN = Verdict.REPRODUCED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
INF = math.inf


def about(low, high, **more):
    value = low if low == INF else (low + min(high, 1e9)) / 2
    return Estimate(value, low, high, 9, **more)


@pytest.mark.parametrize(
    ("estimate", "pass_", "fail_", "verdict"),
    [
        (about(20, 30), between(12, 48), None, YES),
        (about(12, 48), between(12, 48), None, YES),
        (about(11, 30), between(12, 48), None, OPEN),
        (about(5, 11), between(12, 48), None, NO),
        (about(49, 60), between(12, 48), None, NO),
        (about(5, 60), between(12, 48), None, OPEN),
        (about(50, 60), at_most(48), None, NO),
        (about(50, 60), at_most(48), at_least(55), OPEN),
        (about(56, 60), at_most(48), at_least(55), NO),
        (about(28, INF), at_least(12), None, YES),
        (about(28, INF), between(12, 48), None, OPEN),
        (about(-INF, INF), at_least(0), None, OPEN),
        # Nobody reached it: known to be later than what was watched, and no more.
        (about(INF, INF, limit=50), at_most(48), None, NO),
        (about(INF, INF, limit=48), at_most(48), None, NO),
        (about(INF, INF, limit=30), at_most(48), None, OPEN),
        (about(INF, INF, limit=30), at_least(12), None, YES),
        (about(INF, INF, limit=10), at_least(12), None, OPEN),
        (about(INF, INF, limit=30), between(12, 48), at_least(60), OPEN),
    ],
)
def test_the_interval_decides(estimate, pass_, fail_, verdict):
    assert verdict_of(estimate, pass_, fail_) == verdict
    assert decide(estimate, pass_, fail_).verdict == verdict


def test_planted_effects_are_found_and_noise_is_not():
    noise = stream(0, "planted").normal(size=9)
    noise -= np.median(noise)  # the sample's own median is the planted one
    assert decide(s.median(28 + noise), between(12, 48)).verdict == YES
    assert decide(s.median(70 + noise), between(12, 48)).verdict == NO
    assert decide(s.median(48 + noise), between(12, 48)).verdict == OPEN


def test_decide_says_what_was_measured_and_on_how_many_seeds():
    found = decide(about(20, 30), at_least(1), note="n")
    assert (found.measured, found.seeds, found.note) == ("25 [20, 30]", 9, "n")
    assert decide(about(20, 30), at_least(1), seeds=3, measured="words").seeds == 3


def test_a_region_runs_upwards():
    with pytest.raises(LatebloomError, match="from low to high; got 48 to 12"):
        between(48, 12)
    with pytest.raises(LatebloomError):
        Region(math.nan, 1)


def test_undecided_keeps_the_reason():
    found = undecided("3 of 9 reached", "too short", seeds=9)
    assert (found.verdict, found.note) == (OPEN, "too short")


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [((YES, YES), YES), ((YES, OPEN), OPEN), ((YES, NO), NO), ((OPEN, NO), NO), ((YES, Verdict.NOT_RUN), OPEN)],
)
def test_all_of_needs_every_part(parts, verdict):
    made = {f"part {i}": Finding(str(part), part, seeds=9 - i) for i, part in enumerate(parts)}
    found = all_of(made)
    assert found.verdict == verdict
    assert found.seeds == 8
    assert found.measured == f"part 0: {parts[0]}; part 1: {parts[1]}"


def test_all_of_keeps_every_estimate_and_extra():
    found = all_of(
        {"train": decide(about(1, 2), at_most(5), extra={"rows": [1]}), "test": settle(True, "yes", seeds=9)}
    )
    assert found.estimate == about(1, 2)
    assert (dict(found.estimates), dict(found.extra)) == ({"train": about(1, 2)}, {"train": {"rows": [1]}})
    with pytest.raises(LatebloomError, match="at least one"):
        all_of({})


@pytest.mark.parametrize(
    ("control", "verdict"),
    [(settle(False, "none"), YES), (settle(True, "all"), OPEN), (undecided("?", "", seeds=1), OPEN)],
)
def test_a_control_that_does_not_fail_takes_the_verdict_away(control, verdict):
    found = with_control(settle(True, "all", seeds=9), control)
    assert found.verdict == verdict
    assert f"Control: {control.measured} ({control.verdict})." in found.note


def test_a_control_does_not_rescue_a_contradicted_claim():
    assert with_control(settle(False, "none", seeds=9), settle(False, "none")).verdict == NO


@pytest.mark.parametrize(
    ("value", "region", "verdict"),
    [
        (1e-4, at_most(1e-3), YES),
        (1e-3, at_most(1e-3), YES),
        (2e-3, at_most(1e-3), NO),
        (INF, at_most(1e-3), NO),
        (0.9, at_least(0.9), YES),
        (0.8, at_least(0.9), NO),
        (np.float64(2e-3), at_most(1e-3), NO),
        (math.nan, at_most(1e-3), OPEN),
        (math.nan, at_least(0.9), OPEN),
        (np.float32("nan"), between(0, 1), OPEN),
    ],
)
def test_one_number_settles_a_rule_unless_it_is_none(value, region, verdict):
    found = settle_number(value, region, f"off by {value:.2g}", seeds=3)
    assert found.verdict == verdict
    assert found.seeds == 3
    assert found.measured == (f"off by {value:.2g}" if verdict != OPEN else "off by nan: no number")


def test_a_control_without_a_number_does_not_show_the_claim():
    found = with_control(settle(True, "all"), settle_number(math.nan, at_most(1e-3), "without mask off by nan"))
    assert found.verdict == OPEN
    assert "Control: without mask off by nan: no number (inconclusive)." in found.note
    assert "does not show the claim" in found.note
    naively = with_control(settle(True, "all"), settle(math.nan <= 1e-3, "without mask off by nan"))
    assert naively.verdict == YES  # what is guarded against


def bare_controls(source):
    """Lines on which a control is settled by comparing a bare number: `settle(x <= limit)`, in place or by its name.

    An estimate (`x.high <= limit`) refuses NaN by itself.
    """
    found = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        nodes = list(ast.walk(function))
        given = {
            n.targets[0].id: n.value for n in nodes if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
        }
        for call in (n for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "with_control"):
            control = given.get(call.args[1].id) if isinstance(call.args[1], ast.Name) else call.args[1]
            if isinstance(control, ast.Call) and getattr(control.func, "id", "") == "settle":
                sides = [control.args[0].left] if isinstance(control.args[0], ast.Compare) else [control.args[0]]
                found += [call.lineno for side in sides if not isinstance(side, ast.Attribute)]
    return found


CLAIMS = sorted(Path(inspect.getfile(studies)).parent.glob("*/claims/*.py"))


@pytest.mark.parametrize("path", CLAIMS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_no_control_of_a_study_takes_no_number_for_a_failure(path):
    assert bare_controls(path.read_text()) == []


def test_a_bare_control_is_found_in_place_and_by_its_name():
    assert bare_controls("def judge():\n return with_control(found, settle(off <= 1e-3, told))") == [2]
    assert bare_controls("def judge():\n c = settle(bool((x > 0).any()), told)\n return with_control(found, c)") == [3]
    assert bare_controls("def judge():\n return with_control(found, settle(x.high < 1, told))") == []
    assert bare_controls("def judge():\n return with_control(found, settle_number(x, at_most(1), told))") == []


NUMBERED = re.compile(r"(?<![Oo]f )\{[^{}]*\} (seed|member|network|run|measurement|group)s\b")


def uncounted(source):
    """f-strings that put a number before a plural: "1 seeds" for one. "1 of 5 seeds" and shares are right."""
    texts = (ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr))
    return [text for text in texts if NUMBERED.search(text)]


@pytest.mark.parametrize("path", CLAIMS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_judges_count_in_words_that_hold_for_one(path):
    assert uncounted(path.read_text()) == []


def test_a_number_before_a_plural_is_found():
    assert uncounted('f"{int(seen.sum())} seeds saturate"') != []
    assert uncounted('f"{known} of {len(seen)} seeds saturate"') == []
