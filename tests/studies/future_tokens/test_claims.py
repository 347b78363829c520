"""Every claim of the study on made-up runs: reproduced where they agree with the source, not where they do not."""

import numpy as np
import pytest

from latebloom import studies
from latebloom.claims import Evidence, Verdict, get, judge, of_study
from latebloom.errors import LatebloomError
from latebloom.studies.future_tokens.claims import cut, descent
from latebloom.training.presets import PRESETS
from tests.studies.future_tokens.planted import (
    LED,
    NOTHING,
    SEEDS,
    SOLVED,
    STUCK,
    FakeRun,
    from_scratch,
    gradients,
    grown,
    judged,
    ladder,
    majority,
    near,
    products,
    r2,
    rates,
    sine,
    table,
    text,
    two,
)

studies.load()
PLACES = np.arange(64)
EARLY, LATE = [0.04, -0.3, -0.2, -0.2, -0.2, -0.1, 0.0, 0.1], [0.1] * 8
ON = {"whole": 1.55, "teacher_hidden": 1.54}
SHARES = {0.25: 1.67, 0.5: 1.64, 0.75: 1.62}
GROWS = {16: 0.02, 32: 0.05, 96: 0.13}

AS_PUBLISHED = {
    "06": (sine(),),
    "07": (sine(),),
    "08": (sine(SOLVED, NOTHING, p=1.0),),
    "09": (sine(),),
    "10": (sine(),),
    "11": (sine(),),
    "12": (text(), rates()),
    "13": (two("test_loss", "past", ON), text()),
    "14": (text(),),
    "15": (text(),),
    "16": (text(), ladder(GROWS)),
    "17": (text(0.04), ladder({16: 0.16, 32: 0.11, 96: 0.1})),
    "19": (products(0.36, 0.99, 0.38, 0.06),),
    "20": (products(0.36, 0.99, 0.38, 0.06),),
    "21": (gradients([0.8, 0.5, 0.7, 0.6, 0.8, 0.7, 0.6, 0.6], LATE),),
    "22": (gradients([0.8] * 8, EARLY),),
    "23": (text(),),
    "24": (text(),),
    "25": (text(),),
    "26": (grown(), from_scratch(NOTHING)),
    "27": (text(),),
    "28": (text(), two("test_loss", "past_weight", SHARES)),
    "29": (majority(0.3),),
    "30": (grown(), sine(SOLVED, NOTHING, p=1.0)),
    "31": (sine(),),
}
OTHERWISE = {
    "06": (sine(whole=STUCK),),
    "07": (sine(hidden=SOLVED),),
    "08": (sine(SOLVED, STUCK, p=1.0),),
    "09": (sine(whole=LED),),
    "10": (sine(hidden={**STUCK, "lag_r2_1": r2({0: 0.17})}),),
    "11": (sine(whole={**SOLVED, "lag_r2_2": r2(dict.fromkeys(range(1, 13), 0.1))}),),
    "12": (text(gap=0.4), rates()),
    "13": (two("test_loss", "past", {"whole": 1.55, "teacher_hidden": 1.45}), text()),
    "14": (text(gap=0.4),),
    "15": (text(by_place=0.1 - 0.001 * PLACES),),
    "16": (text(), ladder({16: 0.2, 32: 0.16, 96: 0.02})),
    "17": (text(0.2), ladder(GROWS)),
    "19": (products(0.4, 0.38, 0.38, 0.06),),
    "20": (products(0.36, 0.99, 0.38, 0.9),),
    "21": (gradients([0.8, 0.5, 0.7, 0.6, 0.05, 0.7, 0.6, 0.6], LATE),),
    "22": (gradients([0.8] * 8, LATE),),
    "23": (text(lens={1: 0.25, 2: 0.2, 3: 0.2}),),
    "24": (text(lens={1: 0.4, 2: 0.45, 3: 0.3}),),
    "25": (text(myopic_lens={1: 0.35, 2: 0.3, 3: 0.3}),),
    "26": (grown(hidden=STUCK), from_scratch(NOTHING)),
    "27": (text(keys=0.05),),
    "28": (text(), two("test_loss", "past_weight", {0.25: 1.8, 0.5: 1.64, 0.75: 1.62})),
    "29": (majority(0.0),),
    "30": (grown(hidden=SOLVED), sine(SOLVED, NOTHING, p=1.0)),
    "31": (sine(whole={**SOLVED, "push_0": r2(dict.fromkeys(range(1, 13), 0.95))}),),
}


