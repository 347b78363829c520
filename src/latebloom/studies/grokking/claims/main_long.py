"""The claim on the main run continued: what becomes of groups of six neurons."""

from dataclasses import replace

import numpy as np

from latebloom.claims import Evidence, Finding, asks_for, at_most, claim, counted, decide, undecided, with_control
from latebloom.claims.statistics import paired_ratio
from latebloom.instruments.neurons import PAGE_THRESHOLD
from latebloom.studies.curves import Curves, curves
from latebloom.studies.grokking.claims.dynamics_tables import FIXED
from latebloom.studies.grokking.claims.main_runs import MORE_SEEDS, PAGE, vectors

TINY = 1e-9  # a dead neuron's strength, so that ratios exist
long_run = asks_for("grokking.modular_addition_long")  # the main run continued to 200,000 steps


def lopsidedness(table: Curves, size: int) -> list[tuple[float, float]]:
    """For every group that begins with so many live neurons: weakest over median strength, at the start and the end.

    Strength is input times output amplitude at the group's frequency: what a rectified neuron adds to the logits.
    """
    zero = np.zeros(len(table.members))
    frequency, largest = vectors(table, "neuron_frequency", zero), vectors(table, "neuron_largest", zero)
    before, after = (
        vectors(table, "neuron_amplitude_in", at) * vectors(table, "neuron_amplitude_out", at) for at in (zero, None)
    )
    end = vectors(table, "neuron_frequency")
    pairs = []
    for member in range(len(frequency)):
        for own in np.unique(frequency[member]):
            group = (frequency[member] == own) & (largest[member] > PAGE_THRESHOLD)
            if group.sum() == size:
                # A neuron that has left the group's frequency no longer helps it.
                late = np.where(end[member] == own, after[member], 0.0)[group]
                first = before[member][group]
                pairs.append((_weakest(first), _weakest(late)))
    return pairs


def _weakest(strength: np.ndarray) -> float:
    return float(strength.min() / max(np.median(strength), TINY))


@claim(
    id="grokking.56",
    title="Six-neuron groups drift towards five and one weak",
    statement="Groups of six neurons drift towards five and one weak neuron (lopsided pentagons).",
    source=f"{PAGE}, figure 17 and the table of 450 runs; computed for this project (six directions are worse "
    "than five)",
    published="no count; six-neuron groups look like lopsided pentagons",
    measure="groups of six live neurons at step 50,000, followed to 200,000 steps with a fresh optimiser: strength of "
    "the weakest neuron over the group's median (strength: input times output amplitude), later over earlier; the "
    "nine lowest seeds of the main run that had generalised 5,000 steps before the end and hold such a group",
    rule="the interval of the median ratio (200,000 over 50,000) lies at or below 0.95: the weakest neuron loses at "
    "least a twentieth; contradicted if it lies above",
    control="groups of five, measured the same way, must fail the rule",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="PE",
    scales=("laptop", "paper"),
    cost={"laptop": "15 minutes on two cores beyond the main run"},
    needs=long_run,
)
def lopsided_pentagons(evidence: Evidence) -> Finding:
    """Claim 56."""
    table = curves(evidence.run)
    seeds = len(table.members)
    found = {size: lopsidedness(table, size) for size in (5, 6)}
    if min(len(pairs) for pairs in found.values()) < 3:
        return undecided(f"{counted(len(found[6]), 'group')} of six", "Too few groups.", seeds=seeds)
    parts = {}
    for size, pairs in found.items():
        early, late = np.maximum(np.array(pairs).T, TINY)
        ratio = paired_ratio(late, early)
        told = (
            f"{counted(len(pairs), 'group')} of {size}: ratio {ratio}; weakest below half the median in "
            f"{int((early < 0.5).sum())} at 50,000 and {int((late < 0.5).sum())} at 200,000 steps"
        )
        parts[size] = decide(ratio, at_most(0.95), seeds=seeds, measured=told, extra={"groups": pairs})
    note = "A start takes weights, not the optimiser's moments; the rate warms up over 1,000 steps."
    return with_control(replace(parts[6], note=note), parts[5])
