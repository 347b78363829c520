"""Claim on nested brackets."""

import numpy as np

from latebloom.claims import Change, Evidence, Finding, all_of, at_most, claim, counted, decide, undecided
from latebloom.claims.statistics import median
from latebloom.studies.curves import Curves, curves
from latebloom.studies.structural_grokking.claims.tables import (
    FIXED,
    LOGS,
    MURTY,
    REVIEWED,
    TRAINED,
    needs,
    trend,
)

KNOWN = 0.995


@claim(
    id="structural_grokking.09",
    title="Brackets: the gap to held-out structures closes slowly",
    statement="On Dyck strings generalisation to held-out structures rises after accuracy in the domain has saturated, "
    "to near the ceiling; there is no fall to a wrong rule.",
    source=f"{MURTY}, figure 2; {LOGS}",
    published="in the domain / held out: .998 / .943 at 20,000 steps, 1.000 / .984 at 50,000, 1.000 / .999 at 400,000",
    measure="accuracy over all closing brackets, in the domain minus held out, moving average of three logs, from the "
    f"first log with accuracy in the domain >= {KNOWN} on; strings of at most 64 tokens. The published split (by "
    "component, confounded with length) is judged; one matched in length is told in the note",
    rule="the interval over seeds of the median rank correlation of gap and step lies at or below -.7, and that of the "
    "last gap as a share of the first at or below one half",
    fixed=FIXED,
    version=2,
    changes=(
        Change(
            REVIEWED, "Where the first gap is none, or below 0, all of it is left: a gap that never was cannot close."
        ),
    ),
    tag="PD",
    scales=TRAINED,
    cost={"laptop": "25 minutes on two cores", "paper": "10 seeds of 400,000 steps: days on a GPU"},
    needs=needs("dyck"),
)
def gap_closes(evidence: Evidence) -> Finding:
    """Claim 9."""
    arms = curves(evidence.run).arms("split")
    found = closing(arms["component"])
    other = closing(arms["length_matched"]) if "length_matched" in arms else None
    if other is None:
        return found
    return all_of({"as published": found}, note=f"Split matched in length: {other.measured} ({other.verdict}).")


def closing(table: Curves) -> Finding:
    """The rule for one split."""
    inside = table.of("val_closing_any")
    gap = inside - table.of("gen_closing_any")
    falls, left = [], []
    for logged, row, known in zip(np.isfinite(gap), gap, inside, strict=True):
        steps, row, known = table.steps[logged], row[logged], known[logged]  # a member that diverged has fewer logs
        start = np.flatnonzero(known >= KNOWN)
        if not len(start) or len(row) - start[0] < 8:
            continue
        smooth = np.convolve(row[start[0] :], np.full(3, 1 / 3), "valid")
        falls.append(trend(steps[start[0] + 1 : -1], smooth))
        left.append(smooth[-1] / smooth[0] if smooth[0] > 0 else 1.0)
    if len(falls) < 2:
        return undecided(
            f"{counted(len(falls), 'seed')} saturated for eight logs", "Too short a run.", seeds=len(falls)
        )
    end = median(table.last("gen_closing_any"))
    return all_of(
        {
            "correlation": decide(median(falls), at_most(-0.7), extra={"correlations": falls}),
            "gap left": decide(median(left), at_most(0.5), extra={"left": left}),
        },
        note=f"Held-out accuracy at the end {end}.",
    )
