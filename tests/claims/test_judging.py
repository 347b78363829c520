import contextlib
import json
import math

import numpy as np
import pytest
import torch

from latebloom.claims import (
    Evidence,
    Finding,
    NothingToJudge,
    Request,
    Verdict,
    at_least,
    decide,
    fingerprint,
    judge,
    settle,
)
from latebloom.claims.statistics import Estimate
from latebloom.errors import LatebloomError, RunFailed
from tests.claims.build import DAY, FakeRun, make_claim, make_entry


def test_an_entry_carries_claim_finding_and_runs():
    found = decide(Estimate(28_000.4, 24_512.3456789, math.inf, 9, "steps", 50_000), at_least(12_000), note="why")
    entry = make_entry(make_claim(found), runs=[FakeRun("aa11", 42.0)])
    assert (entry.id, entry.study, entry.verdict, entry.scale) == ("grokking.01", "grokking", "reproduced", "quick")
    assert entry.measured == "28,000 [24,500, >50,000] steps"
    assert entry.interval == (24_512.3, None)
    assert (entry.seeds, entry.runs, entry.note) == (9, ("aa11",), "why")
    assert 42 <= entry.seconds < 60
    assert entry.judged_at == "2025-03-04T05:06:07+00:00"
    assert entry.command == "latebloom reproduce grokking.01 --scale quick"


def test_a_judge_reads_the_measurements_of_its_run():
    table = {"member": [0, 1], "step": [10, 10], "seed": [4, 5], "test_accuracy": [0.2, 0.4]}

    def mean_accuracy(evidence):
        return settle(True, f"{evidence.run.measurements()['test_accuracy'].mean():.1f}", seeds=9)

    assert make_entry(make_claim(mean_accuracy), runs=[FakeRun(table=table)]).measured == "0.3"


def _lost(*seeds, of=9, **more):
    """The members of a run, one a seed, of which some diverged at step 40."""
    ends = [40.0 if seed in seeds else math.nan for seed in range(of)]
    return {"member": range(of), "seed": range(of), "ended_at": ends, "diverged": [end == 40 for end in ends], **more}


def test_the_note_names_members_that_diverged():
    found = settle(True, "as told", seeds=9, note="why.")
    runs = [FakeRun("aa", rows=_lost(3, 7)), FakeRun("bb", rows=_lost(1, n_layers=[2] * 9))]
    plain, told = (
        make_entry(make_claim(found, needs=_two), runs=own) for own in ([FakeRun("aa"), FakeRun("bb")], runs)
    )
    assert told.note == (
        "why. 3 of 18 members diverged and left no later logs: seed 3 at step 40; seed 7 at step 40; "
        "seed 1, n_layers 2 at step 40."
    )
    assert (plain.note, plain.verdict, plain.fingerprint) == ("why.", told.verdict, told.fingerprint)


def test_a_run_is_counted_once_and_of_many_a_few_are_named():
    entry = make_entry(make_claim(needs=_two), runs=[FakeRun("aa", rows=_lost(*range(7)))] * 2)
    assert entry.note.startswith("7 of 9 members diverged")
    assert entry.note.endswith("seed 4 at step 40; and 2 more.")
    assert make_entry(runs=[FakeRun(rows=_lost())]).note == ""


def test_runs_that_cannot_answer_leave_a_claim_inconclusive_and_the_note_says_why():
    def judge_of(evidence):
        raise NothingToJudge("No member with one layer reached its end.")

    entry = make_entry(make_claim(judge_of), scale="laptop", runs=[FakeRun(rows=_lost(0, 1, of=2))])
    assert (entry.verdict, entry.measured, entry.seeds) == ("inconclusive", "nothing to judge", 0)
    assert entry.note == (
        "No member with one layer reached its end. Only 0 seeds; a verdict at laptop scale needs 5. "
        "2 of 2 members diverged and left no later logs: seed 0 at step 40; seed 1 at step 40."
    )


def _two(scale):
    return Request("a", scale), Request("b", scale)


def test_a_run_that_serves_two_needs_is_paid_once():
    def twice(scale):
        return (Request("a", scale), Request("b", scale))

    entry = make_entry(make_claim(needs=twice), runs=[FakeRun("aa", 30.0), FakeRun("aa", 30.0)])
    assert entry.runs == ("aa", "aa")
    assert 30 <= entry.seconds < 45


