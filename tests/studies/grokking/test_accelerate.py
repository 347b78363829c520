"""Group `accelerate`: judges on planted tables, the arithmetic of arms, presets."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latebloom import studies
from latebloom.claims import Evidence, Verdict, get
from latebloom.fleet.local import run_plan
from latebloom.fleet.plan import plan
from latebloom.runs.run import Run
from latebloom.studies.grokking.claims import accelerate_arms as arms
from latebloom.training.members import populations
from latebloom.training.presets import members_of

PRESETS = [
    f"grokking.{name}"
    for name in ("stability", "stablemax", "tuned_adamw", "orthograd", "grokfast", "egd", "muon", "slingshots")
]
NEVER = math.inf
GRID = [(lr, wd) for lr in (0.001, 0.003, 0.01) for wd in (1.0, 2.0, 4.0, 8.0)]


@dataclass(frozen=True)
class Planted:
    """A run as judges see it, made of members whose curves we draw."""

    rows: list = field(default_factory=list)  # one dict a member: varied fields, and columns as functions of the step
    budget: int = 1000
    every: int = 10
    hash: str = "aa11"
    seconds: float = 1.0
    path: Path = Path("runs/aa11")

    def members(self):
        fixed = [{k: v for k, v in row.items() if not callable(v)} for row in self.rows]
        return pd.DataFrame(fixed).assign(member=range(len(fixed)))

    def measurements(self):
        tables = []
        for member, row in enumerate(self.rows):
            steps = np.arange(0, self.budget + 1, self.every)
            columns = {k: v(steps.astype(float)) for k, v in row.items() if callable(v)}
            table = pd.DataFrame({"member": member, "step": steps, **columns})
            ends = row.get("ends", NEVER)
            tables.append(table[table["step"] <= ends])
        return pd.concat(tables, ignore_index=True)


def from_step(step):
    """0 before a step, 1 from it on."""
    return lambda steps: (steps >= step).astype(float)


def member(t_gen, seed, t_mem=50, **more):
    return {"seed": seed, "train_accuracy": from_step(t_mem), "test_accuracy": from_step(t_gen), **more}


def one_arm(times, budget=1000, **more):
    return Planted([member(t, seed, **more) for seed, t in enumerate(times)], budget)


def grid(times, settings, budget=1000):
    """Times as a function of (lr, wd, seed); nine seeds."""
    rows = [member(times(lr, wd, s), s, lr=lr, weight_decay=wd) for lr, wd in settings for s in range(9)]
    return Planted(rows, budget)


def judged(number, *runs, scale="laptop"):
    return get(f"grokking.{number}").judge(Evidence(scale, tuple(runs)))


@pytest.fixture(autouse=True, scope="module")
def loaded():
    studies.load()


# The arithmetic of arms.


def table(times, limit=1000.0, **more):
    return pd.DataFrame({"seed": range(len(times)), "t_gen": [float(t) for t in times], "limit": limit, **more})


def test_an_arm_waits_for_three_logs_and_keeps_who_never_did():
    dip = member(100, 0)
    dip["test_accuracy"] = lambda steps: ((steps == 60) | (steps >= 100)).astype(float)
    found = arms.arm(Planted([dip, member(NEVER, 1)]))
    assert found["t_gen"].tolist() == [100, NEVER]
    assert found["t_mem"].tolist() == [50, 50]
    assert found["limit"].tolist() == [1000, 1000]
    assert arms.arm(Planted([dip]), window=1)["t_gen"].tolist() == [60]


def test_speed_up_of_times_that_all_happened_is_the_median_ratio():
    found = arms.speed_up(table([100, 200, 900]), table([10, 40, 30]))
    assert found.value == pytest.approx(10)
    assert (found.low, found.high) == (pytest.approx(5), pytest.approx(30))


def test_speed_up_pairs_by_seed_and_not_by_row():
    slow, fast = table([100, 200, 400]), table([40, 20, 10])
    fast["seed"] = [2, 1, 0]
    assert arms.speed_up(slow, fast).value == pytest.approx(10)


def test_a_slow_arm_that_never_generalised_gives_a_lower_bound():
    found = arms.speed_up(table([NEVER] * 9), table(range(10, 100, 10)))
    assert found.value == math.inf
    assert found.limit == pytest.approx(1000 / 50)
    assert found.high == math.inf
    assert 1000 / 90 <= found.low <= found.limit  # not the largest of the bounds


def test_a_fast_arm_that_never_generalised_gives_an_upper_bound_and_neither_gives_none():
    found = arms.speed_up(table([500] * 9), table([NEVER] * 9))
    assert (found.low, found.value, found.high) == (0, pytest.approx(0.5), pytest.approx(0.5))
    nothing = arms.speed_up(table([NEVER] * 9), table([NEVER] * 9))
    assert (nothing.low, nothing.high) == (0, math.inf)


def test_tuning_does_not_see_the_seed_it_serves():
    # Setting A is best for all seeds but 0, B only for seed 0: seed 0 must be served by A.
    a = table([130, 100, 100, 100], lr=1.0, weight_decay=0.0)
    b = table([90, 300, 300, 300], lr=2.0, weight_decay=0.0)
    chosen = arms.tuned(pd.concat([a, b]))
    assert chosen["seed"].tolist() == [0, 1, 2, 3]
    assert chosen["lr"].tolist() == [1, 1, 1, 1]


def test_tuning_counts_a_failure_as_twice_the_budget():
    # Fast on two of four seeds and never on the others, against reliably slow.
    a = table([100, 100, NEVER, NEVER], lr=1.0, weight_decay=0.0)
    b = table([200, 200, 200, 200], lr=2.0, weight_decay=0.0)
    assert set(arms.tuned(pd.concat([a, b]))["lr"]) == {2.0}


# Judges.


def orthograd_runs(time, plain=NEVER, t_mem=100):
    rows = [member(time + 2 * s, s, t_mem=t_mem, lr=lr) for lr in (0.003, 0.01, 0.03) for s in range(9)]
    return Planted(rows), one_arm([plain] * 9), grid(lambda lr, wd, s: 400 + s, GRID)


def test_46():
    found = judged(46, *orthograd_runs(150))
    assert found.verdict is Verdict.REPRODUCED
    assert found.seeds == 9
    assert found.estimates["speed-up over tuned AdamW"].value == pytest.approx(410 / 160, rel=0.05)
    assert judged(46, *orthograd_runs(400)).verdict is Verdict.CONTRADICTED  # too late
    assert judged(46, *orthograd_runs(280, t_mem=50)).verdict is Verdict.CONTRADICTED  # it over-fitted first
    assert judged(46, *orthograd_runs(150, plain=200)).verdict is Verdict.INCONCLUSIVE  # so does the control
    assert judged(46, *orthograd_runs(150)[:2], scale="quick").verdict is Verdict.REPRODUCED


def grokfast_runs(own=100, others=2000, beta=2000):
    arm = [one_arm([own] * 9, 5000)]
    controls = [one_arm([t] * 9, 5000) for t in (others, beta, others)]
    wd0 = one_arm([NEVER] * 9, 5000)
    return [wd0, grid(lambda lr, wd, s: others, GRID, 5000), *arm, *controls, *arm, *controls]


def test_47():
    assert judged(47, *grokfast_runs()).verdict is Verdict.REPRODUCED
    found = judged(47, *grokfast_runs(beta=150))
    assert found.verdict is Verdict.CONTRADICTED  # one control does nearly as well
    assert found.estimates["EMA over beta1 0.98"].value == pytest.approx(1.5, rel=0.05)
    assert found.estimates["EMA over same wd"].value == pytest.approx(20, rel=0.05)
    assert found.estimates["MA over wd 0"].value == math.inf


def test_48():
    grid_runs = grid(lambda lr, wd, s: 300, GRID)
    own, slow = one_arm([100] * 9, 5000), one_arm([3000] * 9, 5000)
    found = judged(48, own, slow, grid_runs)
    assert found.verdict is Verdict.REPRODUCED
    assert found.estimates["speed-up over tuned AdamW"].value == pytest.approx(3, rel=0.05)
    assert judged(48, own, one_arm([NEVER] * 9, 5000), grid_runs).verdict is Verdict.REPRODUCED
    assert judged(48, own, one_arm([NEVER] * 9, 600), grid_runs).verdict is Verdict.INCONCLUSIVE
    assert judged(48, own, one_arm([500] * 9), grid_runs).verdict is Verdict.CONTRADICTED
    assert judged(48, one_arm([NEVER] * 9, 5000), slow, grid_runs).verdict is Verdict.CONTRADICTED


def test_49():
    settings = [(lr, wd) for lr in (0.005, 0.02, 0.05) for wd in (0.0, 0.1, 0.3, 1.0)]
    adamw = grid(lambda lr, wd, s: 300 + 10 * s if wd == 4 else 900, GRID)
    fast = grid(lambda lr, wd, s: 150 + 10 * s if wd == 0.1 else NEVER, settings)
    slow = grid(lambda lr, wd, s: 450 + 10 * s, settings)
    assert judged(49, fast, adamw).verdict is Verdict.REPRODUCED
    assert judged(49, slow, adamw).verdict is Verdict.CONTRADICTED
    equal = grid(lambda lr, wd, s: 300 + 10 * s if wd == 0.1 else NEVER, settings)
    assert judged(49, equal, adamw).verdict is Verdict.INCONCLUSIVE  # a ratio of 1 lies neither above nor below 1


def stability_member(seed, t_gen=NEVER, t_collapse=400.0, rise=0.0, cosine=0.9, start=0.01):
    return member(
        t_gen,
        seed,
        t_mem=100,
        softmax_collapse=from_step(t_collapse),
        test_accuracy=lambda s: np.where(s >= t_gen, 1.0, 0.1 + rise * (s >= t_collapse + 100)),
        nlm_alignment=lambda s: np.where(s >= t_collapse, np.nan, start + (cosine - start) * np.minimum(s / 380, 1)),
        nlm_W_0=lambda s: np.full_like(s, 0.5),
        l2_norm=lambda s: 10 + s,
    )


def collapse_runs(rise=0.0, double=700.0, stable=500.0, softmax=NEVER, t_gen=NEVER):
    single = Planted([stability_member(s, t_gen=t_gen, rise=rise) for s in range(9)])
    later = Planted([stability_member(s, t_collapse=double) for s in range(9)])
    max_arm = Planted([stability_member(s, t_gen=stable) for s in range(9)])
    return single, later, max_arm, one_arm([softmax] * 9)


def test_44():
    found = judged(44, *collapse_runs())
    assert found.verdict is Verdict.REPRODUCED
    assert found.estimates["collapse float64 / float32"].value == pytest.approx(700 / 400)
    assert judged(44, *collapse_runs(double=NEVER)).verdict is Verdict.REPRODUCED
    assert judged(44, *collapse_runs(rise=0.4)).verdict is Verdict.CONTRADICTED  # it went on learning
    assert judged(44, *collapse_runs(double=400)).verdict is Verdict.CONTRADICTED
    assert judged(44, *collapse_runs(stable=NEVER)).verdict is Verdict.CONTRADICTED
    assert judged(44, *collapse_runs(t_gen=300)).verdict is Verdict.CONTRADICTED
    assert judged(44, *collapse_runs(softmax=300)).verdict is Verdict.INCONCLUSIVE


def test_45():
    found = judged(45, Planted([stability_member(s, cosine=0.8 + 0.01 * s) for s in range(9)], every=20))
    assert found.verdict is Verdict.REPRODUCED
    assert found.estimate.value == pytest.approx(0.84)
    assert found.estimates["cosine, W_0"].value == 0.5
    weak = Planted([stability_member(s, cosine=0.3) for s in range(9)], every=20)
    assert judged(45, weak).verdict is Verdict.CONTRADICTED
    falling = Planted([stability_member(s, start=0.95, cosine=0.8) for s in range(9)], every=20)
    assert judged(45, falling).verdict is Verdict.CONTRADICTED
    never = Planted([stability_member(s, t_collapse=0.0) for s in range(9)], every=20)
    assert judged(45, never).verdict is Verdict.INCONCLUSIVE


def slingshot_runs(times):
    def wobble(steps):  # fitted from step 50, two dips
        return np.where((steps < 50) | ((steps >= 200) & (steps < 240)) | (steps == 400), 0.5, 1.0)

    rows = [member(t, s, eps=eps) for eps, t in times.items() for s in range(9)]
    double = [member(NEVER, s) for s in range(9)]
    for row in rows:
        row["train_accuracy"] = wobble
    return Planted(rows), Planted(double)


def test_50():
    found = judged(50, *slingshot_runs({1e-8: 300, 1e-7: 400, 1e-6: 600, 1e-5: NEVER}))
    assert found.verdict is Verdict.REPRODUCED
    assert found.estimates["spikes at 1e-08"].value == 2
    assert found.estimates["spikes at 1e-8, float64"].value == 0
    flat = dict.fromkeys((1e-8, 1e-7, 1e-6, 1e-5), 300)
    assert judged(50, *slingshot_runs(flat)).verdict is Verdict.CONTRADICTED
    none = dict.fromkeys((1e-8, 1e-7, 1e-6, 1e-5), NEVER)
    assert judged(50, *slingshot_runs(none)).verdict is Verdict.CONTRADICTED


# Presets.


@pytest.mark.parametrize("name", PRESETS)
def test_presets_build_at_every_scale(name):
    for scale in ("smoke", "quick", "laptop", "paper"):
        members = members_of(name, scale)
        seeds = {member.seed for member in members}
        # An arm is a population of its own: it ends when its own members have ended.
        assert all({m.seed for m in population} == seeds for population in populations(members))
    assert len({member.seed for member in members_of(name, "laptop")}) == 9


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_at_smoke(name, runs_home):
    laid = plan(name, "smoke", ["training.steps=10"], runs_home)
    assert all(result.finished for result in run_plan(laid, workers=1))
    assert np.isfinite(Run(laid.run).measurements()["test_loss"]).all()


@pytest.mark.parametrize("number", range(44, 51))
def test_claims_ask_for_runs_that_exist(number, runs_home):
    claim = get(f"grokking.{number}")
    for scale in ("smoke", *claim.scales):
        for request in claim.needs(scale):
            assert members_of(request.experiment, request.scale, request.overrides)
