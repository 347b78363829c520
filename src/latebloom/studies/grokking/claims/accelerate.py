"""Claims about accelerators: orthogonal gradients, Grokfast, EGD and Muon, each against AdamW that was tuned."""

import numpy as np
import pandas as pd

from latebloom.claims import (
    Evidence,
    Finding,
    Request,
    all_of,
    asks_for,
    at_least,
    at_most,
    claim,
    decide,
    with_control,
)
from latebloom.studies.grokking.claims import accelerate_stability
from latebloom.studies.grokking.claims.accelerate_arms import (
    arm,
    median_time,
    ratio,
    speed_up,
    tuned,
    with_estimates,
)

__all__ = ["accelerate_stability", "egd", "grokfast", "muon", "orthograd"]

GRID = "lr 0.001, 0.003, 0.01 times wd 1, 2, 4, 8"
TUNED = (
    "tuned: each seed runs at the setting with the smallest geometric mean time over the other seeds, a run that never "
    "generalised counting as twice its budget"
)
TIME = (
    "t_gen is the first log (every 10 steps) from which three test accuracies in a row are >= 0.95; a run without one "
    "is censored at its budget. A speed-up is the median over paired seeds of the ratio of t_gen; a time not reached "
    "widens the interval to what it could have been"
)


def at(table: pd.DataFrame, **values: float) -> pd.DataFrame:
    """The members of one setting."""
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def _orthograd_needs(scale: str) -> tuple[Request, ...]:
    own = Request("grokking.orthograd", scale, ("training.lr=0.003,0.01,0.03",))
    plain = Request("grokking.orthograd", scale, ("training.optimiser=adamw",))
    grid = Request("grokking.tuned_adamw", scale)
    return (own, plain) if scale == "quick" else (own, plain, grid)


@claim(
    id="grokking.46",
    title="Orthogonal-gradient AdamW generalises in 300 steps",
    statement="AdamW on gradients made orthogonal to each weight matrix generalises within 300 steps without weight "
    "decay, and has no phase in which it only fits the training set.",
    source="Prieto et al. 2025 (arXiv 2501.04697), figure 1 and code",
    published="100 % test accuracy within 300 steps at lr 0.01, wd 0, p 113; no over-fitting phase",
    measure="Survival median of t_gen and median of t_gen / t_mem (train accuracy 0.99) at lr 0.01, wd 0, logs every 5 "
    "steps. Reported besides: speed-up over tuned AdamW.",
    rule="Orthograd AdamW, grid of one (lr 0.01, wd 0, betas 0.9 and 0.999): interval of the median t_gen <= 300, and "
    f"interval of the median t_gen / t_mem <= 2. {TIME}. Beside the rule: speed-up over AdamW {TUNED} ({GRID}), of the "
    "published setting and of orthograd tuned over lr 0.003, 0.01, 0.03.",
    control="Plain AdamW at the same lr and wd 0 must not generalise within 300 steps.",
    fixed="2026-11-22",
    tag="CN",
    cost={"quick": "10 s", "laptop": "3 min, most of it the grid it shares with 47 and 49"},
    needs=_orthograd_needs,
)
def orthograd(evidence: Evidence) -> Finding:
    """Time and ratio at the published setting; plain AdamW as the control."""
    grid, plain = arm(evidence.runs[0]), arm(evidence.runs[1])
    own = at(grid, lr=0.01)
    delay = ratio(own["t_gen"], own["limit"], own["t_mem"], own["limit"])
    parts = {
        "steps to generalise": decide(median_time(own), at_most(300)),
        "t_gen / t_mem": decide(delay, at_most(2)),
    }
    finding = with_control(all_of(parts), decide(median_time(plain), at_most(300)))
    if len(evidence.runs) == 2:
        return finding
    adamw = tuned(arm(evidence.runs[2]))
    more = {
        "tuned AdamW, steps": median_time(adamw),
        "speed-up over tuned AdamW": speed_up(adamw, own),
        "speed-up, both tuned": speed_up(adamw, tuned(grid, by=["lr"])),
    }
    return with_estimates(finding, more, f"Over tuned AdamW: {more['speed-up over tuned AdamW']}.")


