"""Claims on the gradient's two parts through training (21, 22)."""

import numpy as np
import pandas as pd

from latebloom.claims import Evidence, Finding, all_of, at_least, at_most, claim, decide
from latebloom.claims.statistics import median
from latebloom.studies.curves import kept
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER, TRAINED, TUNED, arm, needs

SETTING = (
    "gradients of the training loss over non-embedding weights, mean of four batches, vanilla arm of the text of claim "
    "12; diagonal: states cut"
)
COST = {"laptop": "26 core-minutes"}


def curves(evidence: Evidence, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps at which it was measured, and values [seed, step], of the vanilla arm."""
    frame = arm(kept(evidence.run), past="whole")
    wide: pd.DataFrame = frame.pivot(index="seed", columns="step", values=column).dropna(axis=1)
    return wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)


@claim(
    id="future_tokens.21",
    title="Later losses teach as strongly as the present one",
    statement="The off-diagonal part of the gradient is of the size of the diagonal part throughout training.",
    source=f"{PAPER}, appendix; released notebook",
    published="0.45 to 0.85 of the diagonal part (Pythia 410M)",
    measure=f"norm of the future part over that of the diagonal part, at every step measured; {SETTING}",
    rule="medians over seeds, with their intervals: smallest at least 0.2, largest at most 1.5",
    control="none: a part that did not count would be near 0 and fail by itself",
    fixed=FIXED,
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def same_order(evidence: Evidence) -> Finding:
    """Claim 21."""
    steps, ratio = curves(evidence, "future_over_diagonal")
    lines = {f"{step:g}": {"ratio": float(value)} for step, value in zip(steps, np.median(ratio, 0), strict=True)}
    return all_of(
        {
            "smallest": decide(median(ratio.min(1)), at_least(0.2), extra={"ratio by step": lines}),
            "largest": decide(median(ratio.max(1)), at_most(1.5)),
        }
    )


@claim(
    id="future_tokens.22",
    title="The two parts conflict early and agree weakly later",
    statement="Early in training what later losses ask of a place is opposed to what its own loss asks; later it is "
    "not.",
    source=f"{PAPER}, appendix; released notebook",
    published="cosine -0.48 at step 256, crossing 0 near step 5,000, +0.05 to +0.18 late (Pythia 410M)",
    measure=f"cosine between diagonal and future part, first tenth of training and second half; {SETTING}",
    rule="medians over seeds, with their intervals: smallest cosine of the first tenth at most -0.1; mean of the "
    "second half minus that smallest at least 0",
    control="none: unrelated directions have a cosine near 0 and fail by themselves",
    fixed=FIXED,
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def conflict_then_agree(evidence: Evidence) -> Finding:
    """Claim 22."""
    steps, cosine = curves(evidence, "gradient_cosine")
    early, late = steps <= steps[-1] / 10, steps >= steps[-1] / 2
    lowest = cosine[:, early].min(1)
    lines = {f"{step:g}": {"cosine": float(value)} for step, value in zip(steps, np.median(cosine, 0), strict=True)}
    return all_of(
        {
            "lowest early": decide(median(lowest), at_most(-0.1), extra={"cosine by step": lines}),
            "late minus lowest": decide(median(cosine[:, late].mean(1) - lowest), at_least(0.0)),
        },
        note=f"Mean cosine of the second half {median(cosine[:, late].mean(1))}.",
    )