@pytest.mark.parametrize("number", AS_PUBLISHED)
def test_reproduced_on_runs_as_published(number):
    found = judged(number, *AS_PUBLISHED[number])
    assert found.verdict is Verdict.REPRODUCED, found
    assert found.seeds == SEEDS


@pytest.mark.parametrize("number", OTHERWISE)
def test_contradicted_on_runs_that_say_otherwise(number):
    found = judged(number, *OTHERWISE[number])
    assert found.verdict is Verdict.CONTRADICTED, found


@pytest.mark.parametrize(
    ("number", "runs"),
    [
        ("07", (sine(whole=STUCK),)),
        ("08", (sine(NOTHING, NOTHING, p=1.0),)),
        ("10", (sine(whole=STUCK),)),
        ("12", (text(zeroed=0.2, gap=0.01), rates())),
        ("14", (text(keys=1.2),)),
        ("26", (grown(), from_scratch(LED))),
        ("27", (text(gap=0.0),)),
        ("29", (majority(0.3, plain=0.3),)),
        ("30", (grown(), sine(LED, NOTHING, p=1.0))),
        ("31", (sine(whole={**SOLVED, "push_random": SOLVED["push_0"]}),)),
    ],
)
def test_a_control_that_passes_leaves_the_claim_undecided(number, runs):
    found = judged(number, *runs)
    assert found.verdict is Verdict.INCONCLUSIVE, found
    assert "Control:" in found.note


@pytest.mark.parametrize(
    ("number", "run"),
    [("19", products(0.97, 0.99, 0.38, 0.06)), ("19", products(0.0, 0.0, 0, 0)), ("20", products(0.4, 0.9, 0.98, 0.9))],
)
def test_products_without_room_for_filler_are_undecided(number, run):
    assert judged(number, run).verdict is Verdict.INCONCLUSIVE


def test_a_slope_over_a_hump_is_told():
    hump = judged("16", text(0.12), ladder({16: 0.1, 32: 0.15, 96: 0.14}))
    assert hump.verdict is Verdict.REPRODUCED
    assert hump.note == "The line hides a hump: the gap is largest at width 32, not at 96."
    assert judged("16", *AS_PUBLISHED["16"]).note == ""


def test_a_cut_in_a_task_that_nobody_learned_says_nothing():
    run = majority(0.3)
    run.table["excess"] += 0.2
    assert judged("29", run).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05"])
def test_what_needs_no_training_holds(number):
    entry = judge(get(f"future_tokens.{number}"), Evidence("quick", ()))
    assert entry.verdict is Verdict.REPRODUCED, entry.measured
    assert entry.seeds == 0


@pytest.mark.parametrize(
    ("number", "module", "name", "fault"),
    [
        ("01", cut, "cut", lambda model, past, share=0.0: model.replace({"past": "zeroed"})),
        ("02", cut, "cut", lambda model, past, share=0.0: model),
        ("03", cut, "cut", lambda model, past, share=0.0: model.replace({"past": past, "past_weight": 0.01})),
        ("04", descent, "contraction", lambda *own: 0.5),
        ("05", descent, "untied_descent", lambda losses, start, rate, steps: start[None] + 1),
    ],
)
def test_a_planted_fault_contradicts_what_needs_no_training(number, module, name, fault, monkeypatch):
    monkeypatch.setattr(module, name, fault)
    assert judged(number, scale="quick").verdict is Verdict.CONTRADICTED


def test_arms_are_paired_by_seed_whatever_their_order():
    frame = text().table
    shuffled = FakeRun(frame.sample(frac=1, random_state=3), text().settings)
    assert judged("14", shuffled).estimate == judged("14", text()).estimate


def test_members_that_diverged_do_not_count():
    frame = table(({"past": "whole"}, {"sums": near(0.1)}), ({"past": "hidden"}, {"sums": near(0.6)}))
    lost = FakeRun(frame, sine().settings, lost=tuple(range(SEEDS, 2 * SEEDS)))
    with pytest.raises(LatebloomError, match="No member with past = hidden reached its end"):
        judged("07", lost)


def test_all_of_the_sheet_is_registered_and_asks_for_experiments_that_exist():
    claims = of_study("future_tokens")
    assert [claim.id for claim in claims] == [f"future_tokens.{number:02}" for number in range(1, 32)]
    assert [claim.id for claim in claims if claim.judge is None] == ["future_tokens.18"]
    for claim in claims:
        assert claim.fixed == "2026-11-29"
        assert claim.cost
        assert claim.control or claim.judge is None
        for scale in ("smoke", *claim.scales):
            assert all(need.experiment in PRESETS for need in claim.needs(scale))
