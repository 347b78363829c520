"""What the judges of this study share: sources, the usual levels, the runs they need, how numbers read."""

from collections.abc import Mapping

import numpy as np
import scipy  # scipy.stats loads at its first use
from jaxtyping import Float

from latebloom.claims import Change, Finding, Needs, Readable, asks_for, counted, undecided
from latebloom.claims.statistics import Estimate, paired_difference
from latebloom.studies.curves import Curves, same_seeds

FIXED = "2026-11-25"
MURTY = "Murty et al. 2023, arXiv:2305.18741"
LOGS = "per-seed logs released with arXiv:2305.18741, recomputed"
AHUJA = "Ahuja et al. 2024, arXiv:2404.16367"
QIN = "Qin et al. 2024, arXiv:2412.04619"
TRAINED = ("laptop", "paper")
QUESTION, TENSE = ("val_first_word", "gen_first_word"), ("val_main_verb", "gen_main_verb")  # in the domain, held out
KNOWN, HELD_OUT = QUESTION
SATURATED, SUCCESS = 0.99, 0.8  # accuracy in the domain; generalisation
FITTED = 0.9  # accuracy in the domain below which an arm has not learned its task
UNLEARNED = "inconclusive where a seed of either arm ends below .9 in the domain"
DEPTHS_UNLEARNED = "inconclusive where a seed of any depth ends below .9 in the domain"
REVIEWED = "2026-11-29"  # rules read again before any run at laptop was judged
DEPTHS_LEARNED = Change(
    REVIEWED,
    "Depths that have not learned their task decided too: they differ from the others for want of training.",
)


def needs(*experiments: str) -> Needs:
    """The runs of experiments of this study, with their default members."""
    return asks_for(*(f"structural_grokking.{name}" for name in experiments))


def warm_up(run: Readable) -> int:
    """Steps of warm-up of a run's recipe."""
    specification: Mapping[str, Mapping[str, int]] = run.specification(0)  # type: ignore[attr-defined]
    return max(int(specification["training"]["warmup"]), 1)


def trend(steps: Float[np.ndarray, " log"], values: Float[np.ndarray, " log"]) -> float:
    """Spearman's rank correlation of one seed's quantity with the step; 0 where it never moves."""
    return float(scipy.stats.spearmanr(steps, values).statistic) if np.ptp(values) else 0.0


def unfitted(known: str, **arms: Curves) -> Finding | None:
    """The finding where an arm ends with accuracy in the domain below `FITTED`; None where all have learned their task.

    An arm that has not cannot fall short of another for the reason a claim gives.
    """
    for name, table in arms.items():
        end = table.last(known)
        if (end < FITTED).any():
            why = f"The arm {name.replace('_', ' ')!r} has not learned its task."
            return undecided(f"{name.replace('_', ' ')}, in the domain: {listed(end)}", why, seeds=len(end))
    return None


def depths_unfitted(known: str, arms: Mapping[object, Curves]) -> Finding | None:
    """As `unfitted`, for arms by their number of layers."""
    return unfitted(known, **{f"{depth}_layers": table for depth, table in arms.items()})


def more(first: Curves, second: Curves, column: str) -> Estimate:
    """Median difference at the end, first minus second, paired by seed."""
    own, other = same_seeds(first, second)
    return paired_difference(own.last(column), other.last(column)).estimate


def unsaturated(since: Float[np.ndarray, " seed"]) -> Finding | None:
    """The finding where accuracy in the domain has not saturated in every seed; `since` when it did (inf: never)."""
    seen = np.isfinite(since)
    if seen.all():
        return None
    return undecided(f"{counted(int(seen.sum()), 'seed')} saturated", "Too short a run.", seeds=len(since))


def listed(values: Float[np.ndarray, " n"], digits: int = 2) -> str:
    """Numbers for reading, in the order of members."""
    return ", ".join(f"{value:.{digits}f}" for value in values)
