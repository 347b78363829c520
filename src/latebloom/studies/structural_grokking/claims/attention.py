"""Claims on weights and attention: norms and sparsity grow everywhere, and say little about who generalises."""

import numpy as np

from latebloom.claims import Change, Evidence, Finding, all_of, at_least, at_most, claim, counted, decide, undecided
from latebloom.claims.statistics import median, rank_correlation
from latebloom.studies.curves import Curves, curves
from latebloom.studies.structural_grokking.claims.tables import (
    DEPTHS_LEARNED,
    DEPTHS_UNLEARNED,
    FIXED,
    MURTY,
    REVIEWED,
    TRAINED,
    depths_unfitted,
    more,
    needs,
)

COST = {"laptop": "100 minutes on two cores"}
DEAD = (
    "The published norms count an unused stack of layers, and the published sparsity feeds every layer with the "
    "embeddings; both are measured here as defined"
)


@claim(
    id="structural_grokking.15",
    title="The weight norm grows at every depth",
    statement="The norm of the weights grows throughout training, whatever the depth.",
    source=f"{MURTY}, section 4.1 and figure 3b",
    published="trained part times 1.23 with two layers and 1.18 with six, from the start to step 300,000",
    measure=f"L2 norm of all trained weights; share of neighbouring logs between which it grows. {DEAD}",
    rule="for every depth the interval of the median share over seeds lies at or above .9",
    fixed=FIXED,
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def norm_grows(evidence: Evidence) -> Finding:
    """Claim 15."""
    parts, growth = {}, []
    for depth, table in curves(evidence.run).arms("n_layers").items():
        own = [row[np.isfinite(row)] for row in table.of("weight_norm")]  # a member that diverged has fewer logs
        parts[counted(depth, "layer")] = decide(median([(np.diff(norm) > 0).mean() for norm in own]), at_least(0.9))
        growth.append(f"{counted(depth, 'layer')} x {median([norm[-1] / norm[0] for norm in own])}")
    return all_of(parts, note=f"From start to end: {'; '.join(growth)}.")


@claim(
    id="structural_grokking.16",
    title="Norm and sparsity do not pick out the depth that works",
    statement="Norm by layers and attention sparsity are largest for the shallowest network, which never generalises, "
    "so they do not tell which depth will.",
    source=f"{MURTY}, section 4.1 and figure 3b",
    published="largest for two layers in both panels; best generalisation at six",
    measure=f"N / L and sparsity at the end, median over seeds, by depth; rank correlations of N / L, N / sqrt(L), "
    f"RMS and sparsity with generalisation over all seeds and depths are told. {DEAD}",
    rule="some depth generalises better than the one with the largest N / L, and than the one with the largest "
    "sparsity: the interval of the median difference, paired by seed, lies above 0; contradicted if it lies below; "
    f"{DEPTHS_UNLEARNED}",
    control="before training: N / L ranks the depths already at step 0, so its order is a matter of definition",
    fixed=FIXED,
    changes=(
        Change(
            REVIEWED,
            "Two medians were compared without an interval: depths that generalise alike, or apart by chance, decided.",
        ),
        DEPTHS_LEARNED,
    ),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def do_not_identify(evidence: Evidence) -> Finding:
    """Claim 16."""
    whole = curves(evidence.run)
    arms = whole.arms("n_layers")
    if len(arms) < 3:
        return undecided(f"depths {sorted(map(str, arms))}", "Too few depths.", seeds=0)
    if early := depths_unfitted("val_first_word", arms):
        return early
    best = _top(arms, "gen_first_word")
    parts = {}
    for name, column in (("N / L", "weight_norm_per_layer"), ("sparsity", "sparsity")):
        picked = _top(arms, column)
        others = {depth: table for depth, table in arms.items() if depth != picked}
        better = _top(others, "gen_first_word")
        gain = more(others[better], arms[picked], "gen_first_word")
        told = f"largest at {picked} layers; generalisation at {better} layers minus there {gain}"
        parts[name] = decide(gain, at_least(1e-9), at_most(-1e-9), measured=told)
    end = whole.last("gen_first_word")
    ranks = []
    for column in ("weight_norm_per_layer", "weight_norm_per_root_layer", "weight_rms", "sparsity"):
        if np.ptp(end) > 0 and np.ptp(whole.last(column)) > 0:
            ranks.append(f"{column} {rank_correlation(whole.last(column), end).estimate}")
    starts = [float(np.median(table.first("weight_norm_per_layer"))) for table in arms.values()]
    order = "falls with depth" if np.all(np.diff(starts) < 0) else "does not fall with depth"
    note = f"Largest generalisation at {best} layers. At step 0 N / L {order}. Rank correlations: {'; '.join(ranks)}."
    return all_of(parts, note=note)


def _top(arms: dict[object, Curves], column: str) -> object:
    """The arm with the largest median at the end."""
    return max(arms, key=lambda value: float(np.median(arms[value].last(column))))


@claim(
    id="structural_grokking.17",
    title="Attention grows sparser at every depth",
    statement="Attention sparsity (minus the mean entropy of attention distributions) grows during training, whatever "
    "the depth.",
    source=f"{MURTY}, section 4.1 and figure 3b",
    published="grows for all depths shown; the released computation sums over places and feeds embeddings to every "
    "layer, -14 to -10",
    measure="sparsity at the end minus at the start, by the definition and as released",
    rule="for every depth the interval of the median growth over seeds, by the definition, lies above 0; as released "
    "is told",
    fixed=FIXED,
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def sparser(evidence: Evidence) -> Finding:
    """Claim 17."""
    parts, released = {}, []
    for depth, table in curves(evidence.run).arms("n_layers").items():
        growth = median(table.last("sparsity") - table.first("sparsity"), unit="nats")
        parts[counted(depth, "layer")] = decide(growth, at_least(1e-9))
        other = median(table.last("sparsity_released") - table.first("sparsity_released"), unit="nats")
        released.append(f"{counted(depth, 'layer')} {other}")
    return all_of(parts, note=f"As released: {'; '.join(released)}.")
