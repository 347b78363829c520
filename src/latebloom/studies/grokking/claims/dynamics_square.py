"""Claims: square-activation networks (29, 30, 31, 33, 54)."""

import itertools
import math
from dataclasses import replace

import numpy as np

from latebloom.claims import (
    Evidence,
    Finding,
    Request,
    all_of,
    asks_for,
    at_least,
    at_most,
    between,
    claim,
    decide,
    undecided,
    with_control,
)
from latebloom.claims.statistics import median, paired_ratio, share_of, slope
from latebloom.studies.curves import Curves, curves, median_time
from latebloom.studies.grokking.claims.dynamics_tables import FIXED, crossings, listed, paired

RELU_ARM = ("model.activation=relu", "training.loss=cross_entropy", "training.lr=0.5,2,8", "seed=0:5")


@claim(
    id="grokking.29",
    title="Squared sums, AdamW: 28 steps to fit, 44 to generalise",
    statement=(
        "A square-activation network trained with squared error and strong decay fits at step 28, answers all at 44."
    ),
    source="Doshi et al. 2023 (arXiv 2310.13061), published code and its logs",
    published="p 97, width 500, half the table, AdamW lr 0.01 wd 5: train 100 % at step 28, test 100 % at step 44",
    measure="first log (every 2 steps) with train, with test accuracy 1; first with train >= 0.99 and test >= 0.95",
    rule=(
        "median step of train accuracy 1 within 20 to 36, of test accuracy 1 within 32 to 56 (about 28 % either way), "
        "and test reaches 95 % later than train 99 % in more than half of the seeds; whole intervals"
    ),
    fixed=FIXED,
    tag="C",
    cost={"quick": "10 s", "laptop": "30 s"},
    needs=asks_for("grokking.square_mlp"),
)
def square_adamw(evidence: Evidence) -> Finding:
    """Times to fit and to generalise, each against its band."""
    table = curves(evidence.run)
    fit, all_right = (table.reached(name, 1.0, window=1) for name in ("train_accuracy", "test_accuracy"))
    later = table.reached("test_accuracy", 0.95, 1) > table.reached("train_accuracy", 0.99, 1)
    return all_of(
        {
            "train 100 %": decide(median_time(table, fit), between(20, 36)),
            "test 100 %": decide(median_time(table, all_right), between(32, 56)),
            "test after train": decide(share_of(later), at_least(0.5)),
        }
    )


@claim(
    id="grokking.30",
    title="Plain gradient descent groks without regularisation",
    statement=(
        "A square-activation network on squared error groks under full-batch gradient descent with no decay or "
        "momentum."
    ),
    source="Gromov 2023 (arXiv 2301.02679)",
    published="groks; weight decay, momentum and AdamW only speed it up (no step numbers)",
    measure="share of seeds whose test accuracy stays >= 0.95 for 3 logs; test accuracy when train first reaches 0.99",
    rule=(
        "the share of seeds that generalise within the budget is above 0.5, and the median test accuracy at the first "
        "log with train accuracy >= 0.99 is at most 0.5; whole intervals"
    ),
    fixed=FIXED,
    tag="N",
    control=(
        "the same width and data with ReLU and cross-entropy at three learning rates: the share must not exceed 0.5"
    ),
    cost={"quick": "20 s", "laptop": "90 s"},
    needs=lambda scale: (Request("grokking.square_gd", scale), Request("grokking.square_gd", scale, RELU_ARM)),
)
def square_descent(evidence: Evidence) -> Finding:
    """Generalises after it has memorised; ReLU with cross-entropy only memorises."""
    square, relu = (curves(run) for run in evidence.runs)
    shown = all_of({"generalises": _generalising(square), "test when fitted": _test_when_fitted(square)})
    rates = relu.field("lr")
    best = max(
        (_generalising(relu.where(rates == lr)) for lr in np.unique(rates)),
        key=lambda finding: finding.estimate.value if finding.estimate else 0.0,
    )
    fitted = float((relu.reached("train_accuracy", 0.99, 1) < math.inf).mean())
    found = with_control(shown, best)
    return replace(found, note=f"{found.note} {fitted:.0%} of the control's runs fit their training rows.")


