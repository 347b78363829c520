"""Claims about numbers that run out: softmax collapse, gradients along the weights, slingshots."""

import numpy as np
import pandas as pd

from latebloom.claims import (
    Evidence,
    Finding,
    Readable,
    Request,
    all_of,
    asks_for,
    at_least,
    at_most,
    claim,
    decide,
    undecided,
    with_control,
)
from latebloom.claims.statistics import median, paired_difference
from latebloom.instruments.events import first_reached
from latebloom.studies.grokking.claims.accelerate_arms import (
    arm,
    curves,
    happened,
    median_time,
    speed_up,
    with_estimates,
)

COLLAPSED = 0.99


def collapse(run: Readable) -> pd.DataFrame:
    """An arm's table with `t_collapse` (99 % of training rows collapsed) and `gain`, the rise of test accuracy since.

    `gain` is NaN where nothing collapsed.
    """
    table, frame = arm(run), run.measurements()
    share_of_rows, test = curves(frame, "softmax_collapse"), curves(frame, "test_accuracy")
    steps = share_of_rows.columns.to_numpy(dtype=float)
    at = first_reached(steps, share_of_rows.to_numpy(), COLLAPSED)
    gain = [
        np.nanmax(row[steps >= when]) - row[steps >= when][0] if np.isfinite(when) else np.nan
        for row, when in zip(test.to_numpy(), at, strict=True)
    ]
    return table.assign(t_collapse=at, gain=gain)


def _collapse_needs(scale: str) -> tuple[Request, ...]:
    return (
        Request("grokking.stability", scale),
        Request("grokking.stability", scale, ("training.precision=float64",)),
        Request("grokking.stablemax", scale),
        Request("grokking.stablemax", scale, ("training.loss=cross_entropy", "training.precision=float32")),
    )


@claim(
    id="grokking.44",
    title="Softmax collapse stops learning; StableMax does not",
    statement="Without weight decay the logits grow until softmax collapses in the precision at hand and learning "
    "stops, in float32 before float64; StableMax, which cannot collapse so, generalises without decay.",
    source="Prieto et al. 2025 (arXiv 2501.04697), figures 1, 2 and 4 and code",
    published="float16, float32, float64 halt in that order (lr 5e-4); StableMax reaches full test accuracy within "
    "80,000 steps (lr 0.01) while the weight norm grows",
    measure="First log with 99 % of training rows collapsed, and the rise of test accuracy after it, in float32 and "
    "float64 (AdamW lr 5e-4, beta2 0.99, eps 1e-25, wd 0); share of seeds that generalise with StableMax (float64, lr "
    "0.01, beta2 0.999, wd 0).",
    rule="All of: in float32 the share of seeds that collapse has its interval >= 0.5; the median rise of test "
    "accuracy after collapse has its interval <= 0.05 and the share of seeds that generalise (test accuracy 0.95 for "
    "three logs) its interval <= 0.5; the seed-paired ratio of collapse times float64 / float32 has its interval >= "
    "1.05; the share of StableMax seeds that generalise has its interval >= 0.5. Every arm has a grid of one, the "
    "published setting.",
    control="Softmax in float32 at StableMax's lr, beta2 and budget: the share that generalises must have its interval "
    "below 0.5.",
    fixed="2026-11-22",
    tag="CN",
    scales=("laptop",),
    cost={"laptop": "up to 20 core-minutes"},
    needs=_collapse_needs,
)
def softmax_collapse(evidence: Evidence) -> Finding:
    """Collapse and stop in float32, later in float64, StableMax through; softmax at StableMax's settings as control."""
    single, double = (collapse(run) for run in evidence.runs[:2])
    stable, softmax = (arm(run) for run in evidence.runs[2:])
    later = speed_up(double, single, "t_collapse")
    gains = single["gain"].dropna()
    if gains.empty:
        stopped = undecided("no seed collapsed", "Rise of accuracy after collapse is not defined.", seeds=len(single))
    else:
        stopped = decide(median(gains), at_most(0.05))
    parts = {
        "StableMax generalises, share of seeds": decide(happened(stable), at_least(0.5)),
        "float32 collapses, share of seeds": decide(happened(single, "t_collapse"), at_least(0.5)),
        "rise of test accuracy after": stopped,
        "float32 generalises, share of seeds": decide(happened(single), at_most(0.5)),
        "collapse float64 / float32": decide(later, at_least(1.05)),
    }
    finding = with_control(all_of(parts), decide(happened(softmax), at_least(0.5)))
    norm = curves(evidence.runs[2].measurements(), "l2_norm").ffill(axis=1)
    grown = median(norm.iloc[:, -1] / norm.iloc[:, 0], unit="x")
    return with_estimates(finding, {"StableMax, steps": median_time(stable), "StableMax, growth of the norm": grown})


def alignment(run: Readable) -> pd.DataFrame:
    """Each member's cosine of -gradient and weights: at step 0, once fitted, and before collapse.

    `start`: step 0; `fitted`: first log with every training row right; `before`: last log before 1 % of the training
    rows had collapsed, there also for each table. Members that collapsed before they had fitted are left out.
    """
    frame = run.measurements().sort_values(["member", "step"])
    rows = []
    for member, own in frame.groupby("member"):
        fitted = own[own["train_accuracy"] >= 1]
        collapsed = own[own["softmax_collapse"] > 0.01]["step"]
        end = collapsed.iloc[0] if len(collapsed) else np.inf
        before = own[(own["step"] < end) & own["nlm_alignment"].notna()]
        if fitted.empty or before.empty or before["step"].iloc[-1] < fitted["step"].iloc[0]:
            continue
        tables = {
            name: before[name].iloc[-1] for name in own.columns if name.startswith("nlm_") and name != "nlm_alignment"
        }
        rows.append(
            {
                "member": member,
                "start": own["nlm_alignment"].iloc[0],
                "fitted": fitted["nlm_alignment"].iloc[0],
                "before": before["nlm_alignment"].iloc[-1],
            }
            | tables
        )
    return pd.DataFrame(rows)


