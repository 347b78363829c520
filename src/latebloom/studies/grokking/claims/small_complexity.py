"""The claim about local complexity: how the folds near training points come and go."""

import numpy as np
from jaxtyping import Float

from latebloom.claims import Change, Evidence, Finding, Request, all_of, at_least, claim, decide, with_control
from latebloom.claims.statistics import share_of
from latebloom.studies.curves import Curves, curves, running_median
from latebloom.studies.grokking.claims.small_tables import FIXED, Flags, outcomes


def falls_rises_falls(curve: Float[np.ndarray, "member step"]) -> tuple[Flags, np.ndarray]:
    """Whether a curve drops by a tenth, then rises by a tenth, then drops by a tenth, and the place of the peak.

    The peak is the log after the first drop with the largest smaller-of-both-sides ratio: to the lowest point since
    the drop before it, and to the lowest point after it.
    """
    before = np.minimum.accumulate(curve, axis=1)
    after = np.minimum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
    dropped = before <= 0.9 * curve[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.where(dropped, np.minimum(curve / before, curve / after), 0.0)
    peak = np.nan_to_num(height).argmax(1)
    return np.asarray(np.nan_to_num(height).max(1) >= 1.1), peak


@claim(
    id="grokking.53",
    title="Local complexity falls, rises, and falls at the switch",
    statement="The number of folds of the network near its training points falls first, rises while it fits the data, "
    "and falls again with delayed generalisation.",
    source="Humayun et al. 2024, Deep Networks Always Grok and Here is Why, arXiv:2402.15555, as read in a note",
    published="fall, rise, fall; the last fall goes with delayed generalisation",
    measure="neurons that fold within 0.005 of 192 training points, by log-spaced steps, running median of three; nine "
    "seeds of a ReLU network of two hidden layers of 64 on addition mod 47, f 0.6, which memorises, then generalises",
    rule="share of seeds whose curve drops by a tenth, rises by a tenth and drops by a tenth: interval at or above "
    "0.5; and share of seeds whose peak lies between t_mem / 2 and t_gen(0.95): likewise",
    control="the same networks without weight decay, which do not generalise: the last drop must be missing in most "
    "(share of fall, rise, fall not at or above 0.5)",
    fixed=FIXED,
    tag="N",
    scales=("laptop",),
    cost={"laptop": "4 minutes"},
    changes=(
        Change(
            FIXED,
            "Written for one hidden layer. A pilot of two other seeds showed that one layer has no first fall, two "
            "layers do; the source's networks are deep, so two layers are judged and one layer is told in the note.",
        ),
    ),
    needs=lambda scale: (
        Request("grokking.complexity", scale),
        Request("grokking.complexity", scale, ("training.weight_decay=0",)),
        Request("grokking.complexity_one_layer", scale),
    ),
)
def fold_count(evidence: Evidence) -> Finding:
    """The shape of the curve with and without generalisation."""
    table, still, shallow = (curves(run) for run in evidence.runs)
    shown, peak = falls_rises_falls(_folds(table))
    never, _ = falls_rises_falls(_folds(still))
    found = outcomes(table)
    at = table.steps[peak]
    inside = shown & (at >= found.t_mem / 2) & (at <= found.t_gen) & np.isfinite(found.t_gen)
    one = outcomes(shallow)
    return with_control(
        all_of(
            {
                "fall, rise, fall": decide(share_of(shown), at_least(0.5)),
                "peak before the switch": decide(share_of(inside), at_least(0.5)),
            },
            note=f"Folds near training points, median by step: {_told(table)}; {np.isfinite(found.t_gen).sum()} of "
            f"{len(at)} seeds generalised, median t_mem {np.median(found.t_mem):,.0f}, t_gen "
            f"{np.median(found.t_gen):,.0f}. One hidden layer, factored tables: {_told(shallow)}; t_mem "
            f"{np.median(one.t_mem):,.0f}, t_gen {np.median(one.t_gen):,.0f}.",
        ),
        decide(share_of(never), at_least(0.5)),
    )


def _told(table: Curves) -> str:
    """A curve in words: the median over seeds at eight of the logged steps."""
    places = np.linspace(0, len(table.steps) - 1, 8).round().astype(int)
    middle = np.median(_folds(table), axis=0)
    return ", ".join(f"{middle[i]:.2f} ({table.steps[i]:,.0f})" for i in places)


def _folds(table: Curves) -> Float[np.ndarray, "member step"]:
    return running_median(table.of("complexity_train"), 3)
