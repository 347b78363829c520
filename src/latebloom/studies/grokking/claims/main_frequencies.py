"""Claims on the main run: which frequencies, how many neurons each, and how exactly neurons obey the solution."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from latebloom.claims import (
    Evidence,
    Finding,
    Verdict,
    all_of,
    at_least,
    between,
    claim,
    counted,
    decide,
    undecided,
    with_control,
)
from latebloom.claims.statistics import mean, median, share, share_of, uniform_counts
from latebloom.instruments.neurons import PAGE_THRESHOLD
from latebloom.studies.curves import Curves
from latebloom.studies.grokking.claims.dynamics_tables import FIXED
from latebloom.studies.grokking.claims.main_runs import (
    MEMORISING_UNTIL,
    MORE_SEEDS,
    PAGE,
    P,
    few,
    main_run,
    settled,
    vectors,
)

COST = {"laptop": "10 minutes on two cores"}
TABLE = f"{PAGE}, table of 450 runs"
NOTEBOOK = f"{PAGE}, saved figures of the training notebook"


def most_common(sizes: dict[int, int], size: int, tolerance: float) -> Finding:
    """Whether one group size is the most common: against each other size, its share of the groups of both sizes.

    Reproduced if no other size is more frequent in the count and every share's interval lies above 0.5 - tolerance;
    contradicted if some share's interval lies below 0.5.
    """
    own = sizes.get(size, 0)
    shares = {other: share(own, own + count) for other, count in sizes.items() if other != size and own + count}
    rival = min(shares, key=lambda other: shares[other].value)
    if any(estimate.high < 0.5 for estimate in shares.values()):
        verdict = Verdict.CONTRADICTED
    elif all(e.value > 0.5 and e.low >= 0.5 - tolerance for e in shares.values()):
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.INCONCLUSIVE
    counts = ", ".join(f"{k}: {sizes[k]}" for k in sorted(sizes))
    told = f"groups by size {counts}; share of {size} among {size} and {rival} {shares[rival]}"
    return Finding(told, verdict, 0, shares[rival], extra={"sizes": {str(k): sizes[k] for k in sorted(sizes)}})


@claim(
    id="grokking.07",
    title="Five neurons a frequency, three or four frequencies",
    statement="The most common size of a frequency group is five neurons, and nearly all networks use three or four "
    "frequencies.",
    source=TABLE,
    published="435, 352 and 271 groups of 5, 6 and 7 neurons; 3 or 4 frequencies in 439 of 450 runs (97.6 %)",
    measure="neurons whose largest input coefficient exceeds 10, by the frequency that owns it (the page's rule), at "
    "the end; seeds that had generalised 5,000 steps before",
    rule="five is the most common size in the count, and against every other size its share of the groups of both "
    "sizes has an interval above 0.4 (at 40 seeds a published share of 0.55 cannot be told from one half; contradicted "
    "if some interval lies below 0.5); the share of seeds with 3 or 4 frequencies is at least 0.8; groups of 5 to 7 "
    "are between 0.60 and 0.82 of all (published 0.71)",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="D",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def group_sizes(evidence: Evidence) -> Finding:
    """Claim 7."""
    table = settled(evidence.run)
    seeds = len(table.members)
    if seeds < 5:
        return few(table)
    groups = vectors(table, "group_size").astype(int)
    present = groups[groups > 0]
    sizes = {int(size): int((present == size).sum()) for size in np.unique(present)}
    number = (groups > 0).sum(1)
    middle = sum(sizes.get(size, 0) for size in (5, 6, 7))
    mode = most_common(sizes, 5, tolerance=0.1)
    frequencies = {str(k): int((number == k).sum()) for k in np.unique(number)}
    parts = {
        "3 or 4 frequencies": decide(
            share_of(np.isin(number, (3, 4))), at_least(0.8), extra={"frequencies": frequencies}
        ),
        "mode": replace(mode, seeds=seeds),
        "5 to 7": decide(share(middle, len(present)), between(0.60, 0.82), seeds=seeds),
    }
    ungrouped = median(table.last("ungrouped"), unit="neurons")
    note = (
        f"Neurons in no group, median over seeds: {ungrouped}. Groups of one network are not independent; the "
        "intervals on groups treat them as if they were."
    )
    return all_of(parts, note=note)


@claim(
    id="grokking.08",
    title="Frequencies are used evenly",
    statement="Every frequency from 1 to 33 is used about equally often.",
    source=TABLE,
    published="433 distinct sets in 450 runs; each frequency used 34 to 58 times",
    measure="networks that use each frequency at the end (page's rule; seeds that had generalised 5,000 steps before): "
    "Pearson's chi-square test, and the mean frequency of a network",
    rule="the chi-square test of evenness has p >= 0.05 (contradicted below 0.01, inconclusive between), and the "
    "interval of the mean over seeds of the mean frequency lies in 13.5 to 20.5 (even use: 17)",
    control="the same two rules on the same number of frequencies folded into 1 to 17 must fail",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="D",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def even_frequencies(evidence: Evidence) -> Finding:
    """Claim 8."""
    table = settled(evidence.run)
    present = vectors(table, "group_size") > 0 if len(table.members) else np.zeros((0, P // 2), dtype=bool)
    if len(table.members) < 5:
        return few(table)
    if present.sum() < present.shape[1]:
        return _evenness(present)  # says that they are too few
    note = (
        "Multiplying all residues by a constant permutes the frequencies and leaves task, split and initial weights as "
        "likely as before, so evenness is exact in law: the test also checks the code."
    )
    folded = np.zeros_like(present)
    for row, own in zip(folded, present, strict=True):
        row[np.flatnonzero(own) // 2] = True
    return with_control(replace(_evenness(present), note=note), _evenness(folded))


def _evenness(present: np.ndarray) -> Finding:
    counts = present.sum(0)
    test = uniform_counts(counts) if counts.sum() >= len(counts) else None
    if test is None:
        return undecided(f"uses of frequencies: {counts.sum()}", "Too few for a chi-square test.", seeds=len(present))
    verdict = Verdict.INCONCLUSIVE
    if test.p_value >= 0.05:
        verdict = Verdict.REPRODUCED
    elif test.p_value < 0.01:
        verdict = Verdict.CONTRADICTED
    told = (
        f"{test.n} uses of {len(counts)} frequencies, {counts.min()} to {counts.max()} each, chi-square "
        f"{test.statistic:.1f} on {test.degrees}, p = {test.p_value:.3g}, w = {test.effect:.2f}"
    )
    even = Finding(told, verdict, len(present), extra={"uses": counts.tolist()})
    used = present.any(1)
    centre = (present[used] * np.arange(1, len(counts) + 1)).sum(1) / present[used].sum(1)
    return all_of({"mean frequency": decide(mean(centre), between(13.5, 20.5)), "evenness": even})


def _share_of_neurons(good: np.ndarray, live: np.ndarray) -> Finding:
    """Rule of the two claims on neurons: median over seeds of the share of live neurons that are good."""
    kept = live.sum(1) > 0
    if kept.sum() < 2:
        return undecided(f"{counted(kept.sum(), 'seed')} with live neurons", "Too few.", seeds=int(kept.sum()))
    each = (good & live)[kept].sum(1) / live[kept].sum(1)
    pooled = int((good & live).sum()), int(live.sum())
    return decide(
        median(each),
        at_least(0.85),
        measured=f"{median(each)} ({pooled[0]} of {pooled[1]} neurons)",
        extra={"share": each.tolist()},
    )


def _live(table: Curves) -> np.ndarray:
    return vectors(table, "neuron_largest") > PAGE_THRESHOLD


def _neurons_obey(table: Curves, column: str, good: Callable[[np.ndarray], np.ndarray]) -> tuple[Finding, Finding]:
    """That rule on live neurons at the end, and its control: all neurons while the network only memorises."""
    early = good(vectors(table, column, np.full(len(table.members), float(MEMORISING_UNTIL))))
    return (
        _share_of_neurons(good(vectors(table, column)), _live(table)),
        _share_of_neurons(early, np.ones_like(early)),
    )


@claim(
    id="grokking.09",
    title="Output phase is twice the input phase",
    statement="In live neurons the phase of the output wave is twice that of the input wave, within about 6 degrees.",
    source=NOTEBOOK,
    published="within 6 degrees for 22 of 24 neurons (10.6 and 30.2 for the others)",
    measure="|2 phase_in - phase_out| at the neuron's frequency, live neurons (largest input coefficient above 10) of "
    "seeds that had generalised 5,000 steps before the end",
    rule="the median over seeds of the share of live neurons within 6 degrees has an interval at or above 0.85",
    control="all neurons at step 2,000, when the network has only memorised, must fail the same rule",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="PD",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def phase_doubling(evidence: Evidence) -> Finding:
    """Claim 9."""
    table = settled(evidence.run)
    if len(table.members) < 5:
        return few(table)
    found, control = _neurons_obey(table, "neuron_doubling", lambda error: np.abs(error) <= 6)
    errors = zip(np.abs(vectors(table, "neuron_doubling")), _live(table), strict=True)
    typical = median([np.median(row[own]) for row, own in errors if own.any()])
    return with_control(replace(found, note=f"Median error of live neurons, degrees: {typical}."), control)


@claim(
    id="grokking.10",
    title="Each live neuron holds one frequency",
    statement="Each live neuron has at least 92 % of its input energy in one frequency.",
    source=NOTEBOOK,
    published="at least 92 % for 22 of 24 neurons, the two others being weak",
    measure="share of the energy of the neuron's column of W_in at its frequency, live neurons (largest input "
    "coefficient above 10) of seeds that had generalised 5,000 steps before the end",
    rule="the median over seeds of the share of live neurons with at least 92 % has an interval at or above 0.85",
    control="all neurons at step 2,000, when the network has only memorised, must fail the same rule",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="PD",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def one_frequency(evidence: Evidence) -> Finding:
    """Claim 10."""
    table = settled(evidence.run)
    if len(table.members) < 5:
        return few(table)
    found, control = _neurons_obey(table, "neuron_share_in", lambda energy: energy >= 0.92)
    return with_control(found, control)
