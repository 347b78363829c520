"""Claims about small networks: collapsed tables, five neurons, and generalising that is not for ever."""

import numpy as np
from jaxtyping import Float

from latebloom.claims import (
    Change,
    Evidence,
    Finding,
    all_of,
    asks_for,
    at_least,
    at_most,
    between,
    claim,
    decide,
    with_control,
)
from latebloom.claims.statistics import Estimate, median, share_of
from latebloom.studies.curves import curves, median_time, running_median
from latebloom.studies.grokking.claims.small_tables import (
    FIXED,
    PEARCE,
    UNIFORM,
    Flags,
    P,
    outcomes,
)

PRODUCTS = {
    "both collapsed": ("collapsed", "collapsed"),
    "input factored": ("factored", "collapsed"),
    "output factored": ("collapsed", "factored"),
    "both factored": ("factored", "factored"),
}


@claim(
    id="grokking.11",
    title="With both tables collapsed weight decay does not generalise",
    statement="A network that trains its two 67 x 24 tables directly never generalises under weight decay; making "
    "either table a product of two matrices lets it.",
    source=f"{PEARCE}, architecture sweep",
    published="no generalisation with both products collapsed; at least one matrix must be a product of two",
    measure="share of nine seeds whose test accuracy reaches 0.95 and stays for three logs; all ordered pairs mod 67, "
    "f 0.4, lr 0.01, 10,000 steps, each architecture at its best of decay 0.1, 0.3 and 1",
    rule="both collapsed: the share's interval lies at or below 0.3; input factored, and output factored: at or above "
    "0.5",
    control="the two factored architectures are the positive control of the first condition",
    fixed=FIXED,
    tag="P",
    scales=("laptop",),
    cost={"laptop": "4 minutes"},
    needs=asks_for("grokking.architectures"),
)
def collapsed(evidence: Evidence) -> Finding:
    """Shares by architecture, each at its best weight decay."""
    table = curves(evidence.run)
    reached = np.isfinite(outcomes(table).t_gen)
    fields = [table.field(name) for name in ("in_product", "out_product", "weight_decay")]
    best: dict[str, tuple[Estimate, float]] = {}
    every: dict[str, float] = {}
    for name, products in PRODUCTS.items():
        for decay in np.unique(fields[2]):
            own = (fields[0] == products[0]) & (fields[1] == products[1]) & (fields[2] == decay)
            found = share_of(reached[own])
            every[f"{name}, decay {decay:g}"] = found.value
            if name not in best or found.value > best[name][0].value:
                best[name] = (found, float(decay))
    limits = {"both collapsed": at_most(0.3), "input factored": at_least(0.5), "output factored": at_least(0.5)}
    return all_of(
        {
            name: decide(best[name][0], limit, measured=f"{best[name][0]} at decay {best[name][1]:g}")
            for name, limit in limits.items()
        },
        note="Share that generalised in each setting: " + ", ".join(f"{k}: {v:.2f}" for k, v in every.items()) + ".",
    )


# --- 13: five neurons ------------------------------------------------------------------------------------------------


@claim(
    id="grokking.13",
    title="Five neurons on a frozen circle: train and test together",
    statement="With the embedding frozen to one circle and five neurons, training reaches 100 % on train and test "
    "together after about 10,000 steps: the network is too small to memorise.",
    source=f"{PEARCE}, five-neuron figure and its training log",
    published="train 100 % at step 10,080, test within about 100 steps of it (one seed)",
    measure="first logged step with test accuracy 1 (kept for three logs); paired gap of the steps at which test and "
    "train reach 0.95; 24 seeds, logs every 100 steps",
    rule="the survival median of the first lies within 5,000 and 20,000 steps; the median gap lies within ±500 steps",
    fixed=FIXED,
    tag="PD",
    scales=("laptop",),
    cost={"laptop": "1 minute"},
    changes=(
        Change(
            FIXED,
            "24 seeds instead of nine: five of the first nine never left an accuracy of 0.22 to 0.30, and four that "
            "did are too few for a gap. The rule is the same.",
        ),
    ),
    needs=asks_for("grokking.five_neurons"),
)
def together(evidence: Evidence) -> Finding:
    """Time to a perfect test set, and the gap between train and test."""
    table = curves(evidence.run)
    perfect = table.reached("test_accuracy", 1.0)
    train, test = table.reached("train_accuracy", 0.95), table.reached("test_accuracy", 0.95)
    both = np.isfinite(train) & np.isfinite(test)
    time = decide(median_time(table, perfect), between(5_000, 20_000))
    reached = int(np.isfinite(perfect).sum())
    note = f"{reached} of {len(perfect)} seeds answered every test pair; best accuracies of the seeds: " + ", ".join(
        f"{value:.3f}" for value in np.sort(table.highest("test_accuracy"))
    )
    parts = {"all test pairs right": time}
    if both.any():
        gap = median(test[both] - train[both], unit="steps")
        parts["gap at 95 %"] = decide(gap, between(-500, 500), seeds=int(both.sum()))
    return all_of(parts, note=note + ".")