@pytest.mark.parametrize(
    ("scale", "seeds", "deterministic", "verdict"),
    [
        ("smoke", 9, False, Verdict.NOT_RUN),
        ("smoke", 0, True, Verdict.NOT_RUN),
        ("quick", 3, False, Verdict.REPRODUCED),
        ("laptop", 4, False, Verdict.INCONCLUSIVE),
        ("laptop", 5, False, Verdict.REPRODUCED),
        ("laptop", 0, True, Verdict.REPRODUCED),
    ],
)
def test_scale_and_seeds_limit_the_verdict(scale, seeds, deterministic, verdict):
    entry = make_entry(make_claim(settle(True, "x", seeds=seeds), deterministic=deterministic), scale)
    assert entry.verdict == verdict
    assert ("Only" in entry.note) == (scale != "smoke" and not deterministic and seeds < 5)
    assert ("plumbing" in entry.note) == (scale == "smoke")


def test_a_fault_of_the_judge_is_no_verdict():
    def broken(evidence):
        return {}["test_loss"]

    with pytest.raises(RunFailed) as caught:
        make_entry(make_claim(broken), runs=[FakeRun("aa11")])
    text = str(caught.value)
    for word in ("grokking.01", "KeyError: 'test_loss'", "of broken", "aa11", "not a verdict", "latebloom reproduce"):
        assert word in text
    assert caught.value.exit_code == 1


def test_a_fault_deep_in_a_library_is_told_where_the_judge_asked_for_it():
    def asks_for_no_column(evidence):
        return evidence.run.measurements()["test_los"]

    line = asks_for_no_column.__code__.co_firstlineno + 1
    with pytest.raises(RunFailed, match=rf"'test_los' \(line {line} of asks_for_no_column, test_judging\.py\)"):
        make_entry(make_claim(asks_for_no_column), runs=[FakeRun("aa11")])


@pytest.mark.parametrize("fails", [False, True])
def test_a_judge_has_one_thread_and_gives_the_others_back(fails):
    seen, before = [], torch.get_num_threads()
    torch.set_num_threads(3)

    def look(evidence):
        seen.append(torch.get_num_threads())
        return {}["fault"] if fails else settle(True, "x", seeds=9)

    try:
        with pytest.raises(RunFailed) if fails else contextlib.nullcontext():
            make_entry(make_claim(look), runs=[FakeRun("aa11")])
        assert (seen, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("finding", "text"),
    [(lambda evidence: True, "it returned bool"), (settle(True, "x", extra={"run": object()}), "it holds a object")],
)
def test_what_a_judge_returns_is_checked(finding, text):
    with pytest.raises(RunFailed, match=text):
        make_entry(make_claim(finding))


def test_extra_becomes_json():
    extra = {"rows": np.array([[1, 2]]), "best": np.float64(0.1234567), "never": math.inf, 5: {"a": (True, None)}}
    estimates = {"train": Estimate(3, 2, math.inf, 9, "steps")}
    entry = make_entry(make_claim(Finding("x", Verdict.REPRODUCED, 9, estimates=estimates, extra=extra)))
    assert entry.extra == {"rows": [[1, 2]], "best": 0.123457, "never": None, "5": {"a": [True, None]}}
    assert entry.estimates == {"train": {"value": 3, "interval": [2, None], "n": 9, "unit": "steps"}}
    json.dumps(entry.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("claim", "evidence", "text"),
    [
        (make_claim(), Evidence("lap", (FakeRun(),)), "Unknown scale 'lap'"),
        (make_claim(), Evidence("paper", (FakeRun(),)), "cannot be judged at scale 'paper'; it can at quick, laptop"),
        (make_claim(), Evidence("quick"), "asks for 1 runs at scale quick; it was given 0"),
        (make_claim(judge=None, why="Too big."), Evidence("quick"), "is not run: it needs scale quick. Too big."),
    ],
)
def test_refuses_runs_that_were_not_asked_for(claim, evidence, text):
    with pytest.raises(LatebloomError, match=text) as caught:
        judge(claim, evidence, now=DAY)
    assert not isinstance(caught.value, RunFailed)


def test_the_fingerprint_follows_rule_needs_and_version():
    base = fingerprint(make_claim(), "quick")
    assert base == fingerprint(make_claim(title="Another title", control="none"), "quick")
    others = [
        fingerprint(make_claim(), "laptop"),
        fingerprint(make_claim(rule="another"), "quick"),
        fingerprint(make_claim(version=2), "quick"),
        fingerprint(make_claim(needs=lambda scale: (Request("grokking.modular_addition", scale),)), "quick"),
    ]
    assert len({base, *others}) == 5
