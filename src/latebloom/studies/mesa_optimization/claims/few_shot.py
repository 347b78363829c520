"""Claims on networks trained to continue sequences and asked to regress from examples (27, 28)."""

import numpy as np

from latebloom.claims import Change, Evidence, Finding, all_of, asks_for, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import Estimate, paired_ratio
from latebloom.studies.mesa_optimization.claims.networks import FIXED, PAPER, by_seed
from latebloom.studies.mesa_optimization.claims.prompts import Asked, Curves, Layout, least_squares

RISES, FALLS, HELPS = 1.02, 0.9, 0.9
SLOWER = 1.1  # what is left after as many pairs of the second task, over what was left of the first
SCALES = ("laptop", "paper")
needed = asks_for("mesa_optimization.few_shot")  # the networks trained on long sequences


def asked_of(evidence: Evidence, trained: bool = True) -> Asked:
    """The networks of the run, as they ended or as they began."""
    nets = by_seed(evidence.run)
    return Asked(nets, None if trained else nets[0].steps[0])


def peak(curves: Curves) -> np.ndarray:
    """The largest loss after the first pair."""
    return np.asarray(curves[:, 1:].max(1))


def rows_of(curves: dict[str, Curves]) -> dict[str, dict[str, float]]:
    """Median loss by pairs shown, for pictures."""
    count = max(values.shape[1] for values in curves.values())
    return {
        str(pair): {name: float(np.median(v[:, pair])) for name, v in curves.items() if pair < v.shape[1]}
        for pair in range(count)
    }


def marked(curve: np.ndarray) -> str:
    """A median curve at a few numbers of pairs."""
    marks = sorted({pair for pair in (0, 1, 3, 5, 10, len(curve) - 1) if pair < len(curve)})
    return ", ".join(f"{pair}: {curve[pair]:.3f}" for pair in marks)


@claim(
    id="mesa_optimization.27",
    title="Trained to continue, it regresses from examples",
    statement="A network trained on dynamics alone does few-shot regression, with an early rise of the loss from "
    "spurious pairs; a learned separator and a prefix help.",
    source=f"{PAPER}, figure 8A; released results",
    published="softmax, after 0, 3, 10, 67 pairs: 1.685, 1.803, 1.410, 0.765; with separator and prefix 1.792, 1.607, "
    "0.943, 0.553; least squares with spurious pairs 1.645, 1.915, 1.318, 0.525",
    measure="label loss by number of pairs on 2,048 prompts a network, without training on such data; a softmax and a "
    "mesa layer, d = 4, 60 places; separator and prefix (of 5) by 400 steps of Adam at 0.02; least squares on all "
    "consecutive pairs and on the true ones beside it; the last loss is that at the last pair that all layouts hold",
    rule="medians over seeds: the loss rises above its first value by at least 2 % and ends at 0.9 of it or less; with "
    "separator and prefix the last loss is at least 10 % lower; least squares shows the rise with spurious pairs and "
    "no rise with the true ones alone",
    control="an untrained network must not end at 0.9 of its first value or less",
    fixed=FIXED,
    changes=(
        Change(
            "2026-11-29",
            'Before any run: "rises" is by at least 2 %, about twice the noise of 2,048 prompts, "falls" to at '
            "most 0.9 of the first value, and losses are compared at one number of pairs.",
        ),
    ),
    tag="C",
    scales=SCALES,
    cost={"laptop": "6 minutes on one core"},
    needs=needed,
)
def few_shots(evidence: Evidence) -> Finding:
    """Claim 27."""
    asked = asked_of(evidence)
    length = asked.nets[0].task.length
    layouts = {
        "plain": Layout.for_length(length),
        "separator": Layout.for_length(length, separator=True),
        "separator and prefix": Layout.for_length(length, separator=True, prefix=True),
    }
    separator = asked.tuned(layouts["separator"], evidence.scale)
    prefix = asked.tuned(layouts["separator and prefix"], evidence.scale, separator)
    curves = {
        "plain": asked.losses(layouts["plain"]),
        "separator": asked.losses(layouts["separator"], separator),
        "separator and prefix": asked.losses(layouts["separator and prefix"], separator, prefix),
        "least squares, all neighbours": least_squares(asked, layouts["plain"], spurious=True),
        "least squares, true pairs": least_squares(asked, layouts["plain"], spurious=False),
    }
    own, helped = curves["plain"], curves["separator and prefix"]
    last = min(curve.shape[1] for curve in curves.values()) - 1
    spurious, true = curves["least squares, all neighbours"], curves["least squares, true pairs"]
    parts = {
        "largest / first": decide(paired_ratio(peak(own), own[:, 0]), at_least(RISES)),
        "last / first": decide(paired_ratio(own[:, -1], own[:, 0]), at_most(FALLS)),
        f"helped / plain, {last} pairs": decide(paired_ratio(helped[:, last], own[:, last]), at_most(HELPS)),
        "least squares, rise": decide(paired_ratio(peak(spurious), spurious[:, 0]), at_least(RISES)),
        "true pairs, rise": decide(paired_ratio(peak(true), true[:, 0]), at_most(1.0)),
    }
    note = "Median losses by pairs: " + "; ".join(
        f"{name} {marked(np.median(values, 0))}" for name, values in curves.items()
    )
    before = asked_of(evidence, trained=False).losses(layouts["plain"])
    control = paired_ratio(before[:, -1], before[:, 0])
    checked = with_control(
        all_of(parts, note=note + "."), decide(control, at_most(FALLS), measured=f"untrained, last / first {control}")
    )
    return checked.with_rows({"label loss by pairs": rows_of(curves)})