# --- 27, 28: generalising is not for ever ----------------------------------------------------------------------------


def reversed_late(
    train: Float[np.ndarray, "member step"],
    test: Float[np.ndarray, "member step"],
    periodic: Float[np.ndarray, "member step"],
) -> Flags:
    """Whether test loss fell, then rose while train loss did not, with input tables that stayed periodic (claim 27)."""
    lowest = test.argmin(1)
    row = np.arange(len(test))
    fell = test[row, lowest] <= UNIFORM / 2
    rose = (test[:, -1] >= 2 * test[row, lowest]) & (train[:, -1] <= train[row, lowest])
    stayed = (periodic[:, -1] >= 0.5) & (periodic[:, -1] >= 0.8 * periodic[row, lowest])
    return np.asarray(fell & rose & stayed)


def bounce(test: Float[np.ndarray, "member step"]) -> Flags:
    """Whether test loss fell to half of uniform guessing or lower, then at least doubled, then came back (claim 28)."""
    found = np.zeros(len(test), dtype=bool)
    for member, loss in enumerate(test):
        low = np.minimum.accumulate(loss)
        back = np.minimum.accumulate(loss[::-1])[::-1]
        found[member] = bool(((low <= UNIFORM / 2) & (loss >= 2 * low) & (back <= low)).any())
    return found


@claim(
    id="grokking.27",
    title="Reverse grokking: a very small network generalises first",
    statement="With 435 parameters and no weight decay test loss first falls and later rises while train loss goes on "
    "falling; the embedding stays periodic.",
    source=f"{PEARCE}, reverse-grokking figure (embed 5, hidden 10)",
    published="seen in one run (seed 68); how often is not published",
    measure="share of 50 seeds in which (running median of five logs) the lowest test loss is at most half of ln 67, "
    "the last one at least twice the lowest, train loss not higher at the end than there, and the median neuron keeps "
    "at least half of its input energy in one frequency, and 0.8 of what it had",
    rule="the interval of that share lies above 0.1; contradicted if it lies below",
    control="at step 0 the tables of at most one member in ten pass for periodic",
    fixed=FIXED,
    tag="P",
    scales=("laptop",),
    cost={"laptop": "2 minutes"},
    needs=asks_for("grokking.reverse"),
)
def reverse(evidence: Evidence) -> Finding:
    """How often a small network loses what it had."""
    table = curves(evidence.run)
    train, test = (running_median(P * table.of(name), 5) for name in ("train_loss", "test_loss"))
    periodic = table.of("in_share")
    found = share_of(reversed_late(train, test, periodic))
    rise = median(test[:, -1] / test.min(1), unit="x")
    accuracy = table.of("test_accuracy")
    told = (
        f"share {found}; last test loss over lowest: {rise}; lowest test loss: median "
        f"{np.median(test.min(1)):.2g} nats; test accuracy: best {np.median(accuracy.max(1)):.2f}, "
        f"last {np.median(accuracy[:, -1]):.2f} (medians)"
    )
    finding = decide(found, at_least(0.1), measured=told, extra={"rise": np.sort(test[:, -1] / test.min(1))})
    return with_control(finding, decide(share_of(periodic[:, 0] >= 0.5), at_least(0.1)))


@claim(
    id="grokking.28",
    title="Generalise, memorise, generalise again",
    statement="A small network under weak weight decay generalises, then memorises (test loss rises), then generalises "
    "again.",
    source=f"{PEARCE}, last reversal figure (embed 8, hidden 16)",
    published="seen in one run (seed 78, 80,000 steps); how often is not published",
    measure="share of nine seeds in which test loss (running median of five logs, each 400 steps apart) falls to half "
    "of ln 67 or lower, then at least doubles, then comes back to its earlier lowest or below",
    rule="the interval of that share lies above 0.1; contradicted if it lies below",
    fixed=FIXED,
    tag="P",
    scales=("laptop",),
    cost={"laptop": "3 minutes"},
    needs=asks_for("grokking.regained"),
)
def regained(evidence: Evidence) -> Finding:
    """How often a small network loses what it had and finds it again."""
    table = curves(evidence.run)
    test = running_median(P * table.of("test_loss"), 5)
    found = share_of(bounce(test))
    lost = share_of((test.min(1) <= UNIFORM / 2) & (test[:, -1] >= 2 * test.min(1)))
    accuracy = table.of("test_accuracy")
    last = ", ".join(f"{value:.2f}" for value in np.sort(accuracy[:, -1]))
    return decide(
        found,
        at_least(0.1),
        measured=f"share {found}; still risen at the end: {lost}; last test accuracies {last}",
        extra={"lowest_test_loss": test.min(1), "last_test_loss": test[:, -1]},
    )
