"""Claims on text: how much the cut costs, what the present gave up, where in a sequence (12 to 15)."""

import numpy as np
import torch

from latebloom.claims import Evidence, Finding, all_of, at_least, at_most, between, claim, decide, with_control
from latebloom.claims.statistics import equivalence, median, rank_correlation
from latebloom.instruments.myopia import myopia, recovered_context
from latebloom.studies.future_tokens.claims.tables import FIXED, PAPER, TRAINED, TUNED, arm, last, needs, paired

COST = {"laptop": "38 core-minutes"}
SETTING = (
    "characters of Shakespeare's plays, three layers of width 64, 64 places, 1,000 steps at 8e-3, the best "
    "rate of both arms; paired by seed, same test windows"
)
STRETCHES = 8  # of equal length, over which gaps by place are averaged before they are ranked


def losses(evidence: Evidence, *pasts: str) -> list[np.ndarray]:
    """Test losses of arms of the first run, seed by seed."""
    frame = last(evidence.runs[0])
    return paired("test_loss", *(arm(frame, past=past) for past in pasts))


def best_rates(evidence: Evidence) -> str:
    """Which of the tried rates was best in each arm, and the gap at the best of each, in words."""
    frame = last(evidence.runs[1])
    told, lowest = [], {}
    for past in ("whole", "hidden"):
        means = arm(frame, past=past).groupby("lr")["test_loss"].mean()
        lowest[past] = float(means.min())
        told.append(f"{past} {means.idxmin():g} ({means.min():.3f})")
    gap = lowest["hidden"] - lowest["whole"]
    return f"Best of the rates tried on other seeds: {', '.join(told)}; the gap between these is {gap:.3f}."


@claim(
    id="future_tokens.12",
    title="On text the myopia gap is small",
    statement="A language model whose later losses cannot teach earlier places loses little.",
    source=f"{PAPER}, section 5.1",
    published="3.40 - 3.28 = 0.12 nats a token (GPT-2 small, MS MARCO), 6 % of what the past is worth",
    measure=f"test loss with states cut minus vanilla, nats a token; as a share of bigram minus vanilla; {SETTING}",
    rule="medians over seeds, with their intervals: gap between 0 and 0.25, share at most 0.1",
    control="the bigram arm in place of the myopic one must fail the first",
    fixed=FIXED,
    changes=(TUNED,),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("text", "text_rates"),
)
def gap_is_small(evidence: Evidence) -> Finding:
    """Claim 12."""
    whole, hidden, zeroed = losses(evidence, "whole", "hidden", "zeroed")
    parts = {
        "gap": decide(median(hidden - whole, unit="nats"), between(0.0, 0.25)),
        "share of the past's worth": decide(median((hidden - whole) / (zeroed - whole)), at_most(0.1)),
    }
    recovered = median([float(recovered_context(*own)) for own in zip(whole, hidden, zeroed, strict=True)])
    note = (
        f"Losses: vanilla {median(whole)}, myopic {median(hidden)}, bigram {median(zeroed)}; the myopic network has "
        f"{recovered} of what the past is worth. {best_rates(evidence)}"
    )
    control = decide(median(zeroed - whole), between(0.0, 0.25))
    return with_control(all_of(parts, note=note), control)


@claim(
    id="future_tokens.13",
    title="The present gives up almost nothing for later",
    statement="With vanilla's past frozen, training the present alone gains hardly anything: the local myopia bonus is "
    "near zero.",
    source=f"{PAPER}, section 5.1",
    published="3.28 - 3.26 = 0.02 nats (arms of different batch size and steps)",
    measure="both begin at the vanilla network and go on for 400 steps at a quarter of the rate: all of it, or its "
    f"present on the frozen past. Test loss of the first minus the second (bonus), paired by seed; {SETTING}",
    rule="equivalence: the 95 % interval of the mean bonus lies within ±0.03",
    control="the bigram arm minus vanilla in place of the bonus must lie outside",
    fixed=FIXED,
    changes=(TUNED,),
    tag="P",
    scales=TRAINED,
    cost={"laptop": "33 core-minutes"},
    needs=needs("text_on", "text"),
)
def bonus_is_near_zero(evidence: Evidence) -> Finding:
    """Claim 13."""
    on, begun = (last(run) for run in evidence.runs)
    rows = [arm(on, past="whole"), arm(on, past="teacher_hidden")]
    vanilla, local = paired("test_loss", *rows)
    bonus = equivalence(vanilla, local, 0.03, paired=True, unit="nats").estimate
    start, whole, hidden, zeroed = paired(
        "test_loss", *(arm(begun, past=p) for p in ("whole", "whole", "hidden", "zeroed"))
    )
    note = (
        f"Before going on, vanilla was at {median(start)}: the present alone came to {median(local)}, all of it to "
        f"{median(vanilla)}. Gap + bonus (malus): {median(hidden - whole)} + {median(vanilla - local)}."
    )
    control = equivalence(zeroed, whole, 0.03, paired=True, unit="nats").estimate
    return with_control(decide(bonus, between(-0.03, 0.03), note=note), decide(control, between(-0.03, 0.03)))


