"""Claims: circuit efficiency, ungrokking, hysteresis, semi-grokking (37 to 40)."""

import math

import numpy as np
import torch

from latebloom.claims import Evidence, Finding, all_of, asks_for, at_least, at_most, between, claim, decide, undecided
from latebloom.claims.statistics import Estimate, median, paired_ratio, share_of, slope
from latebloom.instruments.efficiency import critical_size, fit_power_law
from latebloom.studies.curves import Curves, curves
from latebloom.studies.grokking.claims.dynamics_tables import FIXED, crossings, listed, paired

SOURCE = "Varma et al. 2023, Explaining Grokking Through Circuit Efficiency (arXiv 2309.02390)"
SCALES = ("laptop", "paper")
DECAY = 1.0  # the strength at which networks are trained from scratch


@claim(
    id="grokking.37",
    title="A memoriser loses efficiency with data, a generaliser not",
    statement=(
        "Memorising costs more weight the more data there are, generalising does not; where both cost the same is "
        "D_crit."
    ),
    source=SOURCE + ", sections 3 and 5",
    published=(
        "memoriser's efficiency falls with D, generaliser's is flat; the crossing predicts D_crit (no numbers "
        "were found)"
    ),
    measure=(
        "efficiency = mean margin on training rows / ||weights||^4 at the end of training; memoriser: random labels, "
        "train >= 0.99; generaliser: true labels, test >= 0.99; log-log slopes with seeds as groups; D_crit observed: "
        "half accuracy of the ungrokking runs at the same decay"
    ),
    rule=(
        "memoriser's slope below 0, generaliser's slope within -0.2 to 0.2, and crossing / observed D_crit within 0.5 "
        "to 2; whole intervals"
    ),
    fixed=FIXED,
    tag="N",
    scales=SCALES,
    cost={"laptop": "60 s beside claim 38"},
    needs=asks_for("grokking.efficiency", "grokking.hysteresis", "grokking.ungrokking"),
)
def efficiencies(evidence: Evidence) -> Finding:
    """Both slopes, and the crossing against the observed critical size."""
    random, exact, fewer = (curves(run) for run in evidence.runs)
    memoriser = random.where(random.last("train_accuracy") >= 0.99)
    generaliser = exact.where(exact.last("test_accuracy") >= 0.99)
    count = len(np.unique(random.field("seed")))
    if any(
        len(np.unique(table.field("n_train"))) < 2 for table in (memoriser, generaliser) if len(table.members)
    ) or not (len(memoriser.members) and len(generaliser.members)):
        return undecided("too few sizes fit or generalise", "Two sizes of each kind are needed.", seeds=count)
    observed = _at_decay_crossings(fewer, DECAY, 0.5)
    predicted = _predicted(memoriser, generaliser)
    first, second, _ = paired(predicted, observed)
    extra = {
        "trigonometric share of generalisers": generaliser.last("trigonometric_share"),
        "predicted": list(predicted.values()),
        "observed": list(observed.values()),
        "slope of smallest margins": {
            "memoriser": _efficiency_slope(memoriser, "efficiency_min"),
            "generaliser": _efficiency_slope(generaliser, "efficiency_min"),
        },
    }
    ratio = (
        decide(paired_ratio(first, second), between(0.5, 2.0), extra=extra)
        if len(first) >= 3
        else undecided("no crossing", f"Predicted {predicted}, observed {observed}.", seeds=count)
    )
    parts = {
        "memoriser's slope": decide(_efficiency_slope(memoriser), at_most(0.0)),
        "generaliser's slope": decide(_efficiency_slope(generaliser), between(-0.2, 0.2)),
        "predicted / observed D_crit": ratio,
    }
    note = f"Predicted D_crit {listed(list(predicted.values()))}; observed {listed(list(observed.values()))} by seed."
    return all_of(parts, note=note)


def _efficiency_slope(table: Curves, column: str = "efficiency") -> Estimate:
    values = table.last(column)
    good = values > 0
    return slope(table.field("n_train")[good], values[good], groups=table.field("seed")[good])


def _predicted(memoriser: Curves, generaliser: Curves) -> dict[int, float]:
    """Seed -> the size at which its two fitted efficiencies are equal; inf where they never are."""
    laws = []
    for table in (memoriser, generaliser):
        own = {}
        for seed in np.unique(table.field("seed")):
            rows = table.where(table.field("seed") == seed)
            sizes = torch.tensor(rows.field("n_train").astype(float))
            if len(torch.unique(sizes)) > 1:
                own[int(seed)] = fit_power_law(sizes, torch.tensor(rows.last("efficiency")))
        laws.append(own)
    found = {seed: float(critical_size(laws[0][seed], laws[1][seed])) for seed in laws[0].keys() & laws[1].keys()}
    return {seed: math.inf if math.isnan(size) else size for seed, size in sorted(found.items())}


