"""Claims on the main run: saturated in the domain, then the linear rule, then the hierarchical one."""

import numpy as np

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    at_least,
    at_most,
    between,
    claim,
    counted,
    decide,
    settle,
    undecided,
)
from latebloom.claims.statistics import Estimate, median, share_of
from latebloom.instruments.events import own_logs
from latebloom.instruments.instability import dip
from latebloom.studies.curves import Curves, curves, median_time
from latebloom.studies.structural_grokking.claims.tables import (
    FIXED,
    HELD_OUT,
    KNOWN,
    LOGS,
    MURTY,
    REVIEWED,
    SATURATED,
    SUCCESS,
    TRAINED,
    listed,
    needs,
    unsaturated,
    warm_up,
)

COST = {"laptop": "20 minutes on two cores", "paper": "10 seeds of 300,000 steps: days on a GPU"}


@claim(
    id="structural_grokking.01",
    title="Question Formation: accuracy in the domain comes first",
    statement="With six layers accuracy in the domain is at 1.00 early, before generalisation reaches one half.",
    source=f"{MURTY}, figure 2; {LOGS}",
    published="accuracy in the domain 1.000 at step 6,000 in all 20 seeds; generalisation .04 there, .57 at 12,000",
    measure="first log with first-word accuracy in the domain >= .99, and first later log with generalisation >= .5 "
    "(first word among the four auxiliaries); the second minus the first, a seed that does not get there counting as "
    "its last step",
    rule="the interval of the median lead over seeds lies above 0 steps",
    fixed=FIXED,
    tag="D",
    scales=("quick", *TRAINED),
    cost={"quick": "3 minutes on two cores", **COST},
    needs=needs("question"),
)
def in_domain_first(evidence: Evidence) -> Finding:
    """Claim 1."""
    table = curves(evidence.run)
    known = table.reached(KNOWN, SATURATED, window=1)
    if not np.isfinite(known).all():
        return undecided(
            f"{int(np.isfinite(known).sum())} of {len(known)} seeds saturate", "Too short a run.", seeds=len(known)
        )
    later = np.where(table.steps >= known[:, None], table.of(HELD_OUT), np.nan)
    at = np.where(later >= 0.5, table.steps, np.inf).min(1)
    last = own_logs(table.steps, table.of(HELD_OUT)).last_step  # a member that diverged ends before the others
    lead = np.where(np.isfinite(at), at, last) - known
    found = decide(median(lead, unit="steps"), at_least(1), extra={"known": known.tolist(), "half": at.tolist()})
    early = (table.of(HELD_OUT) >= 0.5) & (table.steps < known[:, None])
    sooner = counted(int(early.any(1).sum()), "seed")
    note = f"Saturated at {median(known, unit='steps')}; {sooner} reached .5 before that."
    return all_of({"lead": found}, note=note)


def lowest(table: Curves) -> tuple[np.ndarray, np.ndarray]:
    """Step and value of the lowest generalisation while saturated, before it first reaches .8."""
    success = first_success(table)
    low = dip(table.steps, table.of(HELD_OUT), table.of(KNOWN), SATURATED, until=success)
    return low.step, low.value


def first_success(table: Curves) -> np.ndarray:
    """First log with generalisation >= .8 while saturated; the last step where there is none."""
    good = (table.of(HELD_OUT) >= SUCCESS) & (table.of(KNOWN) >= SATURATED)
    return np.where(good.any(1), table.steps[good.argmax(1)], table.steps[-1])


@claim(
    id="structural_grokking.02",
    title="Question Formation: a phase of the linear rule",
    statement="When accuracy in the domain has saturated, networks front the first auxiliary: generalisation is near "
    "0, below where it was before.",
    source=LOGS,
    published="mean .323 at step 3,000, .038 at 6,000; below .10 by 9,000 in 18 of 20 seeds",
    measure="lowest generalisation at a log with accuracy in the domain >= .99, before the first log >= .8; and the "
    "share of withheld questions whose likeliest first word is the first auxiliary, at that log",
    rule="the interval of the median lowest generalisation lies at or below .15, and that of the median share of first "
    "auxiliaries at or above .85",
    fixed=FIXED,
    tag="D",
    scales=("quick", *TRAINED),
    cost={"quick": "3 minutes on two cores", **COST},
    needs=needs("question"),
)
def linear_phase(evidence: Evidence) -> Finding:
    """Claim 2."""
    table = curves(evidence.run)
    step, value = lowest(table)
    there = np.isfinite(value)
    if there.sum() < 2:
        return undecided(
            f"{counted(int(there.sum()), 'seed')} saturated", "Too few seeds saturated.", seeds=int(there.sum())
        )
    front = table.at_times("gen_first_auxiliary", step)
    return all_of(
        {
            "lowest": decide(median(value[there]), at_most(0.15), extra={"value": value[there].tolist()}),
            "first auxiliary": decide(median(front[there]), at_least(0.85), extra={"share": front[there].tolist()}),
        },
        note=f"Lowest at {median(step[there], unit='steps')}; lowest values {listed(value[there])}.",
    )


