"""What changes with the mixture: its weights, a named class, unequal scales, two levels of noise."""

from functools import partial

import numpy as np

from latebloom.claims import Evidence, Finding, all_of, asks_for, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import median, paired_difference, paired_ratio
from latebloom.studies.curves import paired_networks, shared_seeds
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import Network, by_count, curve, curves, prompts
from latebloom.studies.model_selection.claims.references import optimum_curve
from latebloom.studies.model_selection.claims.words import COMPANION, FIXED, MAIN, SCALES, SHAPE, with_linear
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE, weighted
from latebloom.studies.model_selection.experiments.variants import LOUD, NOISES, QUIET

CLASSES = (DENSE, SPARSE)
RARE = weighted(0.01)
RISE = 0.05  # of the error with more pairs: what makes a curve non-monotonic
FOR_THE_OPTIMUM = 40_000  # prompts: taking a dense function for a sparse one is rarely costly and then very


@claim(
    id="model_selection.09",
    title="Weights of a tenth to nine tenths all work",
    statement="The mixture's weight hardly matters as long as no class is rare.",
    source=f"{MAIN}, figure 2",
    published=SHAPE,
    measure="mixtures with 0.1, 0.5 and 0.9 dense functions on the same prompts: largest difference between any two "
    "errors from d pairs on, both classes",
    rule="the median over seeds is at most 0.03",
    control="the mixture with 0.01 dense functions among them, from one pair on",
    fixed=FIXED,
    tag="R",
    scales=SCALES,
    cost={"laptop": "half an hour on two cores beyond claim 1"},
    needs=with_linear("weights"),
)
def weights_hardly_matter(evidence: Evidence) -> Finding:
    """Claim 9."""
    uneven, even = (networks.arms(run) for run in evidence.runs)
    arms = [uneven[weighted(0.1)], even[MIXTURE], uneven[weighted(0.9)]]
    rows = paired_networks(*arms)
    task = rows[0][0].task

    def spread(groups: list[list[Network]], first: int) -> np.ndarray:
        table = np.stack([[curves(group, prompts(task, name)) for group in groups] for name in CLASSES])
        return np.asarray(np.ptp(table, axis=1)[..., first:].max((0, 2)))  # [class, arm, network, place]

    found = median(spread(rows, task.d))
    shown = {
        name: by_count(
            {
                mixture: curves(group, prompts(task, name))
                for mixture, group in zip((weighted(0.1), MIXTURE, weighted(0.9)), rows, strict=True)
            }
        )
        for name in CLASSES
    }
    whole = decide(found, at_most(0.03), extra={f"{name}: error by pairs seen": row for name, row in shown.items()})
    control = median(spread(paired_networks(uneven[RARE], *arms), 1))
    return with_control(whole, decide(control, at_most(0.03), measured=f"with 0.01 dense {control}"))


def local_rise(own: np.ndarray, upto: int) -> np.ndarray:
    """How far curves [network, place] rise above an earlier value within `upto` pairs; 0 if they only fall."""
    kept = own[:, : upto + 1]
    return np.asarray((kept - np.minimum.accumulate(kept, 1)).max(1))


@claim(
    id="model_selection.10",
    title="A rare class is learned along a curve with a hump",
    statement="For a class that was rare in pretraining the error first rises with the number of pairs, then falls.",
    source=f"{COMPANION}, abstract",
    published="non-monotonic curves (no number)",
    measure="mixture with a hundredth of dense functions, on dense prompts: largest rise of the error from fewer "
    "to more pairs, within d; and the error after all pairs; the exact optimum of the same mixture beside it",
    rule="medians over seeds: the rise is at least 0.05, and after all pairs the error is at most half of the first",
    control="the even mixture",
    fixed=FIXED,
    tag="P",
    scales=SCALES,
    cost={"laptop": "none beyond claim 9"},
    needs=with_linear("weights"),
)
def rare_class(evidence: Evidence) -> Finding:
    """Claim 10."""
    uneven, even = (networks.arms(run) for run in evidence.runs)
    task = uneven[RARE][0].task
    asked = prompts(task, DENSE)
    own, plain = curves(uneven[RARE], asked), curves(even[MIXTURE], asked)
    best = optimum_curve(task, DENSE, RARE, FOR_THE_OPTIMUM)
    parts = {
        "rise": decide(median(local_rise(own, task.d)), at_least(RISE)),
        "left after all": decide(median(own[:, -1] / own[:, 0]), at_most(0.5)),
    }
    note = (
        f"The exact optimum rises by {local_rise(best[None], task.d)[0]:.3f} and keeps {best[-1] / best[0]:.2f} of the "
        "first error."
    )
    rows = by_count({"0.01 dense": own, "even mixture": plain, "optimum of 0.01 dense": best})
    whole = all_of(parts, note=note).with_rows({"dense: error by pairs seen": rows})
    control = median(local_rise(plain, task.d))
    return with_control(whole, decide(control, at_least(RISE), measured=f"even mixture: rise {control}"))


