"""Claims on tasks of symbols: multiplication with filler (19, 20), conditioned majorities (29, ours)."""

import numpy as np

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    Region,
    at_least,
    at_most,
    claim,
    decide,
    undecided,
    with_control,
)
from latebloom.claims.statistics import median
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER, TRAINED, arm, last, needs, paired, values

SETTING = "share of products that are right in every digit; laptop: two digits, filled to two or four, 2,500 steps"
COST = {"laptop": "20 core-minutes"}
TUNED = Change(
    "2026-11-30",
    "4e-3 in both arms instead of 2e-3, the best of four rates for the myopic arm (for vanilla all came to the same). "
    "Before, 19 was contradicted (0.010 [-0.050, 0.031]) and 20 reproduced (-0.006 [-0.062, 0.018]). Fixed before "
    "these runs were trained.",
)
CEILING, GROUND = 0.95, 0.02  # beyond these, filler has no room to show anything

LEARNED = 0.05  # nats from the best prediction of a majority


def gain_of_filler(evidence: Evidence, past: str, pass_: Region, ground: float = 0.0) -> Finding:
    """The rule of claims 19 and 20: exact match with filler minus without, seed by seed, where there is room for it."""
    frame = last(evidence.run)
    widths = sorted(set(frame["width"]))
    narrow, wide = paired("exact_match", *(arm(frame, past=past, width=width) for width in (widths[0], widths[-1])))
    told = f"without {median(narrow)}, with {median(wide)}"
    if np.median(narrow) > CEILING:
        return undecided(told, "Without filler the task is solved, so filler cannot help.", seeds=len(narrow))
    if np.median(wide) < ground:
        return undecided(told, "The task is not learned at this size.", seeds=len(narrow))
    gain = median(wide - narrow)
    return decide(gain, pass_, measured=f"{gain} ({told})")


@claim(
    id="future_tokens.19",
    title="Filler zeros help vanilla multiply",
    statement="With zeros after each factor the network has places in which to compute ahead, and gets products right "
    "that it otherwise gets wrong.",
    source=f"{PAPER}, appendix; released notebooks",
    published="0.36 without, 0.99 with five zeros (5 by 5 digits, GPT-2 small)",
    measure=f"vanilla arm with filler minus without, paired by seed; {SETTING}",
    rule="the median over seeds, with its interval, is at least 0.05. Undecided where the median without filler is "
    "above 0.95 or that with filler below 0.02",
    control="none: claim 20 is the other arm",
    fixed=FIXED,
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("multiplication"),
)
def filler_helps(evidence: Evidence) -> Finding:
    """Claim 19."""
    return gain_of_filler(evidence, "whole", at_least(0.05), GROUND)


@claim(
    id="future_tokens.20",
    title="Filler does not help the myopic network",
    statement="Where later losses cannot teach earlier places, zeros after each factor are no help, or hurt.",
    source=f"{PAPER}, appendix; released notebooks",
    published="0.38 without, 0.06 with five zeros",
    measure=f"myopic arm (states cut) with filler minus without, paired by seed; {SETTING}",
    rule="the median over seeds, with its interval, is at most 0.02. Undecided where the median without filler is "
    "above 0.95",
    control="none: claim 19 is the other arm",
    fixed=FIXED,
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("multiplication"),
)
def filler_does_not_help(evidence: Evidence) -> Finding:
    """Claim 20."""
    return gain_of_filler(evidence, "hidden", at_most(0.02))


@claim(
    id="future_tokens.29",
    title="Where a feature pays only later, the cut costs more",
    statement="Counting what follows a symbol needs a feature at places whose own loss rewards nothing; counting all "
    "symbols does not. So the cut costs on the first task and not on the second.",
    source="ours, on the tasks of Rofin et al. 2026, arXiv:2603.14087",
    published="none",
    measure="divergence from the best prediction at the places that say the majority, nats; myopic (states cut) minus "
    "vanilla, paired by seed; loss on those places alone; ten symbols seen, ten said, width 32 (at paper 128); "
    "at laptop vanilla at 4e-3, myopic at 1e-3",
    rule="conditioned majority: the median over seeds, with its interval, is at least 0.02. Undecided where vanilla's "
    "own median divergence there is above 0.05",
    control="plain majority must fail",
    fixed=FIXED,
    changes=(
        Change(
            "2026-11-29",
            "Undecided where vanilla itself has not learned the task: at scale quick (400 steps) both arms stood at "
            "0.15 and 0.16 nats, which says nothing about a cut.",
        ),
        Change(
            "2026-11-30",
            "At laptop each arm has its best rate of those tried on other seeds (4e-3 vanilla, 1e-3 myopic) instead of "
            "2e-3, with which it was reproduced (0.132 [0.126, 0.139]). Fixed before these runs were trained.",
        ),
    ),
    tag="D",
    scales=("quick", *TRAINED),
    cost={"quick": "2 core-minutes", "laptop": "8 core-minutes"},
    needs=needs("majority"),
)
def pays_only_later(evidence: Evidence) -> Finding:
    """Claim 29."""
    frame = last(evidence.run)
    found = []
    level = float(np.median(values(arm(frame, conditioned=True, past="whole"), "excess")))
    for conditioned in (True, False):
        arms = (arm(frame, conditioned=conditioned, past=past) for past in ("hidden", "whole"))
        hidden, whole = paired("excess", *arms)
        found.append((median(hidden - whole, unit="nats"), f"vanilla {median(whole)}, myopic {median(hidden)}"))
    (gap, told), (plain, plainly) = found
    if level > LEARNED:
        return undecided(f"{gap} ({told})", "The vanilla network has not learned the task.", seeds=gap.n, estimate=gap)
    judged = decide(gap, at_least(0.02), measured=f"{gap} ({told})")
    return with_control(judged, decide(plain, at_least(0.02), measured=f"{plain} ({plainly})"))
