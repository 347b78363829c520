"""How long nothing is learned: the mixture beside the sparse specialist, where nothing but learning sets the time."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from latebloom.claims import Change, Evidence, Finding, asks_for, claim, counted, undecided, with_control
from latebloom.instruments.plateau import PlateauExit, plateau_exit
from latebloom.studies.curves import paired_networks
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.words import FIXED, GARG, SCALES, most_seeds
from latebloom.studies.model_selection.experiments.linear import MIXTURE, SPARSE
from latebloom.studies.model_selection.experiments.variants import SLOW

if TYPE_CHECKING:
    import pandas

LATER = 1.25  # times as many steps: two arms that learn equally fast differ by less between seeds and logs
Steps = Float[np.ndarray, " seed"]


@claim(
    id="model_selection.24",
    title="The mixture leaves its plateau no later than the specialist",
    statement="Training on several classes at once does not lengthen the time before anything is learned in context.",
    source=f"{GARG}, appendix; Kim et al. 2024, arXiv:2410.05448, as summarised elsewhere",
    published="at d = 10 a plateau is almost absent, at 20 and more it is long (no table)",
    measure="first logged step from which the test loss on sparse functions is below 0.9 of that of answering 0, "
    "mixture and sparse specialist of the same seed, trained without a curriculum and at a rate that rises for a "
    "fortieth of the steps (at paper it does not) and stays",
    rule="in at least two thirds of the seeds the mixture takes at most 1.25 times as many steps; not decided where "
    "the median of either lies within the warm-up or a curriculum, whose steps the recipe sets",
    control="the mixture at a third of the rate in the mixture's place: what is later must be seen to be",
    fixed=FIXED,
    changes=(
        Change(
            "2026-12-01",
            "Coordinates joined every 300 steps for mixture and specialist alike, and both left at step 930, the first "
            "log behind the third rung: the curriculum set the time, and the claim was reproduced (no later in 5 of 5 "
            "seeds) by a tie that it could not have failed. Now without a curriculum, with nine seeds at laptop and a "
            'log every ten steps, and a trained control in place of "a tenth of training earlier", which nobody '
            'claims. "No later" is by a quarter: of two arms that are equally fast either is first in half of the '
            "seeds. Fixed before any such run was trained.",
        ),
    ),
    tag="PN",
    scales=SCALES,
    cost={"laptop": "eight minutes on two cores"},
    needs=asks_for("model_selection.plateau"),
)
def leaves_no_later(evidence: Evidence) -> Finding:
    """Claim 24."""
    arms = networks.arms(evidence.run)
    groups = paired_networks(*(arms[name] for name in (MIXTURE, SPARSE, SLOW)))
    frame, seeds = evidence.run.measurements(), [network.seed for network in groups[0]]
    last = float(frame["step"].max())
    mixed, special, slow = (_exits(frame, name, seeds) for name in (MIXTURE, SPARSE, SLOW))
    told = "; ".join(
        f"{name} {np.median(own.leave):,.0f} ({np.median(own.length):,.0f} of them at the level of answering 0)"
        for name, own in ((MIXTURE, mixed), (SPARSE, special))
    )
    told = f"median step of leaving: {told}"
    recipe = max(network.even_from for group in groups for network in group)
    if min(np.median(mixed.leave), np.median(special.leave)) <= recipe:
        why = f"Up to step {recipe:,.0f} the recipe itself changes: such a time is its own, not that of learning."
        return undecided(f"set by the recipe; {told}", why, seeds=len(seeds))
    found = no_later(mixed.leave, special.leave, last)
    whole = replace(found, measured=f"{found.measured}; {told}")
    control = no_later(slow.leave, special.leave, last)
    return with_control(whole, networks.told_of(f"at a third of the rate, step {np.median(slow.leave):,.0f}", control))


def no_later(own: Steps, other: Steps, last: float) -> Finding:
    """The rule: whether the first leaves by `LATER` times the steps of the second in most seeds; inf is never.

    One that has not left by the `last` step, as it may still be in time, decides nothing.
    """
    unwatched = np.isinf(own) & (LATER * other > last)
    held = np.isfinite(own) & (own <= LATER * other)
    if 3 * held.sum() < 2 * len(own) <= 3 * (held | unwatched).sum():
        stayed = f"in {counted(int(unwatched.sum()), 'seed')} it was not watched for long enough"
        return undecided(stayed, f"Watched for {last:,.0f} steps.", seeds=len(own))
    return most_seeds(held.tolist(), "no later")


def _exits(frame: "pandas.DataFrame", mixture: str, seeds: list[int]) -> PlateauExit:
    own = frame[frame["mixture"] == mixture].pivot(index="seed", columns="step", values="test_sparse_loss")
    own = own.loc[seeds]
    return plateau_exit(own.columns.to_numpy(dtype=float), own.to_numpy(dtype=float), zero_loss=1.0)
