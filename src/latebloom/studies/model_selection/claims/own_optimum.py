"""The sparse specialist beside the exact optimum of its own class: above it inside the class, below it outside.

Any network in whose place another one could stand says nothing of specialists. On both classes the dense specialist is
on the same side of that optimum, and so is a network that answers 0 outside. So both claims ask first whether the
network uses sparsity at all: whether on sparse functions it does what nothing from the dense class does.
"""

from dataclasses import replace

import numpy as np

from latebloom.claims import Change, Evidence, Finding, all_of, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import exactly, median
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import Curve, by_count, curve, prompts, untrained_curves
from latebloom.studies.model_selection.claims.references import HELD_OUT, optimum, optimum_curve
from latebloom.studies.model_selection.claims.selection import COST
from latebloom.studies.model_selection.claims.specialists import errors_on, middle
from latebloom.studies.model_selection.claims.words import FIXED, PANWAR, SCALES, linear
from latebloom.studies.model_selection.experiments.linear import DENSE, SPARSE

APART = 0.05  # of the variance: what counts as far, from the optimum and from the dense class alike
CONTROLLED = "2026-12-01"
USES_SPARSITY = (
    "on sparse functions after d/2 pairs at least 0.05 below the better of two, the dense specialist of the same seed "
    "and the exact optimum of dense functions"
)
AGAIN = (
    "A first form of its control, never judged, was the dense specialist of another seed: differences between seeds, "
    "which sum to nothing whatever was learned. Now it stands beside the exact optimum of dense functions."
)
KNOWN = (
    "This part was fixed before any of its differences was computed. Known were errors averaged over all pairs (the "
    "notes have them: one seed of five is no better than the dense class) and medians after two pairs, by which about "
    "0.08 was to be expected of the median."
)


def below_dense(own: np.ndarray, dense: np.ndarray | None, ridge: Curve, at: int) -> np.ndarray:
    """How far errors [network, place] on sparse functions lie below the best of the dense class, [network].

    That is the smaller error of two: of the dense specialist of the same seed (row), which may have been trained too
    short, and of the exact optimum of dense functions, which may not know how large sparse weights are. Without `dense`
    the second alone: a dense specialist beside itself would differ by nothing, whatever it had learned.
    """
    least = ridge[at] if dense is None else np.minimum(dense[:, at], ridge[at])
    return np.asarray(least - own[:, at])


def by_seed(values: np.ndarray) -> str:
    """One number for each seed, as a note tells it."""
    return ", ".join(f"{value:.3f}" for value in values)


