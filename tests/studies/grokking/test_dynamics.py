"""Square networks, data, decay, norms, efficiency: experiments, measures, claims on tables made up true and false."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import latebloom
from latebloom import studies
from latebloom.claims import Evidence, Finding, Verdict, get
from latebloom.models import GromovSolution, ModularMLP
from latebloom.randomness import stream
from latebloom.studies.curves import curves
from latebloom.studies.grokking.claims.dynamics_tables import crossing
from latebloom.studies.grokking.experiments.dynamics import NORMS
from latebloom.studies.grokking.measures.dynamics import homogeneity
from latebloom.training.measures import MEASURES
from latebloom.training.population import Population
from latebloom.training.presets import members_of
from latebloom.training.view import View

studies.load()

PRESETS = (
    "square_mlp",
    "label_noise",
    "square_gd",
    "critical_fraction",
    "data_size",
    "weight_decay",
    "norm_clamp",
    "hysteresis",
    "efficiency",
    "ungrokking",
    "semi",
)
STEPS = np.arange(0, 4001, 50)
SEEDS = range(7)


@dataclass(frozen=True)
class FakeRun:
    """A run with a made-up table."""

    table: pd.DataFrame
    hash: str = "aa11"
    seconds: float = 1.0
    path: Path = field(default=Path("runs/aa11"))

    def measurements(self) -> pd.DataFrame:
        return self.table

    def members(self) -> pd.DataFrame:
        return self.table.drop_duplicates("member")


def jitter(*purpose, scale=0.03):
    """A factor near 1 that belongs to one member."""
    return float(np.exp(scale * stream(0, "test dynamics", *map(str, purpose)).standard_normal()))


def rises(step, low=0.01, high=1.0, steps=STEPS):
    """Accuracy that goes from low to high within three logs from a step on; inf: never."""
    return low + (high - low) * np.clip((steps - step) / (steps[1] - steps[0]) / 2 + 0.5, 0, 1)


def run_of(members, steps=STEPS):
    """A run from one mapping a member: fields are numbers, quantities are arrays over the steps (or a constant)."""
    frames = [pd.DataFrame({"member": number, "step": steps, **member}) for number, member in enumerate(members)]
    return FakeRun(pd.concat(frames, ignore_index=True))


def judged(number: int, *runs: FakeRun) -> Finding:
    return get(f"grokking.{number}").judge(Evidence("laptop", runs))


# Experiments and measures


@pytest.mark.parametrize("scale", ["smoke", "quick", "laptop", "paper"])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_builds_at_every_scale(name, scale):
    members = members_of(f"grokking.{name}", scale)
    assert len({member.seed for member in members}) >= (2 if scale == "smoke" else 3)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_runs_at_smoke(name, tmp_path):
    frame = latebloom.run(f"grokking.{name}", scale="smoke", home=tmp_path, workers=1).measurements()
    measured = [m.name for m in members_of(f"grokking.{name}", "smoke")[0].measure]
    expected = {
        "grokking.square_phases": "ipr",
        "grokking.logit_scale": "logit_rms",
        "grokking.efficiency": "efficiency",
    }
    assert np.isfinite(frame["train_loss"]).all()
    assert all(np.isfinite(frame.loc[frame["step"] == frame["step"].max(), expected[m]]).all() for m in measured)


def view_of(model):
    member = members_of("grokking.square_gd", "smoke", ("task.p=23",))[0].model_copy(update={"model": model})
    return View(Population.start([member]), 0)


def test_phases_of_gromovs_solution_add_up_and_random_ones_do_not():
    solution = MEASURES["grokking.square_phases"].measure(view_of(GromovSolution(d_mlp=11)))
    assert solution["phase_error"].item() < 1e-3
    assert solution["frequency_agreement"].item() == 1
    assert solution["ipr"].item() == pytest.approx(1.0, abs=1e-5)
    untrained = ModularMLP(
        in_product="collapsed", out_product="collapsed", shared=False, activation="square", d_mlp=200
    )
    random = MEASURES["grokking.square_phases"].measure(view_of(untrained))
    assert 60 < random["phase_error"].item() < 120
    assert random["frequency_agreement"].item() < 0.1


@pytest.mark.parametrize(("activation", "product", "degree"), [("relu", "factored", 4), ("square", "collapsed", 3)])
def test_homogeneity_is_how_logits_grow_with_the_weights(activation, product, degree):
    model = ModularMLP(d_mlp=8, d_embed=6, in_product=product, out_product=product, activation=activation)
    population = view_of(model).population
    rows = torch.tensor([[[1, 2], [3, 4]]])
    once = model.forward(population.params, rows)
    twice = model.forward({name: 2 * value for name, value in population.params.items()}, rows)
    assert homogeneity(model) == degree
    torch.testing.assert_close(twice, 2.0**degree * once)


def test_efficiency_does_not_change_when_all_weights_grow():
    population = view_of(ModularMLP(d_mlp=8, d_embed=6)).population
    before = MEASURES["grokking.efficiency"].measure(View(population, 0))
    population.params = {name: 1.7 * value for name, value in population.params.items()}
    after = MEASURES["grokking.efficiency"].measure(View(population, 0))
    torch.testing.assert_close(after["efficiency"], before["efficiency"], rtol=1e-4, atol=1e-9)
    assert not torch.allclose(after["l2_norm"], before["l2_norm"])


# What the judges share


def test_crossing_is_where_values_pass_for_good():
    sizes = np.array([400.0, 100, 200])
    assert crossing(sizes, np.array([1.0, 0.0, 0.5]), 0.5) == pytest.approx(200)
    assert crossing(sizes, np.array([1.0, 0.0, 0.0]), 0.5) == pytest.approx(np.sqrt(200 * 400))
    assert crossing(sizes, np.array([1.0, 0.9, 0.9]), 0.5) == -np.inf
    assert crossing(sizes, np.array([0.4, 0.9, 0.9]), 0.5) == np.inf


def test_curves_leave_unmeasured_steps_empty():
    table = run_of([{"seed": 0, "test_accuracy": rises(1000)}, {"seed": 1, "test_accuracy": rises(np.inf)}]).table
    found = curves(FakeRun(table.drop(index=3)))
    assert np.isnan(found.of("test_accuracy")).sum() == 1
    assert found.reached("test_accuracy", 0.95).tolist() == [1050, np.inf]


def test_a_quantity_at_each_members_own_step():
    members = [{"seed": seed, "test_accuracy": rises(at)} for seed, at in enumerate((1000, 500, np.inf))]
    table = run_of(members).table
    own, times = curves(FakeRun(table)), np.array([table["step"].max(), 0.0, np.inf])
    by_hand = [
        table.query("member == @member and step == @step")["test_accuracy"].item()
        for member, step in enumerate(times[:2])
    ]
    assert own.at_times("test_accuracy", times).tolist() == pytest.approx([*by_hand, np.nan], nan_ok=True)
    with pytest.raises(ValueError, match="was not logged at all of the steps"):
        own.at_times("test_accuracy", times + 0.5)
    assert own.lowest("test_accuracy").tolist() == table.groupby("member")["test_accuracy"].min().tolist()


# Claims


def fast_square(t_train, t_test):
    steps = np.arange(0, 121, 2)
    return run_of(
        [
            {
                "seed": seed,
                "train_accuracy": rises(t_train * jitter(seed), steps=steps),
                "test_accuracy": rises(t_test * jitter(seed, 1), steps=steps),
            }
            for seed in SEEDS
        ],
        steps,
    )


def test_claim_29():
    assert judged(29, fast_square(27, 43)).verdict is Verdict.REPRODUCED
    assert judged(29, fast_square(27, 70)).verdict is Verdict.CONTRADICTED
    assert judged(29, fast_square(43, 43)).verdict is Verdict.CONTRADICTED


def descent(t_test, t_train=500, lead=0.5, error=5.0):
    return run_of(
        [
            {
                "seed": seed,
                "train_accuracy": rises(t_train * jitter(seed)),
                "test_accuracy": rises(t_test * jitter(seed, 1)),
                "ipr": rises(lead * t_test * jitter(seed, 2), low=0.1, high=0.8),
                "phase_error": np.where(STEPS == 0, 90 * jitter(seed, 3), error),
                "frequency_agreement": 1.0,
            }
            for seed in SEEDS
        ]
    )


def relu(t_test=np.inf):
    members = [{"seed": s, "lr": lr} for lr in (0.5, 2.0) for s in SEEDS]
    shown = {"train_accuracy": rises(300), "test_accuracy": rises(t_test)}
    return run_of([member | shown for member in members])


def test_claim_30():
    assert judged(30, descent(2000), relu()).verdict is Verdict.REPRODUCED
    assert judged(30, descent(np.inf), relu()).verdict is Verdict.CONTRADICTED
    assert judged(30, descent(400, t_train=900), relu()).verdict is Verdict.CONTRADICTED
    assert judged(30, descent(2000), relu(t_test=900)).verdict is Verdict.INCONCLUSIVE


def test_claim_31():
    assert judged(31, descent(2000)).verdict is Verdict.REPRODUCED
    assert judged(31, descent(2000, lead=1.5)).verdict is Verdict.CONTRADICTED
    assert judged(31, descent(2000, error=60.0)).verdict is Verdict.CONTRADICTED
    assert judged(31, descent(np.inf)).verdict is Verdict.INCONCLUSIVE


def shares_of_moduli(critical):
    steps = np.array([0, 100])
    return run_of(
        [
            {
                "seed": seed,
                "p": p,
                "train_fraction": f,
                "test_accuracy": np.array([0.0, float(f > limit * jitter(p, seed, scale=0.01))]),
            }
            for p, limit in critical.items()
            for f in np.round(np.arange(0.15, 0.75, 0.05), 2)
            for seed in SEEDS
        ],
        steps,
    )


def test_claim_33():
    assert judged(33, shares_of_moduli({23: 0.57, 47: 0.42, 97: 0.27})).verdict is Verdict.REPRODUCED
    assert judged(33, shares_of_moduli({23: 0.27, 47: 0.42, 97: 0.57})).verdict is Verdict.CONTRADICTED
    assert judged(33, shares_of_moduli({23: 0.57, 47: 0.42, 97: 0.05})).verdict is Verdict.INCONCLUSIVE


def data_run(cost_percent):
    steps = np.unique(np.round(np.geomspace(1, 1e6, 400)))
    time = {f: 300 * (1 + cost_percent / 100) ** (100 * (0.5 - f)) for f in (0.4, 0.45, 0.5)}
    return run_of(
        [
            {"seed": s, "train_fraction": f, "test_accuracy": np.where(steps >= t * jitter(s, f), 1.0, 0.0)}
            for f, t in time.items()
            for s in SEEDS
        ],
        steps,
    )


def test_claim_34():
    assert judged(34, data_run(45)).verdict is Verdict.REPRODUCED
    finding = judged(34, data_run(10))
    assert finding.verdict is Verdict.CONTRADICTED
    assert finding.estimate.value == pytest.approx(10, abs=1.5)


def decay_run(exponent, train_exponent=0.0):
    steps = np.unique(np.round(np.geomspace(1, 1e6, 400)))
    return run_of(
        [
            {
                "seed": s,
                "weight_decay": wd,
                "train_accuracy": np.where(steps >= 30 * wd**train_exponent * jitter(s, wd), 1.0, 0.0),
                "test_accuracy": np.where(steps >= 1000 * wd**exponent * jitter(s, wd, 1), 1.0, 0.0),
            }
            for wd in (0.1, 0.3, 1.0, 4.0)
            for s in SEEDS
        ],
        steps,
    )


def test_claim_35():
    assert judged(35, decay_run(-1)).verdict is Verdict.REPRODUCED
    assert judged(35, decay_run(-0.5)).verdict is Verdict.CONTRADICTED
    assert judged(35, decay_run(0.8)).verdict is Verdict.CONTRADICTED  # the trend of Nanda et al.
    assert judged(35, decay_run(-1, train_exponent=-1)).verdict is Verdict.CONTRADICTED


def test_claim_35_tells_of_the_strongest_decay():
    strongest = run_of([{"seed": s, "train_accuracy": 0.3, "test_accuracy": 0.1} for s in SEEDS])
    assert "wd 8: train None, test None" in judged(35, decay_run(-1), strongest).note


def clamp_runs(by_scale, by_norm, base=1.0):
    """A run a norm; delays that follow the logit scale (degree 3), the norm, or both."""
    steps = np.unique(np.round(np.geomspace(1, 1e6, 600)))
    runs = []
    for number, norm in enumerate(NORMS):
        members = []
        for scale in base * np.array([0.5, 1.0, 2.0, 4.0]) / 2**number:
            for s in range(4):
                rms = scale * (norm / 20) ** 3
                delay = 1000 * (rms / base) ** by_scale * (norm / 20) ** by_norm * jitter(norm, scale, s)
                members.append(
                    {
                        "seed": s,
                        "logit_scale": scale,
                        "logit_rms": rms,
                        "train_accuracy": np.where(steps >= 10, 1.0, 0.0),
                        "test_accuracy": np.where(steps >= 10 + delay, 1.0, 0.0),
                    }
                )
        runs.append(run_of(members, steps))
    return runs


def test_claim_36():
    squared, scaled = clamp_runs(0.0, 3.0, base=0.05), clamp_runs(1.0, 0.0, base=0.05)
    assert judged(36, *clamp_runs(1.0, 0.0), *squared).verdict is Verdict.REPRODUCED
    assert judged(36, *clamp_runs(0.0, 3.0), *squared).verdict is Verdict.CONTRADICTED
    assert judged(36, *clamp_runs(1.0, 0.0), *scaled).verdict is Verdict.INCONCLUSIVE


def test_claim_36_asks_for_matching_temperatures():
    needs = get("grokking.36").needs("laptop")
    assert len(needs) == 2 * len(NORMS)
    assert needs[0].overrides[-1] == "training.logit_scale=0.5,1,2,4"
    assert needs[len(NORMS) - 1].overrides[-1] == "training.logit_scale=0.125,0.25,0.5,1"


def sizes_run(limit, sizes=(80, 120, 160, 200, 240, 300, 400), decays=(0.3, 1.0, 3.0), shift=0.0, width=0.05):
    """Final accuracy is a step in log D at `limit`, moved by decay to the power `shift`."""
    steps = np.array([0, 4000])
    members = []
    for wd in decays:
        for n in sizes:
            for s in SEEDS:
                middle = limit * wd**shift * jitter(s, "limit")
                accuracy = 1 / (1 + np.exp(-np.log(n / middle) / width))
                members.append(
                    {"seed": s, "weight_decay": wd, "n_train": n, "test_accuracy": np.array([0.0, accuracy])}
                )
    return run_of(members, steps)


def efficiency_run(exponent, at_100, sizes, test):
    steps = np.array([0, 4000])
    return run_of(
        [
            {
                "seed": s,
                "n_train": n,
                "train_accuracy": 1.0,
                "test_accuracy": test,
                "efficiency": at_100 * (n / 100) ** exponent * jitter(n, s, exponent),
                "efficiency_min": at_100 * (n / 100) ** exponent,
                "trigonometric_share": 0.97,
            }
            for n in sizes
            for s in SEEDS
        ],
        steps,
    )


def test_claim_37():
    memoriser = efficiency_run(-1.0, 8e-5, (60, 100, 160, 240), 0.0)
    generaliser = efficiency_run(0.0, 4e-5, (330, 560, 800), 1.0)
    assert judged(37, memoriser, generaliser, sizes_run(200)).verdict is Verdict.REPRODUCED
    assert judged(37, memoriser, generaliser, sizes_run(90)).verdict is Verdict.CONTRADICTED
    falling = efficiency_run(-1.0, 4e-5, (330, 560, 800), 1.0)
    assert judged(37, memoriser, falling, sizes_run(200)).verdict is Verdict.CONTRADICTED
    assert judged(37, memoriser, efficiency_run(0.0, 4e-5, (330,), 1.0), sizes_run(200)).verdict is Verdict.INCONCLUSIVE


def test_claim_38():
    assert judged(38, sizes_run(200)).verdict is Verdict.REPRODUCED
    assert judged(38, sizes_run(200, shift=0.3)).verdict is Verdict.CONTRADICTED
    assert judged(38, sizes_run(200, width=0.8)).verdict is Verdict.CONTRADICTED
    assert judged(38, sizes_run(20)).verdict is Verdict.CONTRADICTED


def test_claim_39():
    scratch = sizes_run(300, sizes=(160, 200, 280, 400, 560), decays=(1.0,))
    assert judged(39, scratch, sizes_run(130)).verdict is Verdict.REPRODUCED
    assert judged(39, scratch, sizes_run(260)).verdict is Verdict.CONTRADICTED
    assert judged(39, sizes_run(2000, decays=(1.0,)), sizes_run(200)).verdict is Verdict.INCONCLUSIVE


def semi_run(once, late, half=None):
    steps = np.arange(0, 30_001, 300)
    half = once if half is None else half
    path = np.interp(steps, [0, 1400, 2900, 3300, 30_000], [0.02, half, once, once, late])
    sizes = range(200, 320, 20)
    return run_of([{"seed": s, "n_train": n, "test_accuracy": path} for n in sizes for s in SEEDS], steps)


def test_claim_40():
    assert judged(40, semi_run(0.55, 0.57)).verdict is Verdict.REPRODUCED
    assert judged(40, semi_run(0.55, 1.0)).verdict is Verdict.CONTRADICTED
    assert judged(40, semi_run(0.02, 1.0)).verdict is Verdict.CONTRADICTED
    assert judged(40, semi_run(0.55, 0.57, half=0.2)).verdict is Verdict.CONTRADICTED


def noise_run(strong_test, strong_train, free_fall=0.0):
    steps = np.array([0, 100, 1000])
    members = []
    for s in SEEDS:
        train = [0.02, 0.95, strong_train * jitter(s, scale=0.01)]
        test = [0.02, 0.9, strong_test]
        members.append(
            {"seed": s, "weight_decay": 5.0, "train_accuracy": train, "test_accuracy": test, "clean_accuracy": 1.0}
        )
        train = [0.02, 1.0, 0.98 - free_fall]
        members.append(
            {"seed": s, "weight_decay": 0.0, "train_accuracy": train, "test_accuracy": 0.98, "clean_accuracy": 1.0}
        )
    return run_of(members, steps)


def test_claim_54():
    assert judged(54, noise_run(1.0, 0.79)).verdict is Verdict.REPRODUCED
    assert judged(54, noise_run(0.8, 0.79)).verdict is Verdict.CONTRADICTED
    assert judged(54, noise_run(1.0, 0.99)).verdict is Verdict.CONTRADICTED
    assert judged(54, noise_run(1.0, 0.79, free_fall=0.06)).verdict is Verdict.INCONCLUSIVE