@claim(
    id="grokking.38",
    title="Less data makes a network ungrok, whatever its decay",
    statement=(
        "A network that has generalised falls back to memorising below a critical data size that weight decay does "
        "not move."
    ),
    source=SOURCE + ", section on ungrokking",
    published="a sharp drop of final test accuracy in D'; the final accuracy does not depend on weight decay",
    measure=(
        "go on from a network that generalised, on subsets of its training pairs: final test accuracy against D' for "
        "three strengths of decay; D' at a quarter, half and three quarters accuracy, interpolated in log D'"
    ),
    rule=(
        "at the decay of the start: median accuracy at least 0.9 at the largest D' and at most 0.5 at the smallest, "
        "and D'(0.75) / D'(0.25) at most 2; D'(0.5) of the largest over that of the smallest decay within 0.8 to "
        "1.25; whole intervals"
    ),
    fixed=FIXED,
    tag="N",
    scales=SCALES,
    cost={"laptop": "100 s"},
    needs=asks_for("grokking.ungrokking"),
)
def ungroks(evidence: Evidence) -> Finding:
    """The drop at the decay of the start, and where it is at the others."""
    table = curves(evidence.run)
    strengths = np.unique(table.field("weight_decay").astype(float))
    halves = {wd: _at_decay_crossings(table, wd, 0.5) for wd in strengths}
    own = table.where(table.field("weight_decay") == DECAY)
    final, sizes = own.last("test_accuracy"), own.field("n_train")
    told = {f"wd {wd:g}": list(row.values()) for wd, row in halves.items()}
    parts = {
        "largest D'": decide(median(final[sizes == sizes.max()]), at_least(0.9)),
        "smallest D'": decide(median(final[sizes == sizes.min()]), at_most(0.5)),
        "D'(0.75) / D'(0.25)": _ratio(
            _at_decay_crossings(table, DECAY, 0.75), _at_decay_crossings(table, DECAY, 0.25), at=2.0
        ),
        "D'(0.5), largest / smallest decay": _ratio(halves[strengths[-1]], halves[strengths[0]], low=0.8, at=1.25),
    }
    note = "; ".join(f"D'(0.5) at {name}: {listed(values)}" for name, values in told.items()) + "."
    return all_of(parts, note=note)


def _at_decay_crossings(table: Curves, decay: float, level: float) -> dict[int, float]:
    own = table.where(table.field("weight_decay") == decay)
    return crossings(own, "n_train", own.last("test_accuracy"), level)


def _ratio(first: dict[int, float], second: dict[int, float], at: float, low: float = -math.inf) -> Finding:
    """The median ratio over seeds that have both, within low to `at`."""
    above, below, missing = paired(first, second)
    if len(above) < 3 or missing > len(above) / 4:
        return undecided(
            f"{listed(list(first.values()))} / {listed(list(second.values()))}",
            "A crossing lies outside the sizes tried.",
            seeds=len(first),
        )
    return decide(paired_ratio(above, below), between(low, at))


@claim(
    id="grokking.39",
    title="From scratch it takes twice the data as coming down",
    statement=(
        "The same accuracy needs over twice as much data from scratch as when data are taken from a network that "
        "generalised."
    ),
    source=SOURCE + ", hysteresis",
    published="0.7 accuracy: about 2,000 pairs from scratch, 800 to 1,000 coming down (p 113)",
    measure=(
        "D at which final test accuracy passes 0.7, from scratch and coming down, same seeds and decay, interpolated "
        "in log D"
    ),
    rule="the paired ratio is at least 1.5, whole interval; contradicted if wholly below",
    fixed=FIXED,
    tag="N",
    scales=SCALES,
    cost={"laptop": "none beside claims 37 and 38"},
    needs=asks_for("grokking.hysteresis", "grokking.ungrokking"),
)
def needs_more_from_scratch(evidence: Evidence) -> Finding:
    """Data needed from scratch over data needed coming down."""
    exact, fewer = (curves(run) for run in evidence.runs)
    up = crossings(exact, "n_train", exact.last("test_accuracy"), 0.7)
    down = _at_decay_crossings(fewer, DECAY, 0.7)
    above, below, missing = paired(up, down)
    note = f"From scratch: {listed(list(up.values()))}; coming down: {listed(list(down.values()))} pairs."
    if len(above) < 3 or missing > len(above) / 4:
        return undecided("a crossing lies outside the sizes tried", note, seeds=len(up))
    return decide(paired_ratio(above, below), at_least(1.5), note=note)


@claim(
    id="grokking.40",
    title="Near the critical size training rests at partial accuracy",
    statement="Near D_crit a network settles at an intermediate test accuracy (semi-grokking).",
    source=SOURCE + ", section on semi-grokking",
    published="1,532 pairs (12 %): accuracy 0.55 from epoch 0.8e7 to 1.8e7, then 1.0",
    measure=(
        "sizes near D_crit from scratch, T steps and then to 10 T; a plateau: test accuracy at T between chance + "
        "0.05 and 0.9 and within 0.05 of that at T / 2; it is stable if accuracy at 10 T is within 0.1 of that at T"
    ),
    rule=(
        "the share of members on a plateau at T is at least 0.1, and of these more than half are stable; whole "
        "intervals"
    ),
    fixed=FIXED,
    tag="N",
    scales=SCALES,
    cost={"laptop": "200 s"},
    needs=asks_for("grokking.semi"),
)
def rests_half_way(evidence: Evidence) -> Finding:
    """How many rest at partial accuracy, and how many of these still do after ten times as long."""
    table = curves(evidence.run)
    total = int(table.steps[-1])
    half, once, late = (table.at("test_accuracy", step) for step in (total // 20, total // 10, total))
    rests = (once > _chance(table) + 0.05) & (once < 0.9) & (np.abs(once - half) <= 0.05)
    seeds = len(np.unique(table.field("seed")))
    exist = decide(share_of(rests), at_least(0.1), seeds=seeds)
    if not rests.any():
        return exist
    stays = np.abs(late - once)[rests] <= 0.1
    generalised = int((late[rests] >= 0.95).sum())
    stable = decide(share_of(stays), at_least(0.5), seeds=seeds)
    note = (
        f"Of {len(rests)} members {int(rests.sum())} rest at {listed(np.sort(once[rests]).tolist(), 2)} at T = "
        f"{total // 10:,}; at 10 T {int(stays.sum())} are still there and {generalised} have generalised."
    )
    return all_of({"on a plateau": exist, "stable": stable}, note=note)


def _chance(table: Curves) -> float:
    """Chance level: test accuracy of the untrained networks, pooled."""
    return float(np.nanmean(table.of("test_accuracy")[:, 0]))