@claim(
    id="model_selection.22",
    title="The sparse specialist is far above the exact optimum",
    statement="Where few pairs suffice to find the support, a network that does use sparsity still needs more: "
    "'near-optimal' is relative to other learners, not to the posterior mean.",
    source=f"ours, from exact enumeration; {PANWAR}",
    published="with 3 of 20 weights after 5 pairs, without noise: trained networks 0.51 to 0.58, optimum 0",
    measure="error of the sparse specialist on sparse prompts after d/2 pairs, against three others on the same "
    "prompts: the dense specialist of the same seed, the exact optimum of dense functions, that of sparse functions",
    rule="medians over seeds: at least 0.05 above the last, and at least 0.05 below the better of the first two (it "
    "uses sparsity)",
    control="the dense specialist in its place, beside the exact optimum of its class; and for the first part the "
    "exact optimum on other prompts: chance in drawing them must not be as much",
    fixed=FIXED,
    changes=(
        Change(
            CONTROLLED,
            "The dense specialist passed as well, as any network does that has not learned to use sparsity. Asked "
            f"besides, at the mark of the claim itself: that the specialist is such a learner. {KNOWN} {AGAIN} The "
            "first part is the whole rule of before, by which the claim was reproduced (0.32 [0.26, 0.38]).",
        ),
    ),
    tag="DE",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def far_above_the_optimum(evidence: Evidence) -> Finding:
    """Claim 22."""
    found, nets = errors_on(evidence, SPARSE)
    task = nets[0].task
    best, ridge = (optimum_curve(task, SPARSE, text) for text in (SPARSE, DENSE))
    at = middle(task)[0]

    def rule(own: np.ndarray, dense: np.ndarray | None) -> Finding:
        return all_of(
            {
                "above the optimum": decide(median(own[:, at] - best[at]), at_least(APART)),
                "below the dense class": decide(median(below_dense(own, dense, ridge, at)), at_least(APART)),
            }
        )

    note = (
        f"After {at} pairs: sparse specialist {np.median(found[SPARSE][:, at]):.3f}, dense specialist "
        f"{np.median(found[DENSE][:, at]):.3f}; exact optimum of dense functions {ridge[at]:.3f}, of sparse "
        f"{best[at]:.3f}. Below the dense class by seed: "
        f"{by_seed(below_dense(found[SPARSE], found[DENSE], ridge, at))}."
    )
    rows = {"sparse specialist": found[SPARSE], "dense specialist": found[DENSE]}
    rows |= {"optimum of sparse": best, "optimum of dense": ridge}
    whole = replace(rule(found[SPARSE], found[DENSE]), note=note, extra={"sparse: error by pairs seen": by_count(rows)})
    whole = with_control(whole, networks.told_of("dense specialist", rule(found[DENSE], None)))
    again = float(curve(optimum(task, SPARSE).prefixes, prompts(task, SPARSE, count=HELD_OUT))[at] - best[at])
    return with_control(
        whole, decide(exactly(again), at_least(APART), measured=f"the optimum, other prompts {again:.3f}")
    )


@claim(
    id="model_selection.23",
    title="On dense functions the sparse specialist beats its optimum",
    statement="Outside its class a network that does use sparsity generalises, and better than the exact posterior "
    "mean of its own training distribution.",
    source=f"ours, from exact enumeration; {PANWAR}",
    published="after 10 pairs, d = 20: trained specialist (3 weights) 0.87, exact optimum of sparse functions 1.2 to "
    "1.4",
    measure="error on dense prompts at each number of pairs from d/2 to 3d/4, minus that of the exact optimum of "
    "sparse functions, and minus that of answering 0, on the same prompts; and whether it uses sparsity: its error on "
    "sparse prompts after d/2 pairs",
    rule=f"medians over seeds: {USES_SPARSITY}; and on dense functions the largest of either difference is below 0",
    control="the dense specialist, beside the exact optimum of its class, and the network before training in its "
    "place; and for the difference to its optimum the same on sparse prompts, where nothing can beat that optimum",
    fixed=FIXED,
    changes=(
        Change(
            CONTROLLED,
            "The dense specialist passed as well, and at the published size one that answers 0 would: the optimum has "
            f"1.2 to 1.4 there. Asked besides: that the specialist uses sparsity. {KNOWN} {AGAIN} And that it is "
            "better than answering 0. The difference to its optimum is the whole rule of before, by which the claim "
            "was reproduced (-0.53 [-0.67, -0.36]).",
        ),
    ),
    tag="DE",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def beats_its_optimum(evidence: Evidence) -> Finding:
    """Claim 23."""
    outside, nets = errors_on(evidence, DENSE)
    inside, _ = errors_on(evidence, SPARSE)
    task = nets[0].task
    best, own_best = (optimum_curve(task, text, SPARSE) for text in (DENSE, SPARSE))
    ridge = optimum_curve(task, SPARSE, DENSE)
    asked = {name: prompts(task, name) for name in (DENSE, SPARSE)}
    nothing = curve(lambda x, y: 0 * y, asked[DENSE])
    chosen = middle(task)

    def rule(on_dense: np.ndarray, on_its_own: np.ndarray, dense: np.ndarray | None) -> Finding:
        above = {"to its optimum": on_dense - best, "to answering 0": on_dense - nothing}
        learner = median(below_dense(on_its_own, dense, ridge, chosen[0]))
        return all_of(
            {name: decide(median(each[:, chosen].max(1)), at_most(0.0)) for name, each in above.items()}
            | {"below the dense class on sparse functions": decide(learner, at_least(APART))}
        )

    note = (
        f"On dense functions after {chosen[0]} to {chosen[-1]} pairs: sparse specialist "
        f"{by_seed(np.median(outside[SPARSE][:, chosen], 0))}; its optimum {by_seed(best[chosen])}; dense specialist "
        f"{by_seed(np.median(outside[DENSE][:, chosen], 0))}. Below the dense class on sparse functions by seed: "
        f"{by_seed(below_dense(inside[SPARSE], inside[DENSE], ridge, chosen[0]))}."
    )
    rows = {"sparse specialist": outside[SPARSE], "dense specialist": outside[DENSE], "optimum of sparse": best}
    own = rule(outside[SPARSE], inside[SPARSE], inside[DENSE])
    whole = replace(own, note=note, extra={"dense: error by pairs seen": by_count(rows)})
    first = [untrained_curves(nets, asked[name]) for name in (DENSE, SPARSE)]
    whole = with_control(whole, networks.told_of("dense specialist", rule(outside[DENSE], inside[DENSE], None)))
    whole = with_control(whole, networks.told_of("untrained", rule(first[0], first[1], inside[DENSE])))
    within = median((inside[SPARSE] - own_best)[:, chosen].max(1))
    return with_control(whole, decide(within, at_most(0.0), measured=f"on sparse functions {within}"))