def at_equal_pairs(curves: Curves, switch: int) -> Estimate:
    """Loss on the second task over that on the first, each after `switch` - 1 pairs of its own."""
    return paired_ratio(curves[:, 2 * switch - 1], curves[:, switch - 1])


@claim(
    id="mesa_optimization.28",
    title="It learns a second task in the same context",
    statement="After a switch of the task within a sequence the loss jumps and falls again, slower than the first "
    "time.",
    source=f"{PAPER}, figures 8B and 18B; released results",
    published="softmax, before the switch, after it, at the end: 1.02, 2.32, 0.97; least squares 0.83, 2.27, 0.89",
    measure="label loss before, just after and long after the switch (at the end), the network of claim 27, no "
    "separator; two fifths of the pairs before the switch. Slower: the loss after as many pairs of the second task as "
    "were shown of the first before its last question, over the loss at that question",
    rule="medians over seeds: after the switch above 1.5 times the loss before; at the end below 0.6 times the loss "
    "after the switch; after as many pairs of its own the loss on the second task is at least 1.1 times that on the "
    "first, just before the switch",
    control="an untrained network must fail the second",
    fixed=FIXED,
    changes=(
        Change(
            "2026-12-01",
            'The part "slower than the first time" joins: it was in the statement and nothing asked for it. At equal '
            "numbers of pairs, so that a network that has forgotten the first task by then fails it; a tenth is "
            "several times the noise of 2,048 prompts. Written without a look at the curves that the ledger keeps. "
            "Before, without the part, the verdict was reproduced (laptop, five seeds).",
        ),
    ),
    tag="C",
    scales=SCALES,
    cost={"laptop": "a minute beyond claim 27"},
    needs=needed,
)
def second_task(evidence: Evidence) -> Finding:
    """Claim 28."""
    asked = asked_of(evidence)
    pairs = Layout.for_length(asked.nets[0].task.length).pairs
    switch = 2 * pairs // 5
    layout = Layout(pairs, switch_after=switch)
    curves = {
        "network": asked.losses(layout),
        "least squares, all neighbours": least_squares(asked, layout, spurious=True),
        "least squares, true pairs": least_squares(asked, layout, spurious=False),
    }
    own = curves["network"]
    untrained = asked_of(evidence, trained=False).losses(layout)
    again = {name: paired_ratio(c[:, -1], c[:, switch]) for name, c in (("own", own), ("untrained", untrained))}
    parts = {
        "after the switch / before": decide(paired_ratio(own[:, switch], own[:, switch - 1]), at_least(1.5)),
        "at the end / after the switch": decide(again["own"], at_most(0.6)),
        f"second / first task, {switch - 1} pairs each": decide(at_equal_pairs(own, switch), at_least(SLOWER)),
    }
    told = (switch - 1, switch, 2 * switch - 1, -1)
    note = "Median losses before the switch, after it, after as many pairs again, at the end: " + "; ".join(
        f"{name} {', '.join(f'{np.median(values[:, at]):.3f}' for at in told)}" for name, values in curves.items()
    )
    control = decide(again["untrained"], at_most(0.6), measured=f"untrained, at the end / after {again['untrained']}")
    return with_control(all_of(parts, note=note + "."), control).with_rows(
        {"label loss by pairs": rows_of(curves), "switch": {"after": switch}}
    )
