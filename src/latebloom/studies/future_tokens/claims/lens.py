"""Claims on what one state tells of later tokens, in both arms (23, 24, 25)."""

import numpy as np
import pandas as pd

from latebloom.claims import Evidence, Finding, all_of, at_least, between, claim, decide, with_control
from latebloom.claims.statistics import equivalence, median
from latebloom.studies.future_tokens.claims.tables import FIXED, TRAINED, TUNED, arm, last, needs, paired, values

LENS = "Pal et al. 2023, arXiv:2311.04897"
SETTING = (
    "linear maps of a state to the last layer's state N places on, fitted by divergence, Precision@1 against the "
    "network's own choice on other sequences; text of claim 12 (three layers)"
)
COST = {"laptop": "26 core-minutes"}


def middle(frame: pd.DataFrame, ahead: int) -> np.ndarray:
    """Precision of the best layer between embedding and last block, one value a seed."""
    return values(frame, f"lens_{ahead}")[:, 1:-1].max(1)


@claim(
    id="future_tokens.23",
    title="A middle state foretells the token after the next",
    statement="One hidden state in the middle of a network tells more about the token beyond the next than the present "
    "token does, and no less than a state of the last layer.",
    source=f"{LENS}, section 4",
    published="48 % (soft prompt), 29 % (linear), 20 % (bigram) at N = 1; best in the middle",
    measure="vanilla arm; best middle layer minus the table of present token and choice, and minus the last layer, N "
    f"= 1; {SETTING}",
    rule="medians over seeds, with their intervals: at least 0.02 over the table, at least 0 over the last layer",
    control="the embedding in place of the middle layer must fail the first",
    fixed=FIXED,
    changes=(TUNED,),
    tag="PC",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def middle_foretells(evidence: Evidence) -> Finding:
    """Claim 23."""
    frame = arm(last(evidence.run), past="whole")
    best, table = middle(frame, 1), values(frame, "lens_bigram_1")
    layers = values(frame, "lens_1")
    parts = {
        "over the table": decide(median(best - table), at_least(0.02)),
        "over the last layer": decide(median(best - layers[:, -1]), at_least(0.0)),
    }
    by_layer = {
        str(number): {f"N = {ahead}": float(np.median(values(frame, f"lens_{ahead}")[:, number])) for ahead in range(4)}
        for number in range(layers.shape[1])
    }
    note = (
        f"Precision: middle {median(best)}, table {median(table)}, table after the choice made here "
        f"{median(values(frame, 'lens_chain_1'))}."
    )
    found = all_of(parts, note=note)
    found = found.with_rows({"precision by layer": by_layer})
    return with_control(found, decide(median(layers[:, 0] - table), at_least(0.02)))


@claim(
    id="future_tokens.24",
    title="What can be foretold linearly falls off fast",
    statement="A linear map foretells less and less, the further on the token is.",
    source=f"{LENS}, section 4",
    published="29, 19, 16 % at N = 1, 2, 3",
    measure=f"vanilla arm, best middle layer, N = 1, 2, 3; {SETTING}",
    rule="medians over seeds, with their intervals: both differences, N = 1 minus 2 and N = 2 minus 3, at least 0",
    control="none: precision that did not fall would fail by itself",
    fixed=FIXED,
    changes=(TUNED,),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def foretelling_falls(evidence: Evidence) -> Finding:
    """Claim 24."""
    frame = arm(last(evidence.run), past="whole")
    found = {ahead: middle(frame, ahead) for ahead in (1, 2, 3)}
    parts = {
        f"N = {ahead} minus {ahead + 1}": decide(median(found[ahead] - found[ahead + 1]), at_least(0.0))
        for ahead in (1, 2)
    }
    return all_of(parts, note="Precision: " + ", ".join(f"N = {n} {median(own)}" for n, own in found.items()) + ".")


@claim(
    id="future_tokens.25",
    title="Myopic states foretell as well: breadcrumbs",
    statement="If what can be read of later tokens is a by-product of predicting the next one, it can be read as well "
    "in a network that was never taught by later losses.",
    source="ours; the question that Wu et al. 2024 put to Future Lens",
    published="none",
    measure=f"Precision@1 of the best middle layer at N = 1, myopic minus vanilla, paired by seed; {SETTING}",
    rule="equivalence: the 95 % interval of the mean difference lies within ±0.03",
    control="the embedding of the vanilla network in place of the myopic middle layer must lie outside",
    fixed=FIXED,
    changes=(TUNED,),
    tag="D",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def both_foretell(evidence: Evidence) -> Finding:
    """Claim 25."""
    frame = last(evidence.run)
    whole, hidden = (arm(frame, past=past) for past in ("whole", "hidden"))
    found, told = {}, []
    for ahead in (1, 2, 3):
        plain, cut = (table[:, 1:-1].max(1) for table in paired(f"lens_{ahead}", whole, hidden))
        found[ahead] = equivalence(cut, plain, 0.03, paired=True).estimate
        told.append(f"N = {ahead} {found[ahead]}")
    embedded = equivalence(values(whole, "lens_1")[:, 0], middle(whole, 1), 0.03, paired=True).estimate
    judged = decide(found[1], between(-0.03, 0.03), note=f"Myopic minus vanilla: {'; '.join(told)}.")
    return with_control(judged, decide(embedded, between(-0.03, 0.03)))