FILTERS: dict[str, tuple[str, str, int]] = {  # filter -> optimiser, decay, 1 + lambda, as published
    "EMA": ("grokfast_ema", "0.005", 3),
    "MA": ("grokfast_ma", "0.01", 6),
}


def _grokfast_needs(scale: str) -> tuple[Request, ...]:
    def run(*overrides: str) -> Request:
        return Request("grokking.grokfast", scale, overrides)

    needs = [run("training.optimiser=adam", "training.weight_decay=0"), Request("grokking.tuned_adamw", scale)]
    for optimiser, decay, factor in FILTERS.values():
        amplify = f"training.amplify={factor - 1}"
        same = ("training.optimiser=adam", f"training.weight_decay={decay}")
        needs += [
            run(f"training.optimiser={optimiser}", f"training.weight_decay={decay}", amplify),
            run(*same),
            run(*same, "training.beta1=0.98"),
            run(*same, f"training.lr={factor * 0.001:g}"),
        ]
    return tuple(needs)


@claim(
    id="grokking.47",
    title="Grokfast's fifty-fold speed-up, against five controls",
    statement="Amplifying the slow part of the gradient brings generalisation forward about fifty times (EMA 43.8, MA "
    "50.5). The published baseline has no weight decay while the method has some; does it survive fair ones?",
    source="Lee et al. 2024 (arXiv 2405.20233), table and code",
    published="39,890 iterations to 95 % without, 910 with EMA (x43.8), 790 with MA (x50.5); single runs",
    measure="Speed-up of Grokfast-EMA and Grokfast-MA over (i) Adam with wd 0, (ii) Adam with the method's wd, (iii) "
    "AdamW tuned, (iv) Adam with beta1 0.98 and the method's wd, (v) Adam with lr x (1 + lambda) and the method's wd.",
    rule="For both filters and every control (i) to (v) the interval of the speed-up is >= 10; contradicted where for "
    f"any of the ten it lies below 10. {TIME}. Arms: EMA alpha 0.98, lambda 2, wd 0.005 and MA w 100, lambda 5, wd "
    "0.01, both Adam with coupled L2, lr 0.001, betas 0.9 and 0.98, as published, a grid of one; controls (i), (ii), "
    f"(iv), (v) likewise; (iii) AdamW {TUNED}, {GRID}.",
    fixed="2026-11-22",
    tag="C",
    scales=("laptop",),
    cost={"laptop": "up to 35 core-minutes"},
    needs=_grokfast_needs,
)
def grokfast(evidence: Evidence) -> Finding:
    """Ten speed-ups: two filters, five controls."""
    bare, grid, *rest = (arm(run) for run in evidence.runs)
    adamw = tuned(grid)
    parts: dict[str, Finding] = {}
    more = {"wd 0, steps": median_time(bare), "tuned AdamW, steps": median_time(adamw)}
    for place, name in enumerate(FILTERS):
        own, same, beta, rate = rest[4 * place : 4 * place + 4]
        controls = {"tuned AdamW": adamw, "wd 0": bare, "same wd": same, "beta1 0.98": beta, "lr x (1 + lambda)": rate}
        more[f"{name}, steps"] = median_time(own)
        for control, table in controls.items():
            parts[f"{name} over {control}"] = decide(speed_up(table, own), at_least(10))
    return with_estimates(all_of(parts), more)


def _egd_needs(scale: str) -> tuple[Request, ...]:
    budget = () if scale == "smoke" else ("training.steps=2000",)
    grid = ("training.optimiser=adamw", "training.lr=0.001,0.003,0.01", "training.weight_decay=1,2,4,8")
    return (
        Request("grokking.egd", scale),
        Request("grokking.egd", scale, ("training.optimiser=sgd",)),
        Request("grokking.egd", scale, (*grid, *budget)),
    )


