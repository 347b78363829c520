"""Lines and sinusoids, and their convex combinations: inside the mixture and between its classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from latebloom.claims import Change, Evidence, Finding, all_of, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import Estimate, crossed_median, crossed_ratio
from latebloom.instruments.icl_curve import icl_curve
from latebloom.instruments.prompt_sweeps import LINE_SHARES
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import Network, Predict, by_count, curve, curves, errors, prompts
from latebloom.studies.model_selection.claims.references import optimum
from latebloom.studies.model_selection.claims.words import (
    FIXED,
    FLOOR,
    MAIN,
    OVER_PROMPTS,
    SCALES,
    SEEDS_AND_PROMPTS,
    SHAPE,
    testbed,
)
from latebloom.studies.model_selection.experiments.testbed import COMBINED, LINE, MIXTURE, SINUSOID
from latebloom.tasks import InContextFunctions

COST = {"laptop": "35 minutes on two cores, shared by all claims about lines and sinusoids"}
HALF = LINE_SHARES.index(0.5)


def combination(share: float) -> str:
    """Share of the line in line + (1 - share) sinusoid, as the task writes it."""
    return f"{LINE}~{SINUSOID}:share={share:g}"


@dataclass(frozen=True)
class Tails:
    """Errors after all pairs, over the variance of the evaluated functions; "erratic" is a statement about tails."""

    mean: Float[np.ndarray, "network value"]
    upper: Float[np.ndarray, "network value"]  # 90th percentile over prompts
    above_one: Float[np.ndarray, "network value"]  # share of prompts that 0 would have served better


def tails(predictors: list[Predict], task: InContextFunctions, texts: list[str]) -> Tails:
    """Errors of each predictor after all pairs, on each class of functions."""
    rows = []
    for text in texts:
        asked = prompts(task, text)
        rows.append(torch.stack([errors(predict, asked)[:, -1] for predict in predictors]))
    found = icl_curve(torch.stack(rows, 1).mT)
    return Tails(found.mean.numpy(), found.upper.numpy(), found.above_one.numpy())


def judged(predictors: Sequence[Predict], task: InContextFunctions, text: str) -> Float[np.ndarray, "network prompt"]:
    """Errors of each predictor after all pairs on as many prompts of a class as a rule needs."""
    asked = prompts(task, text, networks.MANY)
    return torch.stack([errors(predict, asked)[:, -1] for predict in predictors]).numpy()


def by_networks(nets: Sequence[Network], text: str) -> Float[np.ndarray, "network prompt"]:
    """The same of trained networks."""
    return judged([network.says for network in nets], nets[0].task, text)


def by_optimum(nets: Sequence[Network], text: str, mixture: str = MIXTURE) -> Float[np.ndarray, "1 prompt"]:
    """The same of the exact optimum of a mixture."""
    task = nets[0].task
    return judged([optimum(task, mixture).prefixes], task, text)


def sweep(nets: list[Network], texts: list[str], mixture: str = MIXTURE) -> dict[str, Tails]:
    """Networks, and the exact optimum of the mixture, on each class of functions."""
    task = nets[0].task
    return {
        "network": tails([network.says for network in nets], task, texts),
        "optimum": tails([optimum(task, mixture).prefixes], task, texts),
    }


def rows_of(found: dict[str, Tails], values: Sequence[float]) -> dict[str, dict[str, float]]:
    """Medians over networks by value, for pictures: mean, 90th percentile, share above 1."""
    names = {"mean": "", "upper": ", 90th percentile", "above_one": ", share of prompts above 1"}
    return {
        f"{value:g}": {
            f"{who}{told}": float(np.median(getattr(own, field)[:, i]))
            for who, own in found.items()
            for field, told in names.items()
        }
        for i, value in enumerate(values)
    }


def shares(nets: list[Network], mixture: str = MIXTURE) -> dict[str, Tails]:
    """The sweep over convex combinations, beside the exact optimum of a mixture."""
    return sweep(nets, [combination(share) for share in LINE_SHARES], mixture)


@claim(
    id="model_selection.12",
    title="One network fits lines and sinusoids",
    statement="A network trained on a mixture of two disjoint classes of one number learns functions of either in "
    "context.",
    source=f"{MAIN}, figure 4",
    published=SHAPE,
    measure="error after all pairs on lines and on sinusoids, over the variance; the exact optimum beside it",
    rule=f"{SEEDS_AND_PROMPTS}: at most 0.05 on each class",
    control="the network before training",
    fixed=FIXED,
    changes=(OVER_PROMPTS,),
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=testbed,
)
def both_are_fitted(evidence: Evidence) -> Finding:
    """Claim 12."""
    nets = networks.arms(evidence.run)[MIXTURE]
    asked = {name: prompts(nets[0].task, name) for name in (LINE, SINUSOID)}
    own = {name: curves(nets, p) for name, p in asked.items()}
    best = {name: curve(optimum(nets[0].task, MIXTURE).prefixes, p) for name, p in asked.items()}
    found = all_of(
        {name: decide(crossed_median(by_networks(nets, name)), at_most(0.05)) for name in asked},
        note="Exact optimum after all pairs: " + ", ".join(f"{n} {c[-1]:.4f}" for n, c in best.items()) + ".",
    )
    rows = {f"{n}: error by pairs seen": by_count({"network": own[n], "optimum": best[n]}) for n in own}
    before = crossed_median(judged([network.untrained for network in nets], nets[0].task, LINE))
    control = decide(before, at_most(0.05), measured=f"untrained, lines {before}")
    return with_control(found.with_rows(rows), control)


@claim(
    id="model_selection.13",
    title="Convex combinations are not fitted",
    statement="The same network does not fit a sum of a line and a sinusoid: it does not combine its classes.",
    source=f"{MAIN}, figures 4 and 5",
    published=SHAPE,
    measure="error after all pairs on 0.5 line + 0.5 sinusoid, over the variance of such functions, and over the "
    "larger error on the two classes; the exact optimum of the mixture beside it, which cannot fit them either",
    rule=f"{SEEDS_AND_PROMPTS}: at least 0.15, and at least 3 times the larger error on the classes",
    control="a network that has seen combinations",
    fixed=FIXED,
    changes=(OVER_PROMPTS,),
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=testbed,
)
def combinations_fail(evidence: Evidence) -> Finding:
    """Claim 13."""
    groups = networks.arms(evidence.run)
    found = shares(groups[MIXTURE])

    def rule(nets: list[Network]) -> Finding:
        half, *ends = (by_networks(nets, combination(share)) for share in (0.5, 0.0, 1.0))
        return all_of(
            {
                "half-way": decide(crossed_median(half), at_least(0.15)),
                "over the classes": decide(crossed_ratio(half, *ends, floor=FLOOR), at_least(3.0)),
            }
        )

    upper = np.median(found["network"].upper[:, HALF])
    best = by_optimum(groups[MIXTURE], combination(0.5)).mean()
    note = f"Half-way: network, 90th percentile over prompts {upper:.3f}; exact optimum of the mixture {best:.3f}."
    rows = {"error by share": rows_of(found, LINE_SHARES)}
    whole = all_of({"error": rule(groups[MIXTURE])}, note=note).with_rows(rows)
    return with_control(whole, networks.told_of("has seen combinations", rule(groups[COMBINED])))


@claim(
    id="model_selection.14",
    title="Where one class dominates, the sum is fitted",
    statement="Combinations with a tenth of one class are still fitted sensibly.",
    source=f"{MAIN}, figure 5",
    published=SHAPE,
    measure="error after all pairs on 0.1 line + 0.9 sinusoid and on 0.9 line + 0.1 sinusoid; the exact optimum beside "
    "it",
    rule=f"{SEEDS_AND_PROMPTS}: both at most 0.1",
    control="half-way between the classes",
    fixed=FIXED,
    changes=(OVER_PROMPTS,),
    tag="R",
    scales=SCALES,
    cost=COST,
    needs=testbed,
)
def dominated_is_fitted(evidence: Evidence) -> Finding:
    """Claim 14."""
    nets = networks.arms(evidence.run)[MIXTURE]
    found = shares(nets)
    own = {share: crossed_median(by_networks(nets, combination(share))) for share in (0.1, 0.5, 0.9)}
    parts = {f"{share:g} line": decide(own[share], at_most(0.1)) for share in (0.1, 0.9)}
    best = (by_optimum(nets, combination(share)).mean() for share in (0.1, 0.9))
    note = f"Exact optimum of the mixture: {' and '.join(f'{value:.3f}' for value in best)}."
    half = own[0.5]
    whole = all_of(parts, note=note).with_rows({"error by share": rows_of(found, LINE_SHARES)})
    return with_control(whole, decide(half, at_most(0.1), measured=f"half-way {half}"))


@claim(
    id="model_selection.15",
    title="On combinations it is worse than its own optimum",
    statement="The failure half-way is larger than that of the exact posterior mean of the training mixture, so it is "
    "more than what coverage alone explains.",
    source="ours: the question that the figures of the main paper leave open",
    published="none; the exact optimum fails too (0.24 half-way after 20 pairs, computed)",
    measure="error after all pairs on 0.5 line + 0.5 sinusoid, network over exact optimum of the mixture, same prompts",
    rule=f"{SEEDS_AND_PROMPTS}: the ratio is above 1 (the source of the claim sets no mark: the ratio is the result)",
    control="networks that have seen combinations, over the same optimum, which has not",
    fixed=FIXED,
    changes=(Change("2026-11-29", "The control compared the optimum with itself and could not fail."), OVER_PROMPTS),
    tag="E",
    scales=SCALES,
    cost=COST,
    needs=testbed,
)
def worse_than_the_optimum(evidence: Evidence) -> Finding:
    """Claim 15."""
    groups = networks.arms(evidence.run)
    found = shares(groups[MIXTURE])
    best = by_optimum(groups[MIXTURE], combination(0.5))

    def over_optimum(nets: list[Network]) -> Estimate:
        return crossed_ratio(by_networks(nets, combination(0.5)), best)

    each = {
        f"{share:g}": float(np.median(found["network"].mean[:, i]) / found["optimum"].mean[0, i])
        for i, share in enumerate(LINE_SHARES)
    }
    told = ", ".join(f"{share}: {value:.2f}" for share, value in each.items())
    note = (
        f"The optimum's own error half-way is {best.mean():.3f}. Ratios by share of the line, on the "
        f"{networks.PROMPTS:,} other prompts of the picture: {told}."
    )
    rows = {"error by share": rows_of(found, LINE_SHARES), "ratio by share": each}
    seen = over_optimum(groups[COMBINED])
    control = decide(seen, at_least(1.0), measured=f"has seen combinations: {seen}")
    return with_control(decide(over_optimum(groups[MIXTURE]), at_least(1.0), note=note, extra=rows), control)
