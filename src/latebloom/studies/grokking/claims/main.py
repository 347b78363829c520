"""Claims: the main run: memorising, generalising, frequencies. Here: accuracies, losses and norms over time."""

import math

import numpy as np
from jaxtyping import Float

from latebloom.claims import (
    Evidence,
    Finding,
    all_of,
    at_least,
    at_most,
    between,
    claim,
    counted,
    decide,
    settle,
    undecided,
)
from latebloom.claims.statistics import median, share_of
from latebloom.claims.verdict import with_control
from latebloom.studies.curves import curves, median_time
from latebloom.studies.grokking.claims import main_frequencies, main_long, main_progress, main_sensitivity
from latebloom.studies.grokking.claims.dynamics_tables import FIXED
from latebloom.studies.grokking.claims.main_runs import (
    CHANCE,
    MEMORISING_UNTIL,
    MORE_SEEDS,
    NATS,
    PAGE,
    from_step,
    main_run,
    outcome,
    settled,
)

__all__ = ["main_frequencies", "main_long", "main_progress", "main_sensitivity"]


@claim(
    id="grokking.01",
    title="Memorises by step 500, generalises near step 28,000",
    statement="The main configuration memorises within 500 steps and reaches 95 % test accuracy between steps 12,000 "
    "and 48,000, with a median near 28,000.",
    source=f"{PAGE}, figure 1 and the table of 450 runs",
    published="onset: median 28,000, 5 to 95 % range 12,000 to 48,000, reached in 449 of 450 runs; train accuracy 99 % "
    "at step 300",
    measure="first log with train accuracy >= 99 %; first log from which three consecutive test accuracies are >= 95 % "
    "(the published onset is the first 1,000-step mark after which test loss stays below 0.1 nats)",
    rule="the interval of the median time to 95 % test accuracy lies in 22,000 to 34,000 steps (the published median "
    "within about 20 %); the share of seeds in 12,000 to 48,000 is at least 0.75 (published 0.90); the share that "
    "memorises by step 500 is at least 0.9",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="PD",
    scales=("laptop", "paper"),
    cost={"laptop": "10 minutes on two cores"},
    needs=main_run,
)
def memorises_then_generalises(evidence: Evidence) -> Finding:
    """Claim 1."""
    table = curves(evidence.run)
    out = outcome(table)
    inside = (out.t_gen >= 12_000) & (out.t_gen <= 48_000)
    done = out.t_gen[np.isfinite(out.t_gen)]
    among = f": {median(done, unit='steps')}" if len(done) > 1 else ""
    note = (
        f"{len(done)} of {len(out.t_gen)} seeds generalised by their end; median among these{among}. Whether the "
        "published table holds only runs that generalised is not known."
    )
    return all_of(
        {
            "median time to 95 % test": decide(median_time(table, out.t_gen), between(22_000, 34_000)),
            "share between 12k and 48k": decide(share_of(inside), at_least(0.75)),
            "share memorised by 500": decide(share_of(out.t_mem <= 500), at_least(0.9)),
        },
        note=note,
    )


@claim(
    id="grokking.03",
    title="While memorising, test accuracy is below chance",
    statement="While the network memorises, its test accuracy is below the 1/67 of guessing.",
    source=f"{PAGE}, log of the saved training notebook",
    published="0.3 to 1.0 % against 1/67 = 1.49 %",
    measure="mean test accuracy over the logs from train accuracy 99 % to step 2,000, one value a seed",
    rule="the interval of the median over seeds lies below 1/67; contradicted if it lies above",
    control="the untrained network: the interval of the same median at step 0 must reach 1/67 or more",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="D",
    scales=("quick", "laptop", "paper"),
    cost={"quick": "15 seconds on two cores"},
    needs=main_run,
)
def below_chance(evidence: Evidence) -> Finding:
    """Claim 3."""
    table = curves(evidence.run)
    accuracy, start = table.of("test_accuracy"), outcome(table).t_mem
    kept = np.isfinite(start) & (start <= MEMORISING_UNTIL)
    if kept.sum() < 2:
        return undecided(f"{counted(kept.sum(), 'seed')} memorised", "Too few seeds memorised.", seeds=int(kept.sum()))
    window = np.where(table.steps <= MEMORISING_UNTIL, from_step(table, accuracy, start), np.nan)[kept]
    each = np.nanmean(window, axis=1)
    found, untrained = median(100 * each, unit="%"), median(100 * accuracy[:, 0], unit="%")
    control = settle(untrained.high < 100 * CHANCE, f"untrained {untrained}", seeds=len(each))
    return with_control(decide(found, at_most(100 * CHANCE), extra={"accuracy": each.tolist()}), control)


