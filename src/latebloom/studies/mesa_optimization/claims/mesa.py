"""The claim on one trained mesa layer (15)."""

import numpy as np

from latebloom.claims import (
    Evidence,
    Finding,
    Readable,
    all_of,
    asks_for,
    at_most,
    between,
    claim,
    decide,
    with_control,
)
from latebloom.claims.statistics import median, paired_ratio
from latebloom.studies.curves import kept, paired_networks
from latebloom.studies.mesa_optimization.claims.deep import SCALES
from latebloom.studies.mesa_optimization.claims.networks import (
    FIXED,
    PAPER,
    at_published_size,
    by_place,
    by_seed,
    curves_of,
    losses,
    one_step,
    ridge_of,
    shallowest_and_deepest,
    with_norm_clipped,
)

MARKS = {200: 0.485, 500: 0.247}


@claim(
    id="mesa_optimization.15",
    title="One mesa layer beats six linear layers, near ridge",
    statement="A single layer that solves the least-squares problem predicts better than every stack of linear "
    "layers, and nearly as well as ridge regression.",
    source=f"{PAPER}, figure 4A, B",
    published="0.190 after 4,400 steps against 0.216 of six linear layers; ridge on all pairs 0.184; 0.485 and 0.247 "
    "after 200 and 500 steps",
    measure="average test loss of one mesa layer and of the deepest stack on the same sequences, and of "
    "ridge with penalty 1e-3; early marks at the published size and rate",
    rule="medians over seeds: ratio to the deepest stack has an interval below 1; ratio to ridge at or below 1.1 "
    "(published 1.03); loss over the published one after 200 and 500 steps within 0.67 to 1.5",
    control="one linear layer of the same data must fail the second",
    fixed=FIXED,
    changes=(at_published_size("reproduced", with_norm_clipped("reproduced (0.65 [0.58, 0.79] of the stacks)")),),
    tag="C",
    scales=SCALES,
    cost={"laptop": "15 minutes on two cores beyond claim 12"},
    needs=asks_for("mesa_optimization.mesa", "mesa_optimization.deep", "mesa_optimization.mesa_early"),
)
def one_mesa_layer(evidence: Evidence) -> Finding:
    """Claim 15."""
    single, stacks = shallowest_and_deepest(evidence.runs[1])
    nets, stacks = paired_networks(by_seed(evidence.runs[0]), stacks)
    depth = stacks[0].model.n_layers
    own, deepest = np.array([n.loss() for n in nets]), np.array([n.loss() for n in stacks])
    ridge = losses(nets, [ridge_of(n) for n in nets])
    parts = {
        f"mesa layer / {depth} linear layers": decide(paired_ratio(own, deepest), at_most(1.0)),
        "mesa layer / ridge": decide(paired_ratio(own, ridge), at_most(1.1)),
    }
    for step, value in early(evidence.runs[2]).items():
        parts[f"after {step} steps / {MARKS[step]}"] = decide(median(value / MARKS[step]), between(0.67, 1.5))
    rows = {
        "one mesa layer": [by_place(n, n.outputs()) for n in nets],
        f"{depth} linear layers": [by_place(n, n.outputs()) for n in stacks],
        "one gradient step": [by_place(n, one_step(n)) for n in nets],
        "ridge": [by_place(n, ridge_of(n)) for n in nets],
    }
    lam = np.median([n.parameters()["blocks.0.attn.mesa_lambda"].numpy() for n in nets], 0)
    note = (
        f"Median losses: mesa layer {np.median(own):.4f}, deepest stack {np.median(deepest):.4f}, ridge "
        f"{np.median(ridge):.4f}. Lambda by head: {', '.join(f'{value:.2f}' for value in lam)}."
    )
    found = all_of(parts, note=note).with_rows({"loss by states seen": curves_of(rows)})
    plain = paired_ratio([n.loss() for n in single], losses(single, [ridge_of(n) for n in single]))
    return with_control(found, decide(plain, at_most(1.1), measured=f"one linear layer / ridge {plain}"))


def early(run: Readable) -> dict[int, np.ndarray]:
    """Test losses at the published marks that the run reached."""
    frame = kept(run)
    return {step: own["test_loss"].to_numpy(float) for step in MARKS if len(own := frame[frame["step"] == step])}