@claim(
    id="grokking.45",
    title="After fitting, -gradient points along the weights",
    statement="Beyond 100 % training accuracy and without weight decay the gradient aligns strongly with the direction "
    "that only scales the logits: minus the gradient points along the weights (naive loss minimisation).",
    source="Prieto et al. 2025 (arXiv 2501.04697), section on naive loss minimisation",
    published="the gradients 'strongly align' with the weights beyond the point of overfitting; no number was found",
    measure="Cosine of -gradient and all weights as one vector, at the first log (every 20 steps) with train accuracy "
    "1 and at the last log before 1 % of the training rows have collapsed (AdamW lr 5e-4, wd 0, float32).",
    rule="The median over seeds of the cosine before collapse has its interval >= 0.71 (half of the gradient's squared "
    "length), and the median rise of the cosine since all training rows were right has its interval >= 0.",
    control="At step 0 the cosine's interval must lie below 0.71.",
    fixed="2026-11-22",
    tag="N",
    cost={"quick": "15 s", "laptop": "one of the runs of 44"},
    needs=asks_for("grokking.stability"),
)
def naive_loss_minimisation(evidence: Evidence) -> Finding:
    """The cosine just before collapse, and its rise since the training set was fitted."""
    table = alignment(evidence.run)
    if table.empty:
        return undecided("no seed fitted all training rows before collapse", "Train for longer.", seeds=0)
    before = decide(median(table["before"]), at_least(0.71))
    rise = decide(paired_difference(table["before"], table["fitted"]).estimate, at_least(0))
    finding = all_of({"cosine before collapse": before, "rise since fitted": rise})
    finding = with_control(finding, decide(median(table["start"]), at_least(0.71)))
    tables = [str(name) for name in table if str(name).startswith("nlm_")]
    more = {f"cosine, {name.removeprefix('nlm_')}": median(table[name]) for name in tables}
    return with_estimates(finding, more)


def spikes(run: Readable) -> pd.DataFrame:
    """An arm's table with `spikes`: how often train accuracy fell below 0.99 after it had been 1."""
    accuracy = curves(run.measurements(), "train_accuracy").to_numpy()
    fitted = np.logical_or.accumulate(accuracy >= 1, axis=1)
    low = fitted & (accuracy < 0.99)
    begins = low & ~np.pad(low, ((0, 0), (1, 0)))[:, :-1]
    return arm(run).assign(spikes=begins.sum(axis=1))


@claim(
    id="grokking.50",
    title="A smaller Adam epsilon generalises earlier",
    statement="Without weight decay, adaptive optimisers go through slingshots (loss spikes after growth of the last "
    "layer); a smaller epsilon gives more of them and earlier generalisation, and epsilon 1e-5 never generalises.",
    source="Thilak et al. 2022 (arXiv 2206.04817)",
    published="division mod 97, Adam, wd 0: smaller epsilon generalises earlier; epsilon 1e-5 not within 500,000 steps",
    measure="t_gen and spikes (train accuracy below 0.99 after it had been 1, logs every 20 steps) for epsilon 1e-8, "
    "1e-7, 1e-6, 1e-5; Adam lr 0.001, betas 0.9 and 0.98, wd 0, float32. Reported besides: spikes at 1e-8 in float64.",
    rule="All of: the median over paired seeds of t_gen(1e-5) / t_gen(1e-8) has its interval >= 1.05; the share of "
    "seeds that generalise at 1e-5 has its interval <= 1/3, at 1e-8 its interval >= 0.5. Times not reached within the "
    "budget are censored there. One setting an epsilon, no tuning.",
    fixed="2026-11-22",
    tag="N",
    scales=("laptop",),
    cost={"laptop": "up to 20 core-minutes"},
    needs=lambda scale: (
        Request("grokking.slingshots", scale),
        Request("grokking.slingshots", scale, ("training.eps=1e-8", "training.precision=float64")),
    ),
)
def slingshots(evidence: Evidence) -> Finding:
    """Largest against smallest epsilon, and who generalises at all."""
    table, double = (spikes(run) for run in evidence.runs)
    arms = {float(eps): table[table["eps"] == eps] for eps in table["eps"].unique()}
    smallest, largest = arms[min(arms)], arms[max(arms)]
    earlier = speed_up(largest, smallest)
    parts = {
        "t_gen(1e-5) / t_gen(1e-8)": decide(earlier, at_least(1.05)),
        "share at 1e-5": decide(happened(largest), at_most(1 / 3)),
        "share at 1e-8": decide(happened(smallest), at_least(0.5)),
    }
    more = {f"t_gen at {eps:g}": median_time(own) for eps, own in arms.items()}
    more |= {f"spikes at {eps:g}": median(own["spikes"]) for eps, own in arms.items()}
    more["spikes at 1e-8, float64"] = median(double["spikes"])
    return with_estimates(all_of(parts), more)
