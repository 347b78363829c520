"""Claims on depth: an inverted U, and what it is not."""

from dataclasses import replace
from typing import Any

import numpy as np

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    at_least,
    between,
    claim,
    counted,
    decide,
    settle,
    undecided,
)
from latebloom.claims.statistics import median, paired_ratio, share_of
from latebloom.studies.curves import Curves, curves, same_seeds
from latebloom.studies.structural_grokking.claims.tables import (
    DEPTHS_LEARNED,
    DEPTHS_UNLEARNED,
    FIXED,
    MURTY,
    QUESTION,
    REVIEWED,
    SATURATED,
    SUCCESS,
    TENSE,
    TRAINED,
    depths_unfitted,
    more,
    needs,
)

COST = {"laptop": "100 minutes on two cores", "paper": "50 runs of 300,000 steps: weeks on a GPU"}
TENSE_COST = {"laptop": "50 minutes on two cores", "paper": "50 runs of 300,000 steps: weeks on a GPU"}
RULE = (
    "at the end, paired by seed: the interval of the median of the published best depth ({best}) minus the shallowest "
    "lies above 0, and that of the best minus the deepest at hand does too; contradicted where either lies at or below "
    f"0, else inconclusive; {DEPTHS_UNLEARNED}"
)
SIDES = Change(
    REVIEWED,
    "The words left open what contradicts, and read as if one side that reaches across 0 outweighed another that lies "
    "below: a side on which the published best is no better refutes an inverted U. Verdicts are as before.",
)


def inverted_u(arms: dict[Any, Curves], known: str, column: str, best: int) -> Finding:
    """The rule of both claims; the note tells four criteria of success."""
    if best not in arms or len(arms) < 3:
        return undecided(f"depths {sorted(map(str, arms))}", "Too few depths.", seeds=0)
    if early := depths_unfitted(known, arms):
        return early
    depths = list(arms)
    parts = {}
    for name, other in (("shallowest", depths[0]), ("deepest", depths[-1])):
        parts[f"{best} minus {other} layers ({name})"] = decide(more(arms[best], arms[other], column), at_least(1e-9))
    told = "; ".join(f"{counted(depth, 'layer')} {successes(table, column)}" for depth, table in arms.items())
    extra = {str(depth): table.last(column).tolist() for depth, table in arms.items()}
    found = all_of(parts, note=f"Ended >= .8, ended >= .88, ever >= .8, median end: {told}.")
    return found.with_rows({"end": extra})


def successes(table: Curves, column: str) -> str:
    """Three shares of success and the median at the end."""
    end, top = table.last(column), table.highest(column)
    counts = [int((end >= SUCCESS).sum()), int((end >= 0.88).sum()), int((top >= SUCCESS).sum())]
    return ", ".join([*(f"{count}/{len(end)}" for count in counts), f"{np.median(end):.2f}"])


