"""Claims on what linear probes read from the layers of a stack: the target, and the preconditioned input (21, 22)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines import chebyshev, solvers
from latebloom.baselines.chebyshev import Scalars
from latebloom.claims import Evidence, Finding, all_of, asks_for, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import median, rank_correlation
from latebloom.instruments.probes import probe, without_outliers
from latebloom.models import Parameters
from latebloom.randomness import stream
from latebloom.studies.curves import paired_networks
from latebloom.studies.mesa_optimization.claims.deep import COST, SCALES, deep, fitted
from latebloom.studies.mesa_optimization.claims.networks import (
    FIXED,
    PAPER,
    PENALTY,
    Network,
    at_published_size,
    deepest,
    with_norm_clipped,
)

Layers = Float[np.ndarray, "layer pos"]


@dataclass(frozen=True, eq=False)
class Read:
    """Held-out R^2 of probes on one network, by layer (0: its input) and place."""

    target: Layers  # the next state
    solver: Layers  # the input times six solver steps' approximate inverse
    exact: Layers  # the input times the exact inverse


def read(net: Network, scalars: Scalars, task: Network | None = None, params: Parameters | None = None) -> Read:
    """Probes on a network's residual streams; `task` lends its sequences, `params` replaces the weights."""
    tokens, states, targets = (task or net).test
    streams = torch.stack(net.streams(tokens=tokens, params=params))
    solver = chebyshev.preconditioned(states, scalars, PENALTY)
    exact = solvers.exact(solvers.Gram(states, PENALTY, normalised=False), states)
    return Read(r2(streams, targets, False), r2(streams, solver, True), r2(streams, exact, True))


def r2(streams: Float[Tensor, "layer batch pos d_model"], wanted: Tensor, outliers: bool, ridge: float = 0.0) -> Layers:
    """R^2 by layer and place on the half of the sequences that was not fitted.

    With `outliers` long targets are left out, as released; `ridge` is that of the probes.
    """
    keep = without_outliers(wanted) if outliers else None
    return np.stack([probe(one, wanted, intercept=True, ridge=ridge, keep=keep).r2.numpy() for one in streams])


def same_norms(net: Network) -> Parameters:
    """Random weights with the norms of the trained ones: the control of the same shape and size."""
    noise = stream(net.specification.seed, "random weights")
    found = {}
    for name, value in net.parameters().items():
        draw = torch.from_numpy(noise.standard_normal(tuple(value.shape)))
        found[name] = draw * (value.norm() / draw.norm())
    return found


def by_layer(found: list[Read], name: str, places: list[int]) -> dict[str, dict[str, float]]:
    """Median R^2 by layer at some places, for pictures."""
    table = np.median(np.stack([getattr(own, name) for own in found]), 0)
    return {str(layer): {f"t = {p + 1}": float(row[p]) for p in places} for layer, row in enumerate(table)}


def target_rule(found: list[Read]) -> dict[str, Finding]:
    """Claim 21's conditions."""
    last = [own.target[:, -1] for own in found]
    falls = median([float(np.max(-np.diff(row))) for row in last])
    ends = median([float(row[-1]) for row in last])
    ranks = median(
        [rank_correlation(own.target[-1, 1:], np.arange(own.target.shape[1] - 1)).estimate.value for own in found]
    )
    return {
        "R² at the last layer and place": decide(ends, at_least(0.97)),
        "largest fall from a layer to the next": decide(falls, at_most(0.02)),
        "rank correlation with place, last layer": decide(ranks, at_least(0.8)),
    }


@claim(
    id="mesa_optimization.21",
    title="The next state becomes readable layer by layer",
    statement="A linear probe reads the next state from the residual stream better with every layer and with every "
    "place.",
    source=f"{PAPER}, figure 4E",
    published="probe error at t = 50, input to layer 6: 1.535, 0.493, 0.197, 0.0433, 0.0438, 0.0288, 0.0075, that is "
    "R² 0, 0.585, 0.853, 0.968, 0.968, 0.979, 0.994 (held out, computed from released weights)",
    measure="R² of a probe for each layer and place on sequences it was not fitted on; the deepest stack",
    rule="medians over seeds: R² of at least 0.97 at the last layer and place; no layer more than 0.02 below the one "
    "before at the last place; rank correlation of R² with place at least 0.8 at the last layer",
    control="random weights with the norms of the trained ones must fail",
    fixed=FIXED,
    changes=(
        at_published_size(
            "inconclusive (0.991 [0.949, 0.993])", with_norm_clipped("inconclusive (0.962 [0.940, 0.985])")
        ),
    ),
    tag="PCD",
    scales=SCALES,
    cost=COST,
    needs=deep,
)
def target_by_layer(evidence: Evidence) -> Finding:
    """Claim 21."""
    nets = deepest(evidence.run)
    scalars = fitted(nets[0])
    found = [read(net, scalars) for net in nets]
    random = [read(net, scalars, params=same_norms(net)) for net in nets]
    parts = target_rule(found)
    places = marks(found[0])
    told = by_layer(found, "target", places)
    last = ", ".join(f"{row[f't = {places[-1] + 1}']:.3f}" for row in told.values())
    note = f"Median R² at the last place, input to last layer: {last}."
    checked = with_control(all_of(parts, note=note), all_of(target_rule(random)))
    return checked.with_rows({"R² of the next state by layer": told})


