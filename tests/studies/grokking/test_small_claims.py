"""Claims on written-down solutions and small networks, judged on tables made up true and made up false."""

import math

import numpy as np
import pandas as pd
import pytest

from latebloom import studies
from latebloom.claims import Evidence, Verdict, get
from latebloom.errors import LatebloomError
from latebloom.studies.curves import running_median
from latebloom.studies.grokking.claims.small_complexity import falls_rises_falls
from latebloom.studies.grokking.claims.small_constructed import ACCURACY, ANGLE, ODD
from latebloom.studies.grokking.claims.small_networks import bounce, reversed_late
from latebloom.studies.grokking.claims.small_tables import UNIFORM
from tests.claims.build import FakeRun

studies.load()

REPRODUCED, CONTRADICTED, INCONCLUSIVE = Verdict.REPRODUCED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE
SEEDS = 9


def run(rows):
    return FakeRun(table=pd.DataFrame(rows).to_dict(orient="list"))


def judged(number, *runs, scale="laptop"):
    return get(f"grokking.{number}").judge(Evidence(scale, tuple(runs)))


# --- written down ----------------------------------------------------------------------------------------------------


def circle(exact):
    return run(
        {"member": m, "p": p, "neurons": n, "table_accuracy": 1.0 if n in exact else 0.03}
        for m, (p, n) in enumerate((p, n) for p in (67, 113) for n in range(1, 13))
    )


@pytest.mark.parametrize(
    ("exact", "verdict"),
    [({3, *range(5, 13)}, REPRODUCED), (set(range(5, 13)), CONTRADICTED), ({3, *range(4, 13)}, CONTRADICTED)],
)
def test_14_wants_just_these_neurons(exact, verdict):
    found = judged(14, circle(exact))
    assert found.verdict is verdict
    assert "at N = 4" in found.measured


def relu_runs(change=None):
    shares = {(p, n): values[i] for n, values in ACCURACY.items() for i, p in enumerate((67, 113))}
    shares |= {(p, n): 0.02 for p in (67, 113) for n in (3, 4)} | {(p, 5): 1.0 for p in ODD}
    shares |= {(119, 5): 0.9331, (127, 5): 0.7479, (197, 5): 0.391, (163, 7): 1.0, (197, 7): 1.0}
    shares |= change or {}
    first = [{"p": p, "neurons": n, "table_accuracy": shares[p, n]} for p in (67, 113) for n in range(3, 13)]
    five = [{"p": p, "table_accuracy": shares[p, 5]} for p in (*ODD, 119, 127, 197)]
    return run(first), run(five), run({"p": p, "table_accuracy": shares[p, 7]} for p in (163, 197))


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, REPRODUCED),
        ({(117, 5): 0.9999}, CONTRADICTED),
        ({(119, 5): 0.95}, CONTRADICTED),
        ({(67, 4): 0.5}, CONTRADICTED),
        ({(67, 6): 0.196}, REPRODUCED),
    ],
)
def test_15_compares_every_share(change, verdict):
    assert judged(15, *relu_runs(change)).verdict is verdict