@claim(
    id="structural_grokking.10",
    title="Question Formation: an inverted U in depth",
    statement="Six layers generalise most often; two never do, ten seldom.",
    source=f"{MURTY}, figure 3a, measured off the figure",
    published="share of ten seeds that generalise, for 2, 4, 6, 8, 10 layers: .0 .2 .8 .4 .1",
    measure="generalisation at the last log, by depth, one budget for all; three criteria of success are told, because "
    "the published one cannot be recovered from the released logs",
    rule=RULE.format(best=6),
    fixed=FIXED,
    changes=(SIDES, DEPTHS_LEARNED),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def question_depths(evidence: Evidence) -> Finding:
    """Claim 10."""
    return inverted_u(curves(evidence.run).arms("n_layers"), *QUESTION, best=6)


@claim(
    id="structural_grokking.11",
    title="Tense Inflection: an inverted U, best at fewer layers",
    statement="On Tense Inflection four layers generalise most often; two never do, and six seldom.",
    source=f"{MURTY}, figure 3a, measured off the figure",
    published="share of ten seeds that generalise, for 2, 4, 6, 8, 10 layers: .0 .7 .2 .0 .0",
    measure="generalisation at the last log, by depth, one budget for all (2, 4 and 6 layers at laptop)",
    rule=RULE.format(best=4),
    fixed=FIXED,
    changes=(SIDES, DEPTHS_LEARNED),
    tag="P",
    scales=TRAINED,
    cost=TENSE_COST,
    needs=needs("tense_depths"),
)
def tense_depths(evidence: Evidence) -> Finding:
    """Claim 11."""
    return inverted_u(curves(evidence.run).arms("n_layers"), *TENSE, best=4)


@claim(
    id="structural_grokking.12",
    title="Depths that fail are not under-fitted",
    statement="All depths reach about the same training loss at the end, whether they generalise or not.",
    source=f"{MURTY}, appendix D and figure 5",
    published="similar; no number printed",
    measure="training loss without dropout, mean over the last four logs, of each depth as a share of that of six "
    "layers, paired by seed",
    rule="for every other depth the interval of the median ratio lies in .98 to 1.02; contradicted if one lies outside",
    fixed=FIXED,
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question_depths"),
)
def same_loss(evidence: Evidence) -> Finding:
    """Claim 12."""
    arms = curves(evidence.run).arms("n_layers")
    if 6 not in arms:
        return undecided(f"depths {sorted(map(str, arms))}", "Six layers are not among the depths.", seeds=0)
    parts = {}
    for depth, table in arms.items():
        if depth != 6:
            own, six = same_seeds(table, arms[6])
            parts[counted(depth, "layer")] = decide(
                paired_ratio(own.late("train_loss"), six.late("train_loss")), between(0.98, 1.02)
            )
    return all_of(parts, note=f"Six layers end at {median(arms[6].late('train_loss'), unit='nats a token')}.")


@claim(
    id="structural_grokking.14",
    title="Two layers never generalise",
    statement="Two-layer networks do not come to the hierarchical rule on either task.",
    source=f"{MURTY}, figure 3a",
    published="0 of 10 seeds on both tasks",
    measure="largest generalisation of each seed with two layers, over twice the steps of the other depths "
    "(Question Formation) and over the same steps (Tense Inflection), once accuracy in the domain is >= .99",
    rule="no seed reaches .8 on either task; contradicted if one does. Inconclusive unless all seeds reach .99 in the "
    "domain and the budget is at least twice the median crossing time of six layers (Question Formation) and of four "
    "(Tense Inflection)",
    fixed=FIXED,
    changes=(
        Change(
            REVIEWED,
            "Networks that have not learned their task, or were not given the time that the best depth takes (this was "
            "asked of Question Formation only), passed before.",
        ),
    ),
    tag="P",
    scales=TRAINED,
    version=2,
    cost={"laptop": "80 minutes on two cores"},
    needs=needs("question_shallow", "tense_depths", "question"),
)
def two_layers(evidence: Evidence) -> Finding:
    """Claim 14."""
    shallow, depths, six = (curves(run) for run in evidence.runs)
    tense = depths.arms("n_layers")
    parts = {
        "questions": _never(shallow, six, *QUESTION),
        "tense": _never(next(iter(tense.values())), tense.get(4), *TENSE),
    }
    notes = [f"{name}: {part.note}" for name, part in parts.items() if part.note]
    return replace(all_of(parts), note=" ".join(notes))


def _never(table: Curves, best: Curves | None, known: str, held_out: str) -> Finding:
    """Whether no seed generalises, though all know the domain and had twice the time that the best depth takes."""
    saturated = table.of(known) >= SATURATED
    top = np.where(saturated, table.of(held_out), -np.inf).max(1)  # what an untrained network chances on is no rule
    reach = share_of(top >= SUCCESS)
    told = f"{reach} of seeds reach .8"
    if saturated.any():
        told += f"; largest {median(top[saturated.any(1)])}"
    if reach.value > 0:
        return settle(False, told, seeds=len(saturated), estimate=reach)
    if not saturated.any(1).all():
        return undecided(told, "not all saturate.", seeds=len(saturated), estimate=reach)
    if best is None or 2 * np.median(best.reached(held_out, SUCCESS, window=1)) > table.steps[-1]:
        return undecided(
            told, "the best depth takes more than half of this budget.", seeds=len(saturated), estimate=reach
        )
    return settle(True, told, seeds=len(saturated), estimate=reach)