@claim(
    id="structural_grokking.03",
    title="Question Formation: generalisation rises after saturation",
    statement="Generalisation rises long after accuracy in the domain has saturated, to near perfect in several seeds.",
    source=f"{MURTY}, section 3.1 and figure 2; {LOGS}",
    published="mean at the end .93 over the ten seeds of the paper, .80 over all twenty; median .954",
    measure="largest generalisation of each seed from the first log with accuracy in the domain >= .99 on, and that "
    "minus generalisation at that log",
    rule="the interval of the median largest generalisation lies at or above .8, and that of the median rise at or "
    "above .4",
    control="two layers never generalise (structural_grokking.14)",
    fixed=FIXED,
    version=2,
    changes=(
        Change(REVIEWED, "The largest value counts from saturation on: what was high before it is no rise after it."),
    ),
    tag="PD",
    scales=TRAINED,
    cost=COST,
    needs=needs("question"),
)
def late_rise(evidence: Evidence) -> Finding:
    """Claim 3."""
    table = curves(evidence.run)
    known = table.reached(KNOWN, SATURATED, window=1)
    if early := unsaturated(known):
        return early
    held_out = table.of(HELD_OUT)
    top = np.nanmax(np.where(table.steps >= known[:, None], held_out, -np.inf), axis=1)
    start, last = table.at_times(HELD_OUT, known), table.last(HELD_OUT)
    wide = median(table.last("gen_first_word_any"))
    return all_of(
        {
            "largest": decide(median(top), at_least(SUCCESS), extra={"top": top.tolist()}),
            "rise": decide(median(top - start), at_least(0.4), extra={"rise": (top - start).tolist()}),
        },
        note=f"At the end {median(last)} ({listed(last)}); among all words, not only auxiliaries, {wide}.",
    )


@claim(
    id="structural_grokking.04",
    title="Question Formation: when generalisation passes 80 %",
    statement="Generalisation first reaches .8 at a median of 22,500 steps, between 9,000 and 63,000.",
    source=LOGS,
    published="median 22,500 steps over 20 seeds, range 9,000 to 63,000, all 20 cross; warm-up 10,000",
    measure="first log with generalisation >= .8 once accuracy in the domain is >= .99, in units of the recipe's "
    "warm-up, so that a shorter recipe can be compared",
    rule="the interval of the median over seeds, censored where it did not happen, lies in .9 to 6.3 warm-ups (9,000 "
    "to 63,000 steps in the published recipe)",
    fixed=FIXED,
    tag="D",
    scales=TRAINED,
    cost=COST,
    needs=needs("question"),
)
def crossing_time(evidence: Evidence) -> Finding:
    """Claim 4."""
    table = curves(evidence.run)
    good = (table.of(HELD_OUT) >= SUCCESS) & (table.of(KNOWN) >= SATURATED)
    at = np.where(good.any(1), table.steps[good.argmax(1)], np.inf)
    time, unit = median_time(table, at, HELD_OUT), warm_up(evidence.run)
    limit = None if time.limit is None else time.limit / unit
    scaled = Estimate(time.value / unit, time.low / unit, time.high / unit, time.n, "warm-ups", limit)
    crossed = share_of(np.isfinite(at))
    note = f"{time}; {crossed} of seeds cross."
    return decide(scaled, between(0.9, 6.3), note=note, extra={"steps": at.tolist()})


@claim(
    id="structural_grokking.08",
    title="Some seeds generalise almost perfectly",
    statement="Several seeds reach near-perfect generalisation at some time.",
    source=f"{MURTY}, section 1; {LOGS}",
    published="19 of 20 seeds touch .99 on Question Formation, 10 of 20 on Tense Inflection",
    measure="largest generalisation of each seed of Question Formation at six layers",
    rule="at least one of five or more seeds reaches .95",
    fixed=FIXED,
    tag="D",
    scales=TRAINED,
    cost=COST,
    needs=needs("question"),
)
def some_perfect(evidence: Evidence) -> Finding:
    """Claim 8."""
    table = curves(evidence.run)
    top = table.highest(HELD_OUT)
    many = share_of(top >= 0.95)
    note = f"{share_of(top >= 0.99)} of seeds reach .99."
    told = f"{many} of seeds reach .95; largest values {listed(top)}"
    return settle(bool((top >= 0.95).any()), told, seeds=len(top), estimate=many, note=note)


@claim(
    id="structural_grokking.13",
    title="Training loss is flat while generalisation rises",
    statement="On Question Formation the training loss is flat from about step 10,000, while generalisation changes "
    "most.",
    source=f"{MURTY}, appendix D and figure 5",
    published="flat from about 10,000 steps; no number printed",
    measure="training loss without dropout (mean over three logs) at the last log with generalisation <= .2 after "
    "saturation and at the first later one >= .8; relative change, one value a seed",
    rule="the interval of the median change lies within -2 to 2 %; contradicted if it lies outside",
    fixed=FIXED,
    changes=(Change(REVIEWED, "Flat is neither fallen nor risen: a rise of any size passed before."),),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("question"),
)
def flat_loss(evidence: Evidence) -> Finding:
    """Claim 13."""
    table = curves(evidence.run)
    steps, loss = table.measured("train_loss")
    gen, known = table.of(HELD_OUT), table.of(KNOWN)
    falls = []
    for own, held, inside in zip(loss, gen, known, strict=True):
        saturated = np.flatnonzero(inside >= SATURATED)
        low = saturated[held[saturated] <= 0.2] if len(saturated) else saturated
        up = np.flatnonzero((held >= SUCCESS) & (np.arange(len(held)) > (low[0] if len(low) else len(held))))
        if len(up):
            before = low[low < up[0]][-1]
            first, second = (_smooth(own, steps, table.steps[at]) for at in (before, up[0]))
            falls.append(100 * (1 - second / first))
    if len(falls) < 2:
        return undecided(f"{counted(len(falls), 'seed')} rose from .2 to .8", "Too few seeds rise.", seeds=len(falls))
    return decide(median(falls, unit="%"), between(-2, 2), extra={"falls": falls})


def _smooth(values: np.ndarray, steps: np.ndarray, step: float) -> float:
    """Mean of the three logs around a step."""
    at = int(np.searchsorted(steps, step))
    return float(np.nanmean(values[max(at - 1, 0) : at + 2]))