@claim(
    id="model_selection.11",
    title="Naming the class removes what the choice costs",
    statement="With a token that names the class, a mixture pays less for not being a specialist.",
    source=f"{COMPANION}, abstract",
    published="naming the family reduces the overhead of selection (no number)",
    measure="mean cost over pairs and both classes (mixture minus specialist), with the class named and without; the "
    "same seeds",
    rule="medians over seeds: the cost without a name is above 0, and with it at most half as large",
    control="the wrong name",
    fixed=FIXED,
    tag="P",
    scales=SCALES,
    cost={"laptop": "10 minutes on two cores beyond claim 1"},
    needs=with_linear("named"),
)
def named_class(evidence: Evidence) -> Finding:
    """Claim 11."""
    named, plain = (networks.arms(run) for run in evidence.runs)
    told, untold, *alone = paired_networks(named[MIXTURE], plain[MIXTURE], plain[DENSE], plain[SPARSE])
    special = dict(zip(CLASSES, alone, strict=True))
    task = untold[0].task

    def cost(kind: str) -> np.ndarray:
        found = []
        for place, name in enumerate(CLASSES):
            asked = prompts(task, name)
            label = {"named": place, "wrong": 1 - place}.get(kind)
            group = untold if kind == "plain" else told
            own = np.stack([curve(partial(n.says, label=label), asked) for n in group])
            found.append((own - curves(special[name], asked)).mean(1))
        return np.asarray(np.mean(found, 0))

    without, given, wrong = (cost(kind) for kind in ("plain", "named", "wrong"))
    parts = {
        "without a name": decide(median(without), at_least(0.0)),
        "named minus half of it": decide(median(given - without / 2), at_most(0.0)),
    }
    note = f"Median costs: {np.median(without):.4f} without a name, {np.median(given):.4f} with it."
    control = median(wrong - without / 2)
    return with_control(all_of(parts, note=note), decide(control, at_most(0.0), measured=f"wrong name {control}"))


@claim(
    id="model_selection.18",
    title="Unequal scales make the choice trivial",
    statement="Where the classes differ in scale one label tells the class, and the choice costs less than between "
    "classes of equal variance.",
    source="ours",
    published="none",
    measure="mean cost over pairs and both classes (mixture minus specialist, over the class's variance), published "
    "scalings minus equal variances, paired by seed; the same difference of the exact optimum beside it",
    rule="the median difference over seeds is below 0",
    control="none trained: there is no network for which the direction is known; the exact optimum's own difference "
    "is told",
    fixed=FIXED,
    tag="E",
    scales=("paper",),  # at laptop it would cost half an hour more than the two hours of the study
    cost={"paper": "as claim 1"},
    needs=with_linear("published_scaling"),
)
def unequal_scales(evidence: Evidence) -> Finding:
    """Claim 18."""
    found: list[dict[int, float]] = []
    exact: list[float] = []
    for run in evidence.runs:
        groups = networks.arms(run)
        mixed, *special = paired_networks(*(groups[name] for name in (MIXTURE, *CLASSES)))
        task = mixed[0].task
        asked = {name: prompts(task, name) for name in CLASSES}
        cost = [
            curves(mixed, asked[name]) - curves(own, asked[name]) for name, own in zip(CLASSES, special, strict=True)
        ]
        best = [optimum_curve(task, name, MIXTURE) - optimum_curve(task, name, name) for name in CLASSES]
        seeds = [network.seed for network in mixed]
        found.append(dict(zip(seeds, np.mean(cost, (0, 2)), strict=True)))
        exact.append(float(np.mean(best)))
    shared = shared_seeds(*found)
    unequal, equal = ([own[seed] for seed in shared] for own in found)
    difference = paired_difference(unequal, equal).estimate
    note = (
        f"Median costs: {np.median(unequal):.4f} unequal, {np.median(equal):.4f} equal; exact optimum "
        f"{exact[0]:.4f} and {exact[1]:.4f}."
    )
    return decide(difference, at_most(0.0), note=note)


@claim(
    id="model_selection.27",
    title="One network serves two levels of noise",
    statement="A network trained on two levels of noise comes near the exact error of each, and a specialist is off on "
    "the other's level.",
    source="Bai, Chen, Wang, Xiong & Mei 2023, arXiv:2306.04637; public plotting code",
    published="both exact errors are approached (deviations 0.1 and 0.5, d = 20; no table)",
    measure="error on labels with their noise, averaged over pairs, mixture over the exact optimum of the same level",
    rule="medians over seeds: both ratios at most 1.1",
    control="the specialist of little noise on much noise, in the mixture's place",
    fixed=FIXED,
    tag="C",
    scales=SCALES,
    cost={"laptop": "a quarter of an hour on two cores"},
    needs=asks_for("model_selection.noise"),
)
def two_levels_of_noise(evidence: Evidence) -> Finding:
    """Claim 27."""
    groups = networks.arms(evidence.run)
    nets, quiet = paired_networks(groups[NOISES], groups[QUIET])
    task = nets[0].task
    variances = dict(zip((QUIET, LOUD), (c.function.noise_variance for c in task.trained.components), strict=True))

    def ratio(group: list[Network], level: str) -> np.ndarray:
        best = optimum_curve(task, level, level).mean() + variances[level]
        return np.asarray((curves(group, prompts(task, level)).mean(1) + variances[level]) / best)

    ones = np.ones(len(nets))
    parts = {
        name: decide(paired_ratio(ratio(nets, level), ones), at_most(1.1))
        for name, level in (("little noise", QUIET), ("much noise", LOUD))
    }
    wrong = paired_ratio(ratio(quiet, LOUD), ones)
    return with_control(
        all_of(parts), decide(wrong, at_most(1.1), measured=f"specialist of little noise on much {wrong}")
    )
