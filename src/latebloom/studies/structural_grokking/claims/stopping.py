"""Claims on early stopping: what is lost when training ends where accuracy in the domain says it may."""

import numpy as np

from latebloom.claims import Evidence, Finding, all_of, at_least, claim, counted, decide, undecided
from latebloom.claims.statistics import median
from latebloom.instruments.stopping import compare
from latebloom.studies.curves import Curves, curves
from latebloom.studies.structural_grokking.claims.tables import FIXED, LOGS, MURTY, QUESTION, TENSE, TRAINED, needs

RULE = (
    "for each of three stopping rules (first log >= .99; first maximal log; best log with patience of five logs) the "
    "interval of the median loss over seeds lies at or above .3"
)
MEASURE = (
    "generalisation at the last log minus that at the log which a rule keeps; the rules watch accuracy in the domain"
)


def lost(table: Curves, known: str, held_out: str) -> Finding:
    """The rule of both claims."""
    steps, inside = table.measured(known)
    outside = table.of(held_out)[:, np.isin(table.steps, steps)]
    parts = {}
    end = table.last(held_out)
    for name, kept in compare(steps, inside, outside).items():
        there = np.isfinite(kept.value)
        if name == "last":
            continue
        if there.sum() < 2:
            return undecided(
                f"{name}: stops {counted(int(there.sum()), 'seed')}", "Too short a run.", seeds=int(there.sum())
            )
        loss = median((end - kept.value)[there])
        told = f"{loss} (keeps {median(kept.value[there])} at {median(kept.step[there], unit='steps')})"
        parts[name] = decide(loss, at_least(0.3), measured=told, extra={"step": kept.step.tolist()})
    return all_of(parts, note=f"At the end {median(end)}.")


@claim(
    id="structural_grokking.05",
    title="Early stopping understates generalisation: questions",
    statement="On Question Formation, stopping early on accuracy in the domain understates generalisation by far.",
    source=f"{MURTY}, section 3.1 and figure 2; {LOGS}",
    published="about 35 % (figure) or 5 to 7 % (first log of maximal accuracy in the domain) against about 92 % at the "
    "end",
    measure=MEASURE,
    rule=RULE,
    fixed=FIXED,
    tag="PD",
    scales=TRAINED,
    cost={"laptop": "20 minutes on two cores"},
    needs=needs("question"),
)
def questions(evidence: Evidence) -> Finding:
    """Claim 5."""
    return lost(curves(evidence.run), *QUESTION)


@claim(
    id="structural_grokking.06",
    title="Early stopping understates generalisation: tense",
    statement="On Tense Inflection, stopping early on accuracy in the domain understates generalisation by far.",
    source=f"{MURTY}, section 3.1 and figure 2; {LOGS}",
    published="under 50 % against about 80 %; in the logs .22 to .25 (first log >= .99) or .55 (first maximal log) "
    "against .84",
    measure=MEASURE + "; the main verb when the words before it are given",
    rule=RULE,
    fixed=FIXED,
    tag="PD",
    scales=TRAINED,
    cost={"laptop": "20 minutes on two cores"},
    needs=needs("tense"),
)
def tense(evidence: Evidence) -> Finding:
    """Claim 6."""
    return lost(curves(evidence.run), *TENSE)