def marks(own: Read) -> list[int]:
    """Places at a fifth, two fifths and the end: t = 10, 20, 50 of 50 as published, 5, 10, 25 of 25."""
    count = own.target.shape[1]
    return [max(count // 5, 2) - 1, max(2 * count // 5, 3) - 1, count - 1]


def solver_rule(found: list[Read]) -> dict[str, Finding]:
    """Claim 22's conditions, at two fifths of the sequence (t = 20 of 50, t = 10 of 25)."""
    place = marks(found[0])[1]
    best = median([float(own.solver[:, place].max()) for own in found])
    gain = median([float(own.solver[:, place].max() - own.solver[0, place]) for own in found])
    return {
        f"best layer's R² at t = {place + 1}": decide(best, at_least(0.8)),
        "gain over the input": decide(gain, at_least(0.2)),
    }


@claim(
    id="mesa_optimization.22",
    title="Layers hold the input ever better preconditioned",
    statement="The input times the inverse Gram matrix of the sequence becomes readable with depth, though no layer "
    "is told to compute it.",
    source=f"{PAPER}, figure 4F; released weights",
    published="probe error falls, t = 10: 0.611, 0.298, 0.311, 0.148, 0.0734, 0.0675, 0.0679. As R², held out "
    "(computed): t = 10 0.49 to 0.93, t = 20 0.50 to 0.97, t = 50 0.51 to 0.90 and back to 0.80. The probe's target "
    "is six solver steps, not the inverse; against that, R² reaches 0.31 to 0.58",
    measure="held-out R² of a probe for each layer on the input times six fitted solver steps, and on the input times "
    "the exact ridge inverse; long targets left out, as released; deepest stack, t at two fifths of the sequence",
    rule="six steps: the best layer's median R² is at least 0.8 and at least 0.2 above that of the input itself, "
    "which is 0.5 already",
    control="random weights of the same norms, and networks trained on one fixed matrix, must fail",
    fixed=FIXED,
    changes=(at_published_size("reproduced", with_norm_clipped("inconclusive (0.76 [0.72, 0.90])")),),
    tag="PCD",
    scales=SCALES,
    cost={"laptop": "8 minutes on two cores beyond claim 12"},
    needs=asks_for("mesa_optimization.deep", "mesa_optimization.deep_fixed"),
)
def preconditioned_by_layer(evidence: Evidence) -> Finding:
    """Claim 22."""
    nets, fixed = paired_networks(*(deepest(run) for run in evidence.runs))
    scalars = fitted(nets[0])
    found = [read(net, scalars) for net in nets]
    random = [read(net, scalars, params=same_norms(net)) for net in nets]
    # On the sequences of the others: on its own there is one matrix.
    taught = [read(net, scalars, task=own) for net, own in zip(fixed, nets, strict=True)]
    places = marks(found[0])
    told = {name: by_layer(found, name, places) for name in ("solver", "exact")}
    lines = {
        name: ", ".join(f"{row[f't = {places[1] + 1}']:.2f}" for row in rows.values()) for name, rows in told.items()
    }
    note = (
        f"Median R² at t = {places[1] + 1}, input to last layer: six steps {lines['solver']}; exact inverse "
        f"{lines['exact']}."
    )
    checked = all_of(solver_rule(found), note=note)
    for control in (random, taught):
        checked = with_control(checked, all_of(solver_rule(control)))
    return checked.with_rows(
        {
            "R² of six solver steps by layer": told["solver"],
            "R² of the exact inverse by layer": told["exact"],
            "random weights: R² of six solver steps by layer": by_layer(random, "solver", places),
            "one fixed matrix: R² of six solver steps by layer": by_layer(taught, "solver", places),
        }
    )