def _generalising(table: Curves) -> Finding:
    return decide(share_of(np.isfinite(table.reached("test_accuracy", 0.95))), at_least(0.5))


def _test_when_fitted(table: Curves) -> Finding:
    """Test accuracy at the first log at which the training rows are fitted."""
    fitted = table.reached("train_accuracy", 0.99, 1)
    values = table.at_times("test_accuracy", fitted)[np.isfinite(fitted)]
    if len(values) < len(fitted) / 2:
        return undecided(
            f"{len(values)} of {len(fitted)} fit", "Too few members fit their training rows.", seeds=len(fitted)
        )
    return decide(median(values), at_most(0.5))


@claim(
    id="grokking.31",
    title="Phases add up, and sparsity rises before accuracy",
    statement=(
        "Trained square networks obey phi_a + phi_b = phi_out, and their Fourier sparsity (IPR) rises before test "
        "accuracy."
    ),
    source="Gromov 2023 (arXiv 2301.02679), analytic solution and its comparison with training",
    published="phases satisfy the rule; the inverse participation ratio grows from the start",
    measure=(
        "median over neurons of |phi_a + phi_b - phi_out| at the end; first log at which IPR, and test accuracy, has "
        "made a fifth of its rise from the first log to its maximum; runs of claim 30"
    ),
    rule=(
        "the median phase error over seeds is at most 20 degrees, and the paired ratio of the two times is at most 1; "
        "whole intervals, over seeds that generalise"
    ),
    fixed=FIXED,
    tag="N",
    control="the phase rule on the same networks at step 0 (random phases: 90 degrees) must fail",
    needs=asks_for("grokking.square_gd"),
)
def phases_and_sparsity(evidence: Evidence) -> Finding:
    """The phase rule at the end, and which rises first."""
    table = curves(evidence.run)
    everyone = len(table.members)
    table = table.where(np.isfinite(table.reached("test_accuracy", 0.95)))
    if len(table.members) < 2:
        return undecided(f"{len(table.members)} of {everyone} generalise", "Nothing to compare.", seeds=everyone)
    error = table.of("phase_error")
    sparse, accurate = (_fifth(table, name) for name in ("ipr", "test_accuracy"))
    extra = {
        "ipr at the end": table.last("ipr"),
        "frequency agreement at the end": table.last("frequency_agreement"),
        "time of ipr": sparse,
        "time of test accuracy": accurate,
    }
    parts = {
        "phase error": decide(median(table.last("phase_error"), unit="°"), at_most(20.0), extra=extra),
        "IPR before accuracy": decide(paired_ratio(sparse, accurate), at_most(1.0)),
    }
    return with_control(all_of(parts), decide(median(error[:, 0], unit="°"), at_most(20.0)))


def _fifth(table: Curves, column: str) -> np.ndarray:
    """First step at which a fifth of the rise from the first log to the largest value is made; at least 1."""
    values = table.of(column)
    start, top = values[:, 0], np.nanmax(values, axis=1)
    above = values >= (start + 0.2 * (top - start))[:, None]
    return np.maximum(table.steps[above.argmax(axis=1)], 1.0)