def angles(change=None):
    angle = {n: ANGLE.get(n, ANGLE.get(n // 2, 0.5) if n % 4 == 2 else 0.5) for n in range(3, 25)}
    angle[22] = angle[11]
    angle[18], angle[14] = angle[9], angle[7]
    angle |= change or {}
    return run({"p": p, "neurons": n, "answer_angle": angle[n]} for p in (67, 113) for n in range(3, 25))


@pytest.mark.parametrize(
    ("change", "verdict"), [({}, REPRODUCED), ({14: 0.53}, CONTRADICTED), ({5: 1.6, 10: 1.6}, CONTRADICTED)]
)
def test_16_wants_equal_angles_and_the_published_ones(change, verdict):
    assert judged(16, angles(change)).verdict is verdict


@pytest.mark.parametrize("key", [(113, 6), (67, 4), (197, 5)])
def test_15_refuses_a_share_that_is_no_number(key):
    """NaN is above no bound: such a share counted as one within it."""
    with pytest.raises(LatebloomError, match="not finite"):
        judged(15, *relu_runs({key: math.nan}))


def test_16_refuses_an_angle_that_is_no_number():
    """Python's max passes over NaN unless it comes first."""
    table = angles()
    for place in ({"p": 113, "neurons": 14}, {"p": 113, "neurons": 8}):
        frame = pd.DataFrame(table.table)
        frame.loc[(frame["p"] == place["p"]) & (frame["neurons"] == place["neurons"]), "answer_angle"] = math.nan
        with pytest.raises(LatebloomError, match="not finite"):
            judged(16, run(frame.to_dict(orient="records")))


def even(lost=lambda p: p, half=lambda p: p):
    return run(
        {"p": p, "undecided": lost(p), "undecided_half": half(p), "table_accuracy": 1 - lost(p) / p**2}
        for p in (12, 34, 66, 118)
    )


def odd(undecided=0):
    return run({"p": p, "undecided": undecided, "undecided_half": 0, "table_accuracy": 1.0} for p in (67, 113))


def test_17_wants_all_lost_pairs_half_a_turn_apart():
    assert judged(17, even(), even(), even(), odd()).verdict is REPRODUCED
    assert judged(17, even(), even(), even(half=lambda p: p - 1), odd()).verdict is CONTRADICTED
    assert judged(17, even(), even(lost=lambda p: 0), even(), odd()).verdict is CONTRADICTED
    assert judged(17, even(), even(), even(), odd(undecided=3)).verdict is INCONCLUSIVE


def margins(gain):
    rows = [
        {
            "neurons": n,
            "frequencies": list(range(1, k + 1)),
            "unit_margin": 1e-9 * gain**k * (1 + d),
            "table_margin": 4.7e-5,
        }
        for n in (5, 7)
        for k in range(1, 9)
        for d in ((0,) if k == 1 else (0, 0.1, 0.2))
    ]
    return run(rows), run([{"table_margin": 1.2e-5}])


def test_18_wants_a_gain_and_names_the_best_number():
    found = judged(18, *margins(10.0))
    assert found.verdict is REPRODUCED
    assert "4 frequencies of 5 neurons, such as 1, 2, 3, 4" in found.measured
    assert judged(18, *margins(0.5)).verdict is CONTRADICTED


def gromov(accuracies, free=0.01):
    rows = [
        {"phase_seed": s, "d_mlp": d, "table_accuracy": a + 0.001 * (s % 3) * (a < 0.99)}
        for d, a in zip((48, 96, 192, 384), accuracies, strict=True)
        for s in range(SEEDS)
    ]
    return run(rows), run({"phase_seed": s, "table_accuracy": free} for s in range(SEEDS))


def test_32_wants_a_rise_a_solution_and_a_control_that_fails():
    assert judged(32, *gromov((0.8, 0.95, 1.0, 1.0))).verdict is REPRODUCED
    assert judged(32, *gromov((0.8, 0.7, 1.0, 1.0))).verdict is CONTRADICTED
    assert judged(32, *gromov((0.1, 0.2, 0.3, 0.4))).verdict is CONTRADICTED
    assert judged(32, *gromov((0.8, 0.95, 1.0, 1.0), free=0.97)).verdict is INCONCLUSIVE


# --- small networks --------------------------------------------------------------------------------------------------


def ramp(steps, at):
    """Accuracy that reaches 1 at a step; inf: never."""
    return np.where(steps >= at, 1.0, 0.1)


def long_table(steps, columns, **fields):
    """A table from [step] curves, one list entry a member."""
    frames = []
    for member, curves in enumerate(columns):
        own = {name: values[member] for name, values in fields.items()}
        frames.append(pd.DataFrame({"member": member, "step": steps, **own, **curves}))
    return FakeRun(table=pd.concat(frames).to_dict(orient="list"))


def architectures(gen):
    steps = np.arange(0, 10_001, 100)
    keys = [
        (i, o, d, s)
        for i in ("factored", "collapsed")
        for o in ("factored", "collapsed")
        for d in (0.1, 1.0)
        for s in range(SEEDS)
    ]
    curves = [
        {"train_accuracy": ramp(steps, 300), "test_accuracy": ramp(steps, gen(i, o, d, s))} for i, o, d, s in keys
    ]
    fields = {
        name: [key[k] for key in keys] for k, name in enumerate(("in_product", "out_product", "weight_decay", "seed"))
    }
    return long_table(steps, curves, **fields)


def test_11_wants_no_generalisation_with_both_collapsed_only():
    def as_said(i, o, d, s):
        return math.inf if i == o == "collapsed" else 2000

    def one_helps(i, o, d, s):
        return 2000 if o == "factored" else math.inf

    assert judged(11, architectures(as_said)).verdict is REPRODUCED
    assert judged(11, architectures(lambda *_: 2000)).verdict is CONTRADICTED
    assert judged(11, architectures(one_helps)).verdict is CONTRADICTED
    few = judged(
        11, architectures(lambda i, o, d, s: 2000 if i == "factored" or o == "factored" or s < 2 else math.inf)
    )
    assert few.verdict is INCONCLUSIVE


def five(perfect, train, test):
    steps = np.arange(0, 20_001, 100)
    curves = [
        {
            "train_accuracy": np.where(steps >= train + 50 * s, 0.97, 0.2),
            "test_accuracy": np.where(steps >= perfect + 100 * s, 1.0, np.where(steps >= test + 50 * s, 0.96, 0.2)),
        }
        for s in range(SEEDS)
    ]
    return long_table(steps, curves, seed=range(SEEDS))


def test_13_wants_ten_thousand_steps_and_no_gap():
    assert judged(13, five(9_000, 5_000, 5_100)).verdict is REPRODUCED
    assert judged(13, five(1_000, 500, 600)).verdict is CONTRADICTED
    assert judged(13, five(9_000, 1_000, 5_000)).verdict is CONTRADICTED
    assert judged(13, five(math.inf, 5_000, 5_100)).verdict is CONTRADICTED


STEPS = np.arange(0, 20_001, 200)


def reversal(rises, periodic=0.9, start=0.1):
    x = STEPS / STEPS[-1]
    curves = []
    for rise in rises:
        test = np.where(x < 0.3, UNIFORM * (1 - 2.5 * x), UNIFORM * 0.25 * (1 + (4 * (x - 0.3) if rise else 0)))
        share = np.where(STEPS == 0, start, periodic)
        curves.append(
            {"train_loss": UNIFORM * np.exp(-5 * x) / 67, "test_loss": test / 67, "in_share": share}
            | {"test_accuracy": np.full(len(x), 0.4)}
        )
    return long_table(STEPS, curves, seed=range(len(rises)))


def test_27_counts_the_seeds_that_lose_what_they_had():
    assert judged(27, reversal([True] * 25 + [False] * 25)).verdict is REPRODUCED
    assert judged(27, reversal([False] * 50)).verdict is CONTRADICTED
    assert judged(27, reversal([True] * 50, periodic=0.3)).verdict is CONTRADICTED
    assert judged(27, reversal([True] * 50, start=0.8)).verdict is INCONCLUSIVE


def test_27_wants_train_loss_not_to_rise_with_test_loss():
    x = np.linspace(0, 1, 50)[None]
    test, share = 2 * np.abs(x - 0.4) + 0.2, np.full((1, 50), 0.9)
    assert reversed_late(1 - x, test, share).all()
    assert not reversed_late(test, test, share).any()
    assert not reversed_late(1 - x, test + UNIFORM, share).any()


@pytest.mark.parametrize(
    ("curve", "found"),
    [
        ([4, 1, 3, 0.5], True),
        ([4, 1, 3, 1.5], False),  # does not come back
        ([4, 1, 1.5, 0.5], False),  # does not double
        ([4, 3, 9, 0.5], False),  # had not generalised before
        ([4, 3, 2, 1], False),
    ],
)
def test_28_wants_three_phases(curve, found):
    loss = np.repeat(np.array([curve], dtype=float), 20, axis=1)
    assert bounce(running_median(loss, 5)).tolist() == [found]


def test_28_does_not_count_a_spike():
    loss = np.full((1, 100), 0.5)
    loss[0, 50:52] = 30
    assert bounce(loss).all()
    assert not bounce(running_median(loss, 5)).any()


def three_phases(yes):
    levels = [np.repeat([4, 1, 3, 0.5] if good else [4, 2, 1, 0.5], 50) / 67 for good in yes]
    steps = np.arange(200) * 400
    return long_table(steps, [{"test_loss": t, "test_accuracy": t * 0 + 0.9} for t in levels], seed=range(len(yes)))


def test_28_judges_the_share():
    assert judged(28, three_phases([True] * 5 + [False] * 4)).verdict is REPRODUCED
    assert judged(28, three_phases([False] * 9)).verdict is INCONCLUSIVE
    assert judged(28, three_phases([False] * 40)).verdict is CONTRADICTED


# --- inputs and complexity -------------------------------------------------------------------------------------------


def encodings(codes, onehot):
    steps = np.arange(0, 601, 6)
    keys = [(kind, s) for kind in ("onehot", "codes") for s in range(SEEDS)]
    times = {"onehot": onehot, "codes": codes}
    curves = [{"train_accuracy": ramp(steps, 100), "test_accuracy": ramp(steps, times[kind])} for kind, _ in keys]
    return long_table(steps, curves, encoding=[kind for kind, _ in keys], seed=[s for _, s in keys])


def digits():
    steps = np.arange(0, 401, 4)
    keys = [(f, s) for f in (0.4, 0.7) for s in range(SEEDS)]
    curves = [{"train_accuracy": ramp(steps, 100), "test_accuracy": ramp(steps, 110)} for _ in keys]
    return long_table(steps, curves, train_fraction=[f for f, _ in keys], seed=[s for _, s in keys])


def test_51_wants_prompt_codes_beside_late_one_hot_networks():
    late, never = encodings(110, 500), encodings(math.inf, math.inf)
    assert judged(51, encodings(110, math.inf), late, digits()).verdict is REPRODUCED
    assert judged(51, never, late, digits()).verdict is REPRODUCED
    assert judged(51, never, encodings(math.inf, 500), digits()).verdict is CONTRADICTED
    assert judged(51, encodings(110, 110), never, digits()).verdict is CONTRADICTED


def mirrored(accuracy, share=0.4):
    steps = np.arange(0, 201, 20)
    curves = [
        {
            "train_accuracy": np.clip(steps / 160, 0, 1),
            "test_accuracy": np.full(len(steps), accuracy + 0.002 * s),
            "mirror_share": np.full(len(steps), share + 0.001 * s),
            "mirrored_accuracy": np.full(len(steps), 0.9),
            "unmirrored_accuracy": np.full(len(steps), 0.0),
        }
        for s in range(SEEDS)
    ]
    return long_table(steps, curves, seed=range(SEEDS))


def test_52_compares_accuracy_with_the_share_of_mirrored_pairs():
    assert judged(52, mirrored(0.4), mirrored(0.01), mirrored(0.4)).verdict is REPRODUCED
    assert judged(52, mirrored(0.01), mirrored(0.01), mirrored(0.4), mirrored(0.1)).verdict is CONTRADICTED
    assert judged(52, mirrored(0.4), mirrored(0.3), mirrored(0.4)).verdict is CONTRADICTED


@pytest.mark.parametrize(
    ("curve", "found"),
    [
        ([10, 8, 20, 9], True),
        ([10, 8, 20, 19], False),
        ([10, 11, 20, 9], False),  # no first fall
        ([10, 8, 8.5, 8], False),
        ([10, 8, 6, 4], False),
    ],
)
def test_53_wants_a_fall_a_rise_and_a_fall(curve, found):
    shown, peak = falls_rises_falls(np.array([curve], dtype=float))
    assert shown.tolist() == [found]
    if found:
        assert peak.tolist() == [2]


def folds(levels, gen):
    steps = np.arange(0, 1000, 10)
    curves = [
        {
            "complexity_train": np.repeat(levels, 25),
            "train_accuracy": ramp(steps, 300),
            "test_accuracy": ramp(steps, gen),
        }
        for _ in range(SEEDS)
    ]
    return long_table(steps, curves, seed=range(SEEDS))


def test_53_wants_the_shape_with_generalisation_and_not_without():
    shape, still = folds([10.0, 8.0, 20.0, 9.0], 800), folds([10.0, 8.0, 20.0, 20.0], math.inf)
    assert judged(53, shape, still, shape).verdict is REPRODUCED
    assert judged(53, still, still, shape).verdict is CONTRADICTED
    assert judged(53, shape, shape, shape).verdict is INCONCLUSIVE
    early = folds([10.0, 20.0, 8.0, 8.0], 800)
    assert judged(53, early, still, shape).verdict is CONTRADICTED