@claim(
    id="future_tokens.14",
    title="The past matters far more than planning",
    statement="What a network loses without any past is many times what it loses without preparation for later.",
    source=f"{PAPER}, section 5.1",
    published="bigram 5.33, myopic 3.40, vanilla 3.28: 1.93 against 5 x 0.12",
    measure=f"(bigram - myopic) - 5 (myopic - vanilla), test losses in nats, states cut; {SETTING}",
    rule="the median over seeds, with its interval, is at least 0",
    control="the arm with keys and values cut in place of the bigram must fail",
    fixed=FIXED,
    changes=(TUNED,),
    tag="P",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def past_matters_more(evidence: Evidence) -> Finding:
    """Claim 14."""
    whole, hidden, keys, zeroed = losses(evidence, "whole", "hidden", "keys", "zeroed")
    found, control = (median(other - hidden - 5 * (hidden - whole), unit="nats") for other in (zeroed, keys))
    return with_control(decide(found, at_least(0.0)), decide(control, at_least(0.0)))


def gaps_by_place(evidence: Evidence, past: str = "hidden") -> np.ndarray:
    """Loss of an arm minus vanilla at each place, [seed, pos]."""
    frame = last(evidence.runs[0])
    whole, own = paired("loss_by_place", arm(frame, past="whole"), arm(frame, past=past))

    return myopia(torch.from_numpy(whole), torch.from_numpy(own)).gap.by_place.numpy()


def rising(gaps: np.ndarray) -> list[float]:
    """Rank correlation of the gap with place, over stretches of equal length, for each seed."""
    parts = np.stack([part.mean(1) for part in np.array_split(gaps, min(STRETCHES, gaps.shape[1]), axis=1)], 1)
    order = np.arange(parts.shape[1])
    return [rank_correlation(order, row).estimate.value for row in parts]


@claim(
    id="future_tokens.15",
    title="Myopic wins at the first place and loses later",
    statement="Without a past the myopic network is better, since it prepares nothing; the gap grows along the "
    "sequence.",
    source=f"{PAPER}, section 5.1; figure on PG-19",
    published="-0.10 at place 0, +0.02 at 1, +0.04 at 2, +0.08 at 10, +0.117 at 62",
    measure="test loss of the myopic arm minus vanilla by place; rank correlation with place over eight equal "
    f"stretches in each seed; {SETTING}",
    rule="medians over seeds, with their intervals: gap at place 0 at most 0, mean gap from place 4 on at least 0, "
    "rank correlation at least 0.8",
    control="none: a gap that were the same everywhere would fail by itself",
    fixed=FIXED,
    changes=(TUNED,),
    tag="C",
    scales=TRAINED,
    cost=COST,
    needs=needs("text"),
)
def wins_first_loses_later(evidence: Evidence) -> Finding:
    """Claim 15."""
    gaps = gaps_by_place(evidence)
    lines = {str(place): {"gap": float(value)} for place, value in enumerate(np.median(gaps, 0))}
    parts = {
        "place 0": decide(median(gaps[:, 0], unit="nats"), at_most(0.0), extra={"gap by place": lines}),
        "from place 4 on": decide(median(gaps[:, 4:].mean(1), unit="nats"), at_least(0.0)),
        "rank correlation with place": decide(median(rising(gaps)), at_least(0.8)),
    }
    return all_of(parts)