@claim(
    id="grokking.48",
    title="EGD needs ten times fewer steps than SGD",
    statement="Giving every singular direction of the first layer's gradient the same speed shortens the way to 95 % "
    "test accuracy on modular addition ten- to fifty-fold, in epochs, against SGD.",
    source="Saheb Pasand & Dohmatob 2025 (arXiv 2510.04930) and code",
    published="up to x53 fewer epochs than SGD on addition (p 79, 97, 127), about x10 to x12 in time; no run counts",
    measure="Speed-up of EGD over SGD at the same lr 0.7 and L2 1e-4, full batch, by the authors' time: the first log "
    "(every 10 steps) with test accuracy >= 0.95. Reported besides: speed-up over tuned AdamW on the same network.",
    rule="The interval of the speed-up over SGD is >= 10. EGD and SGD at the published lr and decay, a grid of one "
    f"each. Times not reached are censored at the budget. Beside the rule: speed-up over AdamW {TUNED}, {GRID}.",
    fixed="2026-11-22",
    tag="CN",
    scales=("laptop",),
    cost={"laptop": "up to 25 core-minutes"},
    needs=_egd_needs,
)
def egd(evidence: Evidence) -> Finding:
    """Speed-up over SGD decides; over tuned AdamW is told."""
    own, plain, grid = (arm(run, window=1) for run in evidence.runs)
    finding = decide(speed_up(plain, own), at_least(10))
    adamw = tuned(grid)
    more = {
        "EGD, steps": median_time(own),
        "SGD, steps": median_time(plain),
        "tuned AdamW, steps": median_time(adamw),
        "speed-up over tuned AdamW": speed_up(adamw, own),
    }
    return with_estimates(finding, more, f"Over tuned AdamW: {more['speed-up over tuned AdamW']}.")


@claim(
    id="grokking.49",
    title="Muon generalises sooner than AdamW",
    statement="Muon on the hidden matrices brings generalisation forward: mean epoch 153 with AdamW, 103 with Muon. "
    "Others find that the advantage vanishes when both are tuned.",
    source="Tveit et al. 2025 (arXiv 2504.16041); contested by Essential AI 2025",
    published="153.09 -> 102.89 epochs (x1.49), t = 5.02, p = 6.3e-8 over seven tasks with a transformer",
    measure="Speed-up of Muon over AdamW, both tuned over twelve settings on the same seeds.",
    rule="The interval of the speed-up lies above 1; contradicted where it lies below 1. "
    f"{TIME}. Muon with momentum 0.95 on all three matrices, {TUNED}, lr 0.005, 0.02, 0.05 times wd 0, 0.1, 0.3, 1; "
    f"AdamW likewise, {GRID}. Beside the rule: Muon's published lr 0.02 with wd 0 against AdamW lr 0.001 with wd 1.",
    fixed="2026-11-22",
    tag="N",
    scales=("laptop",),
    cost={"laptop": "up to 20 core-minutes, half of them the grid it shares with 46 and 47"},
    needs=asks_for("grokking.muon", "grokking.tuned_adamw"),
)
def muon(evidence: Evidence) -> Finding:
    """Tuned against tuned."""
    own, grid = (arm(run) for run in evidence.runs)
    best, adamw = tuned(own), tuned(grid)
    first = at(own, lr=0.02, weight_decay=0.0)
    more = {
        "tuned Muon, steps": median_time(best),
        "tuned AdamW, steps": median_time(adamw),
        "speed-up untuned": speed_up(at(grid, lr=0.001, weight_decay=1.0), first),
    }
    finding = decide(speed_up(adamw, best), at_least(1 + 1e-9), at_most(1 - 1e-9))  # two equal times decide nothing
    generalised = int(np.isfinite(best["t_gen"]).sum())
    return with_estimates(finding, more, f"{generalised} of {len(best)} tuned Muon runs generalised.")
