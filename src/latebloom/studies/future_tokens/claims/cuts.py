"""Claims on kinds of cut: keys or states, whole or softened (27, 28; both ours)."""

import numpy as np

from latebloom.claims import Evidence, Finding, all_of, at_least, claim, decide, with_control
from latebloom.claims.statistics import median
from latebloom.studies.future_tokens.claims.tables import FIXED, TRAINED, TUNED, arm, last, needs, paired
from latebloom.studies.future_tokens.experiments.text_variants import KEPT

SETTING = "text as in claim 12"


@claim(
    id="future_tokens.27",
    title="Cutting keys costs at least as much as cutting states",
    statement="Where even the matrices that read the past learn nothing from it, the gap is no smaller.",
    source="ours; both cuts are defined in the source's appendix and in later work",
    published="none",
    measure=f"test loss with keys and values cut minus with states cut, nats, paired by seed; {SETTING}",
    rule="the median over seeds, with its interval, is at least -0.005",
    control="vanilla in place of the arm with keys cut must fail",
    fixed=FIXED,
    changes=(TUNED,),
    tag="D",
    scales=TRAINED,
    cost={"laptop": "26 core-minutes"},
    needs=needs("text"),
)
def keys_cost_more(evidence: Evidence) -> Finding:
    """Claim 27."""
    frame = last(evidence.run)
    keys, hidden, whole = paired("test_loss", *(arm(frame, past=past) for past in ("keys", "hidden", "whole")))
    found, control = (median(own - hidden, unit="nats") for own in (keys, whole))
    note = f"Gap of keys {median(keys - whole)}, of states {median(hidden - whole)}."
    return with_control(decide(found, at_least(-0.005), note=note), decide(control, at_least(-0.005)))


@claim(
    id="future_tokens.28",
    title="A softened cut lies between myopic and vanilla",
    statement="Keeping a share of the past's gradient takes the loss from that of the myopic to that of the vanilla "
    "network.",
    source="ours; the released code has the softened cut",
    published="none",
    measure=f"test loss at shares 0, 0.25, 0.5, 0.75 and 1, nats, paired by seed; {SETTING}",
    rule="medians over seeds, with their intervals: every step down the ladder at least -0.01 (an error's breadth), "
    "and from 0 to 1 at least 0.01",
    control="none: an order turned round would fail by itself",
    fixed=FIXED,
    changes=(TUNED,),
    tag="D",
    scales=TRAINED,
    cost={"laptop": "41 core-minutes, of which 26 are those of `text`"},
    needs=needs("text", "text_softened"),
)
def softened_lies_between(evidence: Evidence) -> Finding:
    """Claim 28."""
    ends, between = (last(run) for run in evidence.runs)
    arms = [arm(ends, past="hidden"), *(arm(between, past_weight=share) for share in KEPT), arm(ends, past="whole")]
    ladder = paired("test_loss", *arms)
    shares = (0.0, *KEPT, 1.0)
    lines = {f"{share:g}": {"test loss": float(np.median(own))} for share, own in zip(shares, ladder, strict=True)}
    whole_way = median(ladder[0] - ladder[-1], unit="nats")
    parts = {"from 0 to 1": decide(whole_way, at_least(0.01), extra={"test loss by share": lines})}
    for low, high, first, second in zip(shares[:-1], shares[1:], ladder[:-1], ladder[1:], strict=True):
        parts[f"{low:g} to {high:g}"] = decide(median(first - second, unit="nats"), at_least(-0.01))
    return all_of(parts)
