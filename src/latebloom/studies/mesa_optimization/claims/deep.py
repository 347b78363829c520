"""Claims on stacks of linear layers: what depth buys, the solver it follows, compression (12, 13, 14)."""

from itertools import pairwise

import numpy as np
from torch import Tensor

from latebloom.baselines import chebyshev
from latebloom.baselines.chebyshev import Scalars
from latebloom.claims import Evidence, Finding, all_of, asks_for, at_most, between, claim, counted, decide, with_control
from latebloom.claims.statistics import Estimate, paired_ratio
from latebloom.instruments.compressed import compress
from latebloom.instruments.linear_attention import interpolate
from latebloom.studies.curves import shared_seeds
from latebloom.studies.mesa_optimization.claims.networks import (
    FIXED,
    PAPER,
    PENALTY,
    Network,
    Places,
    at_published_size,
    by_depth,
    by_place,
    curves_of,
    losses,
    networks,
    of_depth,
    one_step,
    ridge_of,
    shallowest_and_deepest,
    with_norm_clipped,
    zero,
)

SCALES = ("laptop", "paper")
COST = {"laptop": "20 minutes on two cores"}
STEPS = 6  # of the solver control, as published
FIT_ON = 256  # sequences on which its numbers are fitted
LAGS = {"fair": False, "lagged": True}  # whether the control leaves out the newest pair, as the released one does
deep = asks_for("mesa_optimization.deep")  # stacks by depth on orthogonal systems


def fitted(net: Network, steps: int = STEPS, lagged: bool = False) -> Scalars:
    """The control's numbers for this system, fitted on sequences of their own."""
    states, targets = (part[:FIT_ON] for part in net.other[1:])
    return chebyshev.fitted_scalars(states, targets, steps, PENALTY, lagged)


def solved(net: Network, scalars: Scalars, lagged: bool = False) -> Tensor:
    """What the control says on a network's test sequences."""
    return chebyshev.chebyshev(*net.test[1:], scalars, PENALTY, lagged)


@claim(
    id="mesa_optimization.12",
    title="Deeper stacks of linear layers predict better",
    statement="Each doubling of the depth of a linear-attention stack lowers its loss, towards least squares.",
    source=f"{PAPER}, figure 4B, D",
    published="0.894, 0.430, 0.236, 0.216 for 1, 2, 4, 6 layers (d = 10, 50 places); ridge 0.184 on all pairs",
    measure="average test loss by depth, the same seeds and data at every depth",
    rule="between neighbouring depths the median paired ratio of losses has an interval below 1; the deepest has at "
    "most half the loss of one layer",
    fixed=FIXED,
    changes=(
        at_published_size(
            "inconclusive (6 layers / 4 0.95 [0.93, 1.05])",
            with_norm_clipped("inconclusive (6 layers / 4 1.15 [0.98, 1.36])"),
        ),
    ),
    tag="PC",
    scales=SCALES,
    cost=COST,
    needs=deep,
)
def deeper_is_better(evidence: Evidence) -> Finding:
    """Claim 12."""
    groups = by_depth(evidence.run)
    loss = {depth: {net.seed: net.loss() for net in nets} for depth, nets in groups.items()}

    def ratio(more: int, few: int) -> Estimate:
        seeds = shared_seeds(loss[more], loss[few])
        return paired_ratio(*([loss[depth][seed] for seed in seeds] for depth in (more, few)))

    parts = {f"{more} layers / {few}": decide(ratio(more, few), at_most(1.0)) for few, more in pairwise(groups)}
    first, last = min(groups), max(groups)
    nets = groups[last]
    ridge = {name: float(np.median(losses(nets, [ridge_of(n, lag) for n in nets]))) for name, lag in LAGS.items()}
    rows = {counted(depth, "layer"): [by_place(n, n.outputs()) for n in own] for depth, own in groups.items()}
    rows["one gradient step"] = [by_place(n, one_step(n)) for n in nets]
    rows["ridge"] = [by_place(n, ridge_of(n)) for n in nets]
    parts[f"{last} layers / {first}, half"] = decide(
        ratio(last, first), at_most(0.5), extra={"loss by states seen": curves_of(rows)}
    )
    told = ", ".join(f"{depth}: {np.median(list(own.values())):.4f}" for depth, own in loss.items())
    before = float(np.median([net.loss(net.steps[0]) for net in groups[first]]))
    note = (
        f"Median losses by layers: {told}; ridge on all pairs {ridge['fair']:.4f}, without the newest "
        f"{ridge['lagged']:.4f}; untrained {before:.4f}."
    )
    return all_of(parts, note=note)


