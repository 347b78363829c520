"""The claim on language, judged on the characters of one text: a proxy of the published size (31)."""

from typing import cast

import numpy as np

from latebloom.claims import Change, Evidence, Finding, Readable, all_of, asks_for, at_least, at_most, claim, decide
from latebloom.claims.statistics import paired_difference
from latebloom.studies.curves import kept, shared_seeds
from latebloom.studies.mesa_optimization.claims.networks import FIXED, PAPER

KINDS = ("softmax", "linear", "mesa")  # of the second layer


def final(run: Readable) -> tuple[dict[int, float], np.ndarray]:
    """Test loss in nats a character after the last step, by seed; and the median loss by place."""
    frame = kept(run)
    last = frame[frame["step"] == frame["step"].max()]
    curves = np.stack([np.asarray(row, dtype=float) for row in last["loss_by_place"]])
    loss = {int(seed): float(value) for seed, value in zip(last["seed"], last["test_loss"], strict=True)}
    return loss, cast(np.ndarray, np.median(curves, 0))


@claim(
    id="mesa_optimization.31",
    title="In language models the mesa layer beats linear attention",
    statement="With a softmax first layer, replacing linear attention by mesa layers lowers the perplexity, close to "
    "softmax.",
    source=f"{PAPER}, appendix G, figures 26 to 28",
    published="orderings only: softmax at or below mesa, mesa below linear (300 billion tokens of the Pile)",
    measure="a proxy: characters of one text (a megabyte of Shakespeare), two layers without MLP, the first softmax, "
    "the second of each kind; queries and keys of linear and mesa layers of length 1; test loss in nats a character "
    "after the last step. No network without the layer is compared: each kind is the other's control",
    rule="the median paired difference of test losses has an interval below 0 for mesa minus linear, and at or above "
    "0 for mesa minus softmax",
    fixed=FIXED,
    changes=(
        Change(
            "2026-11-29",
            "Before any run: softmax layers keep queries and keys as they are, because scores of normalised ones, "
            "divided by the root of the head size, would leave them nearly uniform. The rule is as it was.",
        ),
        Change(
            "2026-12-01",
            "Nine seeds in place of five at laptop: of mesa minus softmax the interval reached across 0 (0.025 "
            "[-0.002, 0.14]). The rule is as it was. Before: inconclusive.",
        ),
    ),
    tag="P",
    scales=("laptop", "paper"),
    cost={"laptop": "8 minutes on one core"},
    needs=asks_for(*(f"mesa_optimization.language_{kind}" for kind in KINDS)),
)
def mesa_beats_linear(evidence: Evidence) -> Finding:
    """Claim 31."""
    found = {kind: final(run) for kind, run in zip(KINDS, evidence.runs, strict=True)}
    seeds = shared_seeds(*(loss for loss, _ in found.values()))
    loss = {kind: np.array([found[kind][0][seed] for seed in seeds]) for kind in KINDS}
    below, above = (paired_difference(loss["mesa"], loss[other]).estimate for other in ("linear", "softmax"))
    curves = {kind: curve for kind, (_, curve) in found.items()}
    early, late = (round(share * len(curves["mesa"])) - 1 for share in (0.25, 1.0))
    score = ", ".join(f"{kind} {curve[late] - curve[early]:.3f}" for kind, curve in curves.items())
    told = ", ".join(f"{kind} {np.median(values):.4f}" for kind, values in loss.items())
    checked = all_of(
        {
            "mesa - linear": decide(below, at_most(0.0)),
            "mesa - softmax": decide(above, at_least(0.0)),
        },
        note=f"A proxy on characters. Median test losses: {told}; in-context scores (place {late + 1} minus place "
        f"{early + 1}): {score}.",
    )
    rows = {str(t + 1): {kind: float(curve[t]) for kind, curve in curves.items()} for t in range(late + 1)}
    return checked.with_rows({"loss by place": rows})
