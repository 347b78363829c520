"""Claims on instability: over time, and between sets of seeds."""

import numpy as np

from latebloom.claims import Change, Evidence, Finding, all_of, at_least, claim, counted, decide, settle, undecided
from latebloom.claims.statistics import exactly, mean, median, share
from latebloom.instruments.instability import fell_back, share_kept, swings, total_variation
from latebloom.studies.curves import curves
from latebloom.studies.structural_grokking.claims.tables import (
    FIXED,
    HELD_OUT,
    KNOWN,
    LOGS,
    MURTY,
    QIN,
    REVIEWED,
    SATURATED,
    SUCCESS,
    TRAINED,
    listed,
    needs,
    unsaturated,
)

COST = {"laptop": "20 minutes on two cores"}


@claim(
    id="structural_grokking.28",
    title="Generalisation is restless, accuracy in the domain is not",
    statement="Generalisation swings over time and differs between seeds while accuracy in the domain stays put; most "
    "seeds fall back under .5 after they first reached .8.",
    source=f"{QIN}; {LOGS}",
    published="total variation .10 a pair of logs 3,000 of 300,000 steps apart; 12 of 20 seeds fall back (Tense "
    "Inflection: 15 of 19)",
    measure="mean absolute change between neighbouring logs (a 48th of the budget apart at laptop, a 100th as "
    "published), from the first log with accuracy in the domain >= .99 on: that of generalisation, less what going "
    "straight to its lowest value and from there to its last would take, minus five times that of the domain",
    rule="the interval of the median difference over seeds lies at or above .01, a tenth of the published variation; "
    "contradicted if it lies below. How many seeds fall back is told, not judged",
    fixed=FIXED,
    changes=(
        Change(
            REVIEWED,
            "A curve that stands still, or rises once without a swing, passed before: one fall and one rise no longer "
            "count, and 0 is not enough.",
        ),
    ),
    tag="PD",
    scales=TRAINED,
    cost=COST,
    needs=needs("question"),
)
def restless(evidence: Evidence) -> Finding:
    """Claim 28."""
    table = curves(evidence.run)
    since = table.reached(KNOWN, SATURATED, window=1)
    if early := unsaturated(since):
        return early
    steps, gen = table.measured(HELD_OUT)
    after, inside = (np.where(steps >= since[:, None], table.measured(name)[1], np.nan) for name in (HELD_OUT, KNOWN))
    known, swung = total_variation(steps, inside), swings(steps, after)
    if (few := ~np.isfinite(swung - 5 * known)).any():  # a member that diverged
        return undecided(
            f"{counted(int(few.sum()), 'seed')} with too few logs", "Too few logs after saturation.", seeds=len(few)
        )
    fell = int(fell_back(steps, after, SUCCESS, 0.5).sum())
    kept = share_kept(steps, after, SUCCESS)
    told = f"; {median(kept[np.isfinite(kept)])} of later logs stay >= .8" if np.isfinite(kept).any() else ""
    note = f"{share(fell, len(gen))} of seeds fall back under .5{told}. In the domain {median(known)}."
    found = median(swung - 5 * known)
    measured = (
        f"{median(total_variation(steps, after))} a pair, swings {median(swung)}; less the domain's five times {found}"
    )
    return decide(found, at_least(0.01), measured=measured, note=note)


@claim(
    id="structural_grokking.29",
    title="Groups of seeds differ: five cannot tell .68 from .93",
    statement="Mean final generalisation depends on the set of seeds: two groups of ten released ones differ by .25.",
    source=f"notebooks and {LOGS}",
    published="mean final generalisation .929 over the ten seeds that are plotted, .679 over the other ten",
    measure="half of the width of Student's 95 % interval of the mean final generalisation over the seeds at hand",
    rule="at least .125: two groups of this size whose means are .25 apart then have intervals that touch",
    fixed=FIXED,
    tag="D",
    scales=TRAINED,
    cost=COST,
    needs=needs("question"),
)
def seed_sets(evidence: Evidence) -> Finding:
    """Claim 29."""
    end = curves(evidence.run).last(HELD_OUT)
    if len(end) < 3:
        return undecided(counted(len(end), "seed"), "An interval needs seeds.", seeds=len(end))
    middle = mean(end)
    half = exactly((middle.high - middle.low) / 2)
    found = settle(half.value >= 0.125, f"half width {half}", seeds=len(end), estimate=half)
    return all_of({"interval": found}, note=f"Mean {middle}; seeds {listed(end)}. {MURTY} plots ten of twenty seeds.")