@claim(
    id="grokking.33",
    title="The critical share of the table falls with the modulus",
    statement="The larger the modulus, the smaller the share of the table from which a square network generalises.",
    source="Gromov 2023 (arXiv 2301.02679), section on the critical fraction; no numbers given",
    published="falls with p",
    measure=(
        "for each modulus and seed the smallest share, on a grid of 0.05, from which on every larger share gives "
        "final test accuracy >= 0.9 within the budget (interpolated)"
    ),
    rule=(
        "the log-log slope of the critical share on p is below 0 and so is each step from one modulus to the next; "
        "whole intervals"
    ),
    fixed=FIXED,
    tag="N",
    cost={"quick": "15 s", "laptop": "150 s"},
    needs=asks_for("grokking.critical_fraction"),
)
def critical_share(evidence: Evidence) -> Finding:
    """Slope over all moduli, and each neighbouring pair."""
    table = curves(evidence.run)
    final, moduli = table.last("test_accuracy"), np.unique(table.field("p"))
    found: dict[int, dict[int, float]] = {}
    for p in moduli:
        own = table.field("p") == p
        found[int(p)] = crossings(table.where(own), "train_fraction", final[own], 0.9)
    points = [(p, value, seed) for p, row in found.items() for seed, value in row.items() if math.isfinite(value)]
    extra = {"critical share": {str(p): list(row.values()) for p, row in found.items()}}
    seeds = len(np.unique(table.field("seed")))
    if len(points) < 0.8 * sum(len(row) for row in found.values()):
        return undecided("critical share outside the grid", f"Found: {extra}", seeds=seeds)
    x, y, groups = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    medians = [float(np.median([v for v in found[int(p)].values() if math.isfinite(v)])) for p in moduli]
    text = f"critical share {listed(medians)} at p = {', '.join(str(p) for p in moduli)}; slope "
    line = slope(x, y, groups=groups)
    parts = {"slope": decide(line, at_most(0.0), seeds=seeds, measured=text + str(line), extra=extra)}
    for small, large in itertools.pairwise(moduli):
        first, second, _ = paired(found[int(large)], found[int(small)])
        parts[f"{large} / {small}"] = decide(paired_ratio(first, second), at_most(1.0))
    return all_of(parts)


@claim(
    id="grokking.54",
    title="Decay rejects wrong labels: train falls, test is perfect",
    statement=(
        "With 35 % wrong labels strong decay gives 100 % test while train falls; without it the network learns both."
    ),
    source="Doshi et al. 2023 (arXiv 2310.13061), published code and its logs",
    published="wd 5: test 100 %, train falls to 78.6 %; wd 0: test 98.3 %, train 97.8 % by step 1,000",
    measure="final accuracies at 1,000 steps with wd 5 and wd 0, and the largest train accuracy before",
    rule=(
        "wd 5: median test at least 0.99, train within 0.65 to 0.90 and at least 0.05 below its earlier maximum; wd "
        "0: median train and test at least 0.9; whole intervals"
    ),
    fixed=FIXED,
    tag="C",
    control="wd 0 on the same data must not lose 0.05 of its train accuracy",
    scales=("laptop", "paper"),
    cost={"laptop": "350 s"},
    needs=asks_for("grokking.label_noise"),
)
def rejects_noise(evidence: Evidence) -> Finding:
    """Final accuracies of both arms, and the fall of train accuracy."""
    table = curves(evidence.run)
    strong = table.where(table.field("weight_decay") > 0)
    free = table.where(table.field("weight_decay") == 0)
    falls = {
        name: median(arm.highest("train_accuracy") - arm.last("train_accuracy"))
        for name, arm in (("strong", strong), ("free", free))
    }
    clean = median(strong.last("clean_accuracy"))
    found = all_of(
        {
            "wd 5 test": decide(median(strong.last("test_accuracy")), at_least(0.99)),
            "wd 5 train": decide(median(strong.last("train_accuracy")), between(0.65, 0.9)),
            "wd 5 train fell by": decide(falls["strong"], at_least(0.05)),
            "wd 0 test": decide(median(free.last("test_accuracy")), at_least(0.9)),
            "wd 0 train": decide(median(free.last("train_accuracy")), at_least(0.9)),
        },
        note=f"wd 5 answers {clean} of the training rows with their true label.",
    )
    return with_control(found, decide(falls["free"], at_least(0.05)))
