"""Pools of finitely many functions: few are memorised, many are regressed (Raventos et al. 2023)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log2
from typing import cast

import numpy as np
from jaxtyping import Float
from torch import Tensor

from latebloom.claims import Change, Evidence, Finding, asks_for, between, claim, decide, with_control
from latebloom.claims.statistics import median
from latebloom.instruments.prediction_similarity import prediction_distance
from latebloom.studies.curves import paired_networks
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import Network, prompts
from latebloom.studies.model_selection.claims.references import optimum, pool_posterior
from latebloom.studies.model_selection.claims.words import FIXED, SCALES
from latebloom.studies.model_selection.experiments.linear import DENSE
from latebloom.tasks.functions import Pool

PUBLISHED = (8.0, 14.0)  # binary logarithms: between 256 and 16,384 functions
LEAST = 1e-12  # of a distance, before logarithms
Table = Float[np.ndarray, "pool seed"]


@claim(
    id="model_selection.26",
    title="Few training functions are memorised, many are regressed",
    statement="A network trained on a pool of M linear functions follows the exact posterior over the pool while M is "
    "small, and ridge regression once M is large.",
    source="Raventos, Paul, Chen & Ganguli 2023, arXiv:2306.15063",
    published="transition between 2^14 and 2^15 functions (8 layers, 128 wide), 2^11 and 2^12 (4 layers, 64 wide); "
    "d = 8, 16 pairs, noise variance 0.25",
    measure="mean squared difference over the labels' variance, averaged over places, between network and posterior "
    "over the pool, and between network and ridge, on fresh functions; the M from which on the second is the smaller, "
    "between two pools on a logarithmic scale. Scaled down at laptop: d = 5, 10 pairs, 3 layers of width 32, 2,500 "
    "steps of 64 prompts, pools of 2^2 to 2^12 functions, instead of 8, 16, 4 layers of 64, 500,000 steps of 256, 2^6 "
    "to 2^16; noise over variance as published. Pools are the same for all seeds, a smaller one part of a larger",
    rule="the median crossing over seeds lies between 2^8 and 2^14 at paper (4 layers, 64 wide); at laptop, where "
    "fewer dimensions and steps move it, between the smallest pool and the largest: the one is memorised, the other "
    "regressed",
    control="the network of the largest pool in the place of every other, which must not cross; and the network before "
    "training, which must be near to neither",
    fixed=FIXED,
    changes=(
        Change(
            "2026-12-01",
            "It had no judge and was not run. Now it is judged at laptop as well, where it asks for a crossing and not "
            "for the published place; of several the last one counts. The control of the largest pool was added: one "
            "learner asked for every pool must not look like two. Fixed before any such run was trained.",
        ),
    ),
    tag="P",
    scales=SCALES,
    cost={
        "laptop": "ten minutes on two cores",
        "paper": "7 sizes of pool, 5 seeds, 500,000 steps: days on one GPU",
    },
    needs=asks_for("model_selection.pool"),
)
def memorised_or_regressed(evidence: Evidence) -> Finding:
    """Claim 26."""
    groups = networks.arms(evidence.run)
    rows = paired_networks(*(groups[mixture] for mixture in groups))
    rows.sort(key=functions)
    exponents = [log2(functions(group)) for group in rows]
    task = rows[0][0].task
    asked = prompts(task, DENSE)
    ridge = optimum(task, DENSE).prefixes(asked.x, asked.y)
    pools = [pool_posterior(group[0].task).prefixes(asked.x, asked.y) for group in rows]

    def apart(said: Tensor, reference: Tensor) -> float:
        return float(prediction_distance(said, reference, asked.variance).mean())

    def tables(who: Sequence[Sequence[Network]], says: Callable[[Network], Tensor]) -> tuple[Table, Table]:
        said = [[says(network) for network in group] for group in who]
        to_pool = [[apart(one, pool) for one in group] for group, pool in zip(said, pools, strict=True)]
        return np.array(to_pool), np.array([[apart(one, ridge) for one in group] for group in said])

    region = between(*(PUBLISHED if evidence.scale == "paper" else (exponents[0], exponents[-1])))

    def rule(to_pool: Table, to_ridge: Table) -> Finding:
        return decide(median(crossings(exponents, to_pool, to_ridge), unit="(log2 of M)"), region)

    def trained(network: Network) -> Tensor:
        return network.says(asked.x, asked.y)

    found = tables(rows, trained)
    shown = {
        f"{2**exponent:.0f}": {
            "network to posterior over the pool": float(np.median(to_pool)),
            "network to ridge": float(np.median(to_ridge)),
            "posterior over the pool to ridge": apart(pool, ridge),
        }
        for exponent, to_pool, to_ridge, pool in zip(exponents, *found, pools, strict=True)
    }
    told = "; ".join(
        f"{size}: {row['network to posterior over the pool']:.3f} and {row['network to ridge']:.3f}"
        for size, row in shown.items()
    )
    note = f"Distance to the posterior over the pool and to ridge, by functions: {told}."
    whole = replace(rule(*found), note=note, extra={"distance by functions in the pool": shown})
    controls = {
        "largest pool everywhere": tables([rows[-1]] * len(rows), trained),
        "untrained": tables(rows, lambda network: network.untrained(asked.x, asked.y)),
    }
    for name, distances in controls.items():
        whole = with_control(whole, networks.told_of(name, rule(*distances)))
    return whole


def functions(group: Sequence[Network]) -> int:
    """How many functions networks of one pool were trained on."""
    return cast(Pool, group[0].task.trained.components[0].function).functions


def crossings(exponents: Sequence[float], to_pool: Table, to_ridge: Table) -> Float[np.ndarray, " seed"]:
    """The exponent from which on each seed is nearer to ridge than to the posterior over the pool, up to the largest.

    Between two pools the logarithm of the ratio of both distances is drawn as a line. A seed that is nearer to ridge
    from the smallest pool on has one less than that pool's exponent; one that is not at the largest, one more than its.

    >>> crossings([2, 4, 6], np.array([[0.1], [0.4], [0.4]]), np.array([[0.4], [0.1], [0.1]]))
    array([3.])
    """
    pull = np.log(np.maximum(to_ridge, LEAST)) - np.log(np.maximum(to_pool, LEAST))  # above 0: nearer to the pool
    return np.array([_crossing(exponents, own) for own in pull.T])


def _crossing(exponents: Sequence[float], pull: Float[np.ndarray, " pool"]) -> float:
    memorised = np.flatnonzero(pull > 0)
    if not memorised.size:
        return exponents[0] - 1.0
    last = int(memorised[-1])
    if last + 1 == len(exponents):
        return exponents[-1] + 1.0
    share = float(pull[last] / (pull[last] - pull[last + 1]))
    return exponents[last] + share * (exponents[last + 1] - exponents[last])