@claim(
    id="grokking.04",
    title="Test loss peaks near 100 nats within 1,500 steps",
    statement="Test cross-entropy peaks near 100 nats per example within the first 1,500 steps.",
    source=f"{PAGE}, log of the saved training notebook and the table of 450 runs",
    published="102.6 nats at step 1,400; 41 to 133 nats, median 94, over 450 runs seen every 1,000 steps",
    measure="largest logged test loss times 67 (the page divides by the classes) and its step; logs every 100 steps up "
    "to 3,000, then every 250",
    rule="the interval of the median peak lies in 70 to 125 nats (94 to 103 within a quarter), and the interval of the "
    "median step of the peak lies at or below 1,500",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="D",
    scales=("quick", "laptop", "paper"),
    cost={"quick": "15 seconds on two cores"},
    needs=main_run,
)
def test_loss_peak(evidence: Evidence) -> Finding:
    """Claim 4."""
    table = curves(evidence.run)
    loss = NATS * table.of("test_loss")
    peak, step = np.nanmax(loss, axis=1), table.steps[np.nanargmax(loss, axis=1)]
    return all_of(
        {
            "peak": decide(median(peak, unit="nats"), between(70, 125), extra={"peak": peak.tolist()}),
            "step": decide(median(step, unit="steps"), at_most(1500), extra={"step": step.tolist()}),
        }
    )


@claim(
    id="grokking.05",
    title="Weight norm rises, then falls by half; tables stay large",
    statement="The norm of all weights peaks early and then falls by about 46 %, while the two collapsed tables end "
    "large.",
    source=f"{PAGE}, log of the saved training notebook",
    published="L2 norm 37.4 at the start, 53.7 at step 1,100, 28.9 at the end; Frobenius norms of W_in and W_out at "
    "the end 108.7 and 121.3",
    measure="L2 norm of all trained weights at step 0, at its peak and at the end; norms of the collapsed tables at "
    "the end, over seeds that had generalised 5,000 steps before",
    rule="intervals of the medians: start in 36.9 to 37.9, peak in 48 to 59, fall from the peak in 36 to 56 %, W_in in "
    "80 to 140, W_out in 90 to 155",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="D",
    scales=("laptop", "paper"),
    cost={"laptop": "10 minutes on two cores"},
    needs=main_run,
)
def norms_over_time(evidence: Evidence) -> Finding:
    """Claim 5."""
    table = settled(evidence.run)
    if len(table.members) < 2:
        return undecided(
            f"{counted(len(table.members), 'seed')} settled", "Too few seeds settled.", seeds=len(table.members)
        )
    norm = table.of("l2_norm")
    peak = np.nanmax(norm, axis=1)
    fall = 100 * (1 - table.last("l2_norm") / peak)
    step = median(table.steps[np.nanargmax(norm, axis=1)], unit="steps")
    return all_of(
        {
            "fall": decide(median(fall, unit="%"), between(36, 56)),
            "start": decide(median(norm[:, 0]), between(36.9, 37.9)),
            "peak": decide(median(peak), between(48, 59), measured=f"{median(peak)} at step {step}"),
            "W_in": decide(median(table.last("table_norm_in")), between(80, 140)),
            "W_out": decide(median(table.last("table_norm_out")), between(90, 155)),
        }
    )


def largest_rise(loss: Float[np.ndarray, " step"], smooth: int = 5) -> float:
    """Largest ratio of a curve to its own earlier minimum, after a running median over `smooth` logs; 1 if it falls."""
    windows = np.lib.stride_tricks.sliding_window_view(loss, smooth)
    running = np.median(windows, axis=-1)
    return float((running / np.minimum.accumulate(running)).max())


@claim(
    id="grokking.06",
    title="Train loss falls steadily through the modular switch",
    statement="On modular addition the train loss falls monotonically through the switch from memorising to "
    "generalising, unlike parity, where it rises a little first. (The parity half is judged in grokking.25.)",
    source=f"{PAGE}, figures 6 and 14",
    published="monotone in figure 14",
    measure="largest ratio of train loss to its own earlier minimum, running median over five logs, from half the time "
    "of 95 % test accuracy to 2,000 steps after 99 %",
    rule="the interval of the median over seeds lies at or below 1.1 (a rise of a tenth counts as none); contradicted "
    "if it lies above",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="P",
    scales=("laptop", "paper"),
    cost={"laptop": "10 minutes on two cores"},
    needs=main_run,
)
def train_loss_through_the_switch(evidence: Evidence) -> Finding:
    """Claim 6, modular half."""
    table = curves(evidence.run)
    loss, first = table.of("train_loss"), outcome(table).t_gen / 2
    last = outcome(table, level=0.99).t_gen + 2000
    rises = []
    for row, low, high in zip(loss, first, last, strict=True):
        window = row[(table.steps >= low) & (table.steps <= high) & np.isfinite(row)] if math.isfinite(high) else []
        if len(window) >= 10:
            rises.append(largest_rise(np.asarray(window)))
    if len(rises) < 2:
        return undecided(f"{counted(len(rises), 'seed')} switched", "Too few seeds generalised.", seeds=len(rises))
    note = "The comparison with parity is judged in grokking.25."
    return decide(median(rises, unit="x"), at_most(1.1), note=note, extra={"rise": rises})