def about_six_steps(
    nets: list[Network], shallow: list[Network], name: str, references: dict[str, list[Places]]
) -> Finding:
    """The rule of claims 13 and 19: as good as the fair control; networks of few layers (their name) must not be.

    The ratio to the released control is told beside it. `references` join the picture.
    """
    scalars = {kind: fitted(nets[0], STEPS, lag) for kind, lag in LAGS.items()}
    said = {kind: [solved(n, scalars[kind], lag) for n in nets] for kind, lag in LAGS.items()}
    own, solver = np.array([n.loss() for n in nets]), {kind: losses(nets, outputs) for kind, outputs in said.items()}
    ratio = {kind: paired_ratio(own, values) for kind, values in solver.items()}
    rows = {"network": [by_place(n, n.outputs()) for n in nets]}
    for kind, outputs in said.items():
        rows[f"six steps, {kind}"] = [by_place(n, o) for n, o in zip(nets, outputs, strict=True)]
    found = decide(
        ratio["fair"],
        between(0.9, 1.1),
        measured=f"network / six fair steps {ratio['fair']}; / six steps without the newest pair {ratio['lagged']}",
        note=f"Median losses: network {np.median(own):.4f}, six steps {np.median(solver['fair']):.4f} (fair), "
        f"{np.median(solver['lagged']):.4f} (as released).",
        extra={"loss by states seen": curves_of(rows | references)},
    )
    few = paired_ratio([n.loss() for n in shallow], losses(shallow, [solved(n, scalars["fair"]) for n in shallow]))
    return with_control(found, decide(few, between(0.9, 1.1), measured=f"{name} / six steps {few}"))


@claim(
    id="mesa_optimization.13",
    title="Six linear layers are about as good as six solver steps",
    statement="A six-layer stack predicts as well as preconditioning with six Chebyshev-like steps and one gradient "
    "step.",
    source=f"{PAPER}, figure 4B to 4D; released control",
    published="0.2157 against 0.2339 of the released control, which leaves out the newest pair; 0.207 with it",
    measure="average test loss of the deepest stack and of the control on the same sequences, its numbers fitted to "
    "this system on other ones; with all pairs (fair) and without the newest (as released)",
    rule="the median ratio to the fair control has an interval within 0.9 to 1.1",
    control="the one-layer networks must fail",
    fixed=FIXED,
    changes=(
        at_published_size("contradicted (1.16 [1.11, 1.22])", with_norm_clipped("contradicted (1.46 [1.20, 1.63])")),
    ),
    tag="PC",
    scales=SCALES,
    cost=COST,
    needs=deep,
)
def six_layers_six_steps(evidence: Evidence) -> Finding:
    """Claim 13; the ratio to the released control is in the note."""
    single, nets = shallowest_and_deepest(evidence.run)
    references = {f"ridge, {kind}": [by_place(n, ridge_of(n, lag)) for n in nets] for kind, lag in LAGS.items()}
    references["zero"] = [by_place(n, zero(n)) for n in nets]
    return about_six_steps(nets, single, "one layer", references)


def compression(net: Network) -> tuple[float, float, float]:
    """Loss of the network, half-way to its compressed weights, and of these alone."""
    layers = net.layers()
    small = [compress(layer, net.task.n_seen) for layer in layers]
    mixed = [interpolate(own, other) for own, other in zip(layers, small, strict=True)]
    return net.loss(), net.loss_of(mixed), net.loss_of(small)


@claim(
    id="mesa_optimization.14",
    title="Wide-headed stacks compress to 32 numbers a head",
    statement="With heads wide enough for all four channels a deep stack compresses, every block to a number, almost "
    "without loss, and half-way is closer still; with heads half as wide it does not.",
    source=f"{PAPER}, figure 4B; released weights for the narrow heads",
    published="heads of 40 for d = 10: a plot without numbers; heads of 20: 0.211, half-way 0.319, compressed 0.400 "
    "(computed from released weights)",
    measure="loss of the deepest stack, half-way to its own compressed weights, and of these; heads of 4 d and of 2 d",
    rule="heads of 4 d: median ratios to the trained loss have intervals at or below 1.1 (half-way) and 1.25 "
    "(compressed)",
    control="heads of 2 d must fail",
    fixed=FIXED,
    changes=(
        at_published_size(
            "inconclusive (the control did not fail)",
            with_norm_clipped("inconclusive (the control did not fail, 0.97 [0.60, 1.15] half-way)"),
        ),
    ),
    tag="PD",
    scales=SCALES,
    cost={"laptop": "10 minutes on two cores beyond claim 12"},
    needs=asks_for("mesa_optimization.deep_wide", "mesa_optimization.deep"),
)
def compresses(evidence: Evidence) -> Finding:
    """Claim 14."""
    wide = networks(evidence.runs[0])
    narrow = of_depth(evidence.runs[1], wide[0].model.n_layers)
    return with_control(_compressed(wide), _compressed(narrow))


def _compressed(nets: list[Network]) -> Finding:
    own, mixed, small = (np.array(column) for column in zip(*(compression(net) for net in nets), strict=True))
    half, alone = paired_ratio(mixed, own), paired_ratio(small, own)
    told = f"{half} (losses {np.median(mixed):.4f} and {np.median(own):.4f})"
    return all_of(
        {
            "half-way / network": decide(half, at_most(1.1), measured=told),
            "compressed / network": decide(alone, at_most(1.25)),
        }
    )
