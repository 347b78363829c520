"""Group `parity`: labels, times around the switch, measures, judges on planted tables, presets."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from latebloom import studies
from latebloom.claims import Evidence, Verdict, get
from latebloom.errors import LatebloomError
from latebloom.fleet.local import run_plan
from latebloom.fleet.plan import plan
from latebloom.models.constructed import ParitySolution
from latebloom.runs.run import Run
from latebloom.studies.curves import curves
from latebloom.studies.grokking.claims import parity_labels as labels
from latebloom.studies.grokking.claims import parity_switch as switch
from latebloom.studies.grokking.measures import parity as measures
from latebloom.tasks import SparseParity
from latebloom.training.experiment import Experiment, Training
from latebloom.training.members import populations
from latebloom.training.population import Population
from latebloom.training.presets import members_of
from latebloom.training.view import View

PRESETS = [f"grokking.parity{suffix}" for suffix in ("", "_l2", "_float64", "_merrill", "_sweep")]
STEPS = np.arange(0, 4001, 50)
FLOOR = 2.0**-23


@dataclass(frozen=True)
class Planted:
    """A run as judges see it: one dict a member, numbers for fields and arrays [step] for curves."""

    rows: list
    hash: str = "aa11"
    seconds: float = 1.0
    path: Path = Path("runs/aa11")

    def members(self):
        fixed = [{k: v for k, v in row.items() if not isinstance(v, np.ndarray)} for row in self.rows]
        return pd.DataFrame(fixed).assign(member=range(len(fixed)))

    def measurements(self):
        tables = []
        for member, row in enumerate(self.rows):
            columns = {k: list(v) if isinstance(v, np.ndarray) else v for k, v in row.items()}
            tables.append(pd.DataFrame({"member": member, "step": STEPS, **columns}))
        return pd.concat(tables, ignore_index=True)


@pytest.fixture(autouse=True, scope="module")
def loaded():
    studies.load()


def judged(number, *runs):
    return get(f"grokking.{number}").judge(Evidence("laptop", tuple(runs)))


def accuracy(step):
    """Chance before a step, 1 from it on."""
    return np.where(step <= STEPS, 1.0, 0.5)


def falls(step, low=1e-8, high=2.0):
    """A loss that falls from `high` to `low` at a step; never where the step is infinite."""
    return np.where(step <= STEPS, low, high)


NEVER = np.inf
KINDS = {  # label -> steps at which train and test fall, and the lowest train loss
    "grok": (200, 3000, 1e-8),
    "memorise_only": (200, NEVER, 1e-8),
    "nothing": (NEVER, NEVER, 1e-8),
    "together": (250, 250, 1e-6),
}


def member(kind, seed, **more):
    train, test, low = KINDS[kind]
    return {
        "seed": seed,
        "train_accuracy": accuracy(train),
        "test_accuracy": accuracy(test),
        "train_loss": falls(train, low),
        "test_loss": falls(test, 1e-6),
        **more,
    }


# Labels.


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gets_its_label(kind):
    table = curves(Planted([member(kind, 0), member("grok", 1)]))
    assert labels.ratio_labels(table).tolist() == [kind, "grok"]


def test_the_floor_keeps_an_exact_zero_from_being_an_infinite_ratio():
    fell = member("together", 0)
    fell["train_loss"] = np.where(STEPS >= 300, 0.0, falls(300, 0.0))
    fell["test_loss"] = falls(300, 1e-6)
    table = curves(Planted([fell, fell | {"seed": 1}]))
    assert labels.ratio_labels(table).tolist() == ["together"] * 2
    assert labels.ratio_labels(table, floor=0.0).tolist() == ["grok"] * 2


def test_the_table_of_settings_counts_every_member_in_every_row():
    table = labels.threshold_table(curves(Planted([member(kind, s) for s in range(3) for kind in KINDS])))
    assert (table.sum(axis=1) == 12).all()
    assert table.loc["ratio rule, L 1e-05, R 5e+04", "memorise_only"] == 3
    assert table.loc["time rule, level 0.95, delay 1000", "grok"] == 3
    assert table.loc["time rule, level 0.95, delay 3000", "grok"] == 0


def test_label_columns_name_each_member():
    run = Planted([member(kind, s, weight_decay=0.1 * s) for s, kind in enumerate(("grok", "nothing"))])
    frame = labels.member_labels(run)
    assert frame["label_ratio"].tolist() == frame["label_time"].tolist() == ["grok", "nothing"]
    assert frame["t_gen"].tolist() == [3000, NEVER]
    assert frame["weight_decay"].tolist() == [0.0, 0.1]


def test_members_of_one_seed_count_once():
    happened = np.array([True] * 4 + [False] * 2)
    estimate = labels.share_by_seed(happened, np.array([0, 0, 0, 0, 1, 1]))
    assert (estimate.value, estimate.n) == (0.5, 2)


def test_a_field_that_all_share_is_not_asked():
    table = curves(Planted([member("grok", s, hidden=h) for h in (16, 32) for s in range(2)]))
    assert labels.cell(table, hidden=16, n_train=1000).tolist() == [True, True, False, False]


# Times around the switch.


def test_the_largest_rise_runs_forward_and_stays_in_its_window():
    loss = np.full(len(STEPS), 0.2)
    loss[(STEPS >= 1000) & (STEPS < 2000)] = 0.1
    loss[(STEPS >= 1500) & (STEPS < 2000)] = 0.15
    loss[STEPS >= 3000] = 9.0  # outside
    table = curves(Planted([member("grok", 0, train_loss=loss)]))
    rise = switch.largest_rise(table, "train_loss", np.array([600.0]), np.array([2500.0]))
    assert rise.factor[0] == pytest.approx(2.0)
    assert 1000 <= rise.start[0] < 1500
    assert rise.end[0] >= 2000
    falling = curves(Planted([member("grok", 0, train_loss=np.linspace(1, 0.1, len(STEPS)))]))
    assert switch.largest_rise(falling, "train_loss", np.array([0.0]), np.array([4000.0])).factor[0] == 1.0


def test_a_single_odd_log_is_no_rise_and_rounding_is_none():
    loss = np.full(len(STEPS), 0.1)
    loss[40] = 5.0
    tiny = np.where(STEPS % 100 == 0, 1e-7, 3e-7)
    table = curves(Planted([member("grok", s, train_loss=own) for s, own in enumerate((loss, tiny))]))
    ends = np.array([100.0, 100.0]), np.array([3900.0, 3900.0])
    assert switch.largest_rise(table, "train_loss", *ends).factor.tolist() == [1.0, 1.0]


def dropping(width):
    """Log test loss that falls linearly over `width` steps around step 3,000, after fitting at 200."""
    return np.exp(-10 * np.clip((STEPS - 3000) / width + 0.5, 0, 1))


def test_the_drop_is_found_where_it_was_put():
    table = curves(Planted([member("grok", 0, test_loss=dropping(1000)), member("grok", 1, test_loss=dropping(100))]))
    drop = switch.test_loss_drop(table)
    assert drop.fitted.tolist() == [200, 200]
    assert drop.start.tolist() == [2600, 2950]
    assert drop.middle.tolist() == [3000, 3000]
    assert drop.end.tolist() == [3400, 3050]
    assert drop.share[0] == pytest.approx(800 / 3200)


def walks(steady):
    """Two strong weights and one that trembles: [step, weight], steady or in one jump with the drop."""
    way = STEPS / 4000 if steady else (STEPS >= 3000) * 1.0
    tremble = 1e-3 * (STEPS // 50 % 2)
    return np.stack([2 * way, 2 - way, tremble], axis=1)


@pytest.mark.parametrize(("steady", "low", "high"), [(True, 0.9, 1.1), (False, 3.0, 5.0)])
def test_speed_tells_steady_weights_from_jumping_ones(steady, low, high):
    table = curves(Planted([member("grok", 0, test_loss=dropping(1000), input_weights=walks(steady))]))
    assert low < switch.path_speed(table, switch.test_loss_drop(table))[0] < high


def test_the_last_distractor_is_gone_only_when_it_does_not_come_back():
    share = np.where(STEPS >= 1000, 0.01, 1.0)
    share[STEPS == 2000] = 0.3
    rows = [member("grok", 0, largest_distractor=share, largest_digit=np.ones(len(STEPS)))]
    rows.append(rows[0] | {"largest_distractor": np.ones(len(STEPS))})
    assert switch.last_distractor(curves(Planted(rows))).tolist() == [2050, NEVER]


# Measures.


def solved(hidden):
    task = SparseParity(n=10, k=3, n_train=100, n_test=100, bits="+-1")
    one = Experiment(name="x", task=task, model=ParitySolution(hidden=hidden), training=Training(steps=0))
    return View(Population.start([one]), 0)


@pytest.mark.parametrize("hidden", [6, 8])
def test_written_down_networks_need_all_their_neurons(hidden):
    assert measures.effective_sparsity(solved(hidden))["effective_sparsity"].tolist() == [hidden]


def test_strengths_and_counts_of_a_written_down_network():
    view = solved(4)
    found = measures.parity_weights(view)
    assert found["live"].tolist() == [4]
    assert found["distinct"].tolist() == [4]
    assert found["largest_digit"].tolist() == [2.0]
    assert found["largest_distractor"].tolist() == [0.0]
    table = view.params["W_0"]
    table[0, 5, 1] = 3.0
    view.params["W_out"][0, 1] = -4.0
    found = measures.parity_weights(view)
    assert found["largest_distractor"].tolist() == [12.0]
    assert found["distractor_l1"].tolist() == [3.0]
    assert measures.parity_trajectories(view)["input_weights"].reshape(10, 4)[5, 1] == 3.0


def test_the_penalty_is_that_of_the_optimiser():
    members = members_of("grokking.parity", "smoke", ["training.weight_decay=0,0.5", "seed=0"])
    view = View(Population.start(members), 0)
    weights = torch.cat([value[1].flatten() for value in view.params.values()])
    assert measures.l1_penalty(view)["penalty"].tolist() == pytest.approx([0.0, 0.5 * float(weights.abs().sum())])
    with pytest.raises(LatebloomError, match=r"training.optimiser=adam_l1; here it is 'adamw'"):
        measures.l1_penalty(View(Population.start(members_of("grokking.parity_l2", "smoke", ["seed=0"])), 0))


def test_another_network_is_refused():
    view = View(Population.start(members_of("grokking.modular_addition", "smoke", ["seed=0"])), 0)
    with pytest.raises(LatebloomError, match="one hidden layer on the parity task"):
        measures.parity_weights(view)


# Judges: true on planted truth, false on planted falsehood.


def sweep(kinds, seeds=9, widths=(16, 32, 64), rows=(1000, 1500)):
    """A run whose label depends on the decay only."""
    return Planted(
        [
            member(kind, seed, hidden=width, n_train=n_train, weight_decay=decay)
            for width in widths
            for n_train in rows
            for decay, kind in kinds.items()
            for seed in range(seeds)
        ]
    )


PAGE = {0.01: "memorise_only", 0.1: "grok", 1.0: "nothing"}


def by_width(kinds):
    return Planted([member(kind, seed, hidden=width) for width, kind in kinds.items() for seed in range(9)])


def test_19_wants_each_decay_to_have_its_own_outcome():
    assert judged(19, sweep(PAGE)).verdict is Verdict.REPRODUCED
    assert judged(19, sweep(PAGE | {1.0: "memorise_only"})).verdict is Verdict.CONTRADICTED
    half = sweep(PAGE)
    for row in half.rows:
        if row["weight_decay"] == 0.1 and row["hidden"] != 64 and row["seed"] % 2:
            row |= member("together", row["seed"])
    assert judged(19, half).verdict is Verdict.INCONCLUSIVE


def test_20_wants_the_wide_one_later_and_not_together():
    assert judged(20, by_width({16: "together", 128: "grok"})).verdict is Verdict.REPRODUCED
    assert judged(20, by_width({16: "together", 128: "memorise_only"})).verdict is Verdict.REPRODUCED
    assert judged(20, by_width({16: "grok", 128: "together"})).verdict is Verdict.CONTRADICTED
    assert judged(20, by_width({16: "nothing", 128: "nothing"})).verdict is Verdict.CONTRADICTED


def test_21_wants_narrow_ones_to_fail_and_wide_ones_to_fit():
    narrow = sweep(PAGE)
    wide = by_width({128: "memorise_only", 258: "grok"})
    assert judged(21, narrow, wide).verdict is Verdict.REPRODUCED
    assert judged(21, narrow, by_width({128: "memorise_only", 258: "nothing"})).verdict is Verdict.CONTRADICTED
    assert judged(21, sweep(PAGE | {1.0: "grok"}), wide).verdict is Verdict.CONTRADICTED


def test_22_wants_labels_that_move_both_ways():
    slow = by_width({16: "together", 128: "grok"})
    for row in slow.rows:  # the narrow ones end between two loss thresholds, the wide ones' ratio between two others
        if row["hidden"] == 16:
            row |= {"train_loss": falls(200), "test_loss": falls(3000, 1e-4)}
        else:
            row["train_loss"] = falls(200, 8e-6)
    still = by_width({16: "together", 128: "grok"})
    assert judged(22, sweep(PAGE), slow).verdict is Verdict.REPRODUCED
    found = judged(22, sweep(PAGE), still)
    assert found.verdict is Verdict.CONTRADICTED
    assert found.extra["grok"]["settings"]["ratio rule, L 1e-05, R 5e+04"]["grok"] == 54 + 9


def twins(zero_in_double, lowest_in_double):
    """Both precisions: float32 ends with rows of exactly zero loss; the test loss lags the train loss a little."""
    test = np.select([STEPS < 300, STEPS < 400], [1.0, 1e-3], 1e-6)
    return [
        Planted(
            [
                member("together", seed, weight_decay=decay, test_loss=test)
                | {"train_loss": np.where(STEPS >= 300, low, 1.0), "zero_loss": np.where(STEPS >= 300, zero, 0.0)}
                for decay in (0.03, 0.1)
                for seed in range(9)
            ]
        )
        for zero, low in ((zero_in_double, lowest_in_double), (0.5, 1e-7))
    ]


def test_23_wants_a_floor_that_double_precision_does_not_have():
    assert judged(23, sweep(PAGE), *twins(0.0, 1e-10)).verdict is Verdict.REPRODUCED
    assert judged(23, sweep(PAGE), *twins(0.5, 1e-10)).verdict is Verdict.CONTRADICTED
    assert judged(23, sweep(PAGE), *twins(0.0, 1e-7)).verdict is Verdict.CONTRADICTED
    high = sweep(PAGE)
    for row in high.rows:
        row["train_loss"] = np.maximum(row["train_loss"], 1e-6)
    assert judged(23, high, *twins(0.0, 1e-10)).verdict is Verdict.CONTRADICTED


def counted(column, end, kind="grok", start=32, **more):
    values = np.where(STEPS >= 3000, end, start)
    return Planted([member(kind, seed, **{column: values}, **more) for seed in range(9)])


def test_24_wants_few_neurons_copies_and_six_to_eight():
    copies = counted("live", 20, distinct=np.full(len(STEPS), 8))
    lean = counted("live", 8, distinct=np.full(len(STEPS), 8))
    single, sgd = counted("live", 4, distinct=np.full(len(STEPS), 4)), counted("effective_sparsity", 6)
    assert judged(24, single, copies, sgd).verdict is Verdict.REPRODUCED
    assert judged(24, lean, copies, sgd).verdict is Verdict.CONTRADICTED
    assert judged(24, single, lean, sgd).verdict is Verdict.CONTRADICTED
    assert judged(24, single, copies, counted("effective_sparsity", 4)).verdict is Verdict.CONTRADICTED
    always = counted("live", 4, start=4, distinct=np.full(len(STEPS), 4))
    assert judged(24, always, copies, sgd).verdict is Verdict.INCONCLUSIVE
    never = counted("live", 4, kind="memorise_only", distinct=np.full(len(STEPS), 4))
    assert judged(24, never, copies, sgd).verdict is Verdict.INCONCLUSIVE


def traded(factor, bought):
    """Train loss 0.01 that rises by a factor from step 2,000 on; the penalty falls by `bought` times the rise."""
    loss = np.select([STEPS < 200, STEPS < 2000], [1.0, 0.01], 0.01 * factor)
    penalty = np.where(STEPS < 2000, 1.0, 1.0 - bought * 0.01 * (factor - 1))
    return Planted([member("grok", seed, train_loss=loss, penalty=penalty) for seed in range(9)])


def test_25_wants_a_rise_that_the_penalty_pays_for():
    flat = traded(1.0, 0.0)
    assert judged(25, traded(1.5, 3.0), flat).verdict is Verdict.REPRODUCED
    assert judged(25, traded(1.5, 0.5), flat).verdict is Verdict.CONTRADICTED
    assert judged(25, flat, flat).verdict is Verdict.CONTRADICTED
    assert judged(25, traded(1.5, 3.0), traded(1.5, 0.0)).verdict is Verdict.INCONCLUSIVE


def switching(width=400, steady=True, gone=3000, half=1000):
    return Planted(
        [
            member(
                "grok",
                seed,
                test_loss=dropping(width),
                input_weights=walks(steady),
                largest_digit=np.ones(len(STEPS)),
                largest_distractor=np.where(gone <= STEPS, 0.01, 1.0),
                distractor_l1=np.where(half <= STEPS, 4.0, 10.0),
            )
            for seed in range(9)
        ]
    )


def test_26_wants_smooth_weights_a_sharp_drop_and_late_distractors():
    assert judged(26, switching()).verdict is Verdict.REPRODUCED
    assert judged(26, switching(width=3000)).verdict is Verdict.CONTRADICTED
    assert judged(26, switching(steady=False)).verdict is Verdict.CONTRADICTED
    assert judged(26, switching(gone=1500)).verdict is Verdict.CONTRADICTED
    assert judged(26, switching(half=2900)).verdict is Verdict.INCONCLUSIVE
    assert judged(26, switching(gone=9000)).verdict is Verdict.INCONCLUSIVE


def test_43_wants_a_collapse_to_few_neurons_at_the_switch():
    noisy = counted("effective_sparsity", 700, kind="memorise_only", start=900)
    sgd = counted("effective_sparsity", 7, start=900)
    assert judged(43, sgd, noisy).verdict is Verdict.REPRODUCED
    assert judged(43, counted("effective_sparsity", 40, start=900), noisy).verdict is Verdict.CONTRADICTED
    assert judged(43, counted("effective_sparsity", 7, start=20), noisy).verdict is Verdict.CONTRADICTED
    early = counted("effective_sparsity", 7, start=900)
    for row in early.rows:
        row["effective_sparsity"] = np.where(STEPS >= 400, 7, 900)
    assert judged(43, early, noisy).verdict is Verdict.CONTRADICTED
    assert judged(43, sgd, sgd).verdict is Verdict.INCONCLUSIVE


# Presets.


@pytest.mark.parametrize("scale", ["smoke", "quick", "laptop", "paper"])
@pytest.mark.parametrize("name", PRESETS)
def test_presets_build_and_sort_into_populations(name, scale):
    members = members_of(name, scale)
    groups = populations(members)
    assert sum(len(group) for group in groups) == len(members)
    assert scale != "smoke" or len(members) <= 3


def test_the_page_sweep_is_the_page_sweep():
    members = members_of("grokking.parity_sweep", "paper")
    assert len(members) == 1125
    assert {m.training.steps for m in members} == {20_000}
    assert all(m.training.stop is None for m in members)


def test_the_command_of_the_issue_makes_one_table_of_three_widths():
    words = ["hidden=16,32,64", "training.weight_decay=0.01,0.1,1", "seed=0:3"]
    members = members_of("grokking.parity_sweep", "quick", words)
    groups = populations(members)
    assert len(members) == 27
    assert [len({m.model.model_dump()["hidden"] for m in group}) for group in groups] == [1, 1, 1]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_at_smoke(name, runs_home):
    laid = plan(name, "smoke", ("task.n_test=50", "training.steps=20"), runs_home)
    assert all(result.failure is None for result in run_plan(laid))
    run = Run(laid.run)
    assert run.finished
    assert np.isfinite(run.measurements()["train_loss"]).all()
