"""What specialists do: on their own class beside least squares, Lasso and the optimum, and on the other class.

The sparse one beside the exact optimum of its own class: see `own_optimum`.
"""

import numpy as np

from latebloom.claims import Evidence, Finding, all_of, at_least, at_most, claim, decide, with_control
from latebloom.claims.statistics import median, paired_ratio
from latebloom.studies.curves import paired_networks
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.networks import (
    Network,
    by_count,
    curve,
    curves,
    prompts,
    untrained_curves,
)
from latebloom.studies.model_selection.claims.references import optimum_curve, tuned_lasso
from latebloom.studies.model_selection.claims.selection import COST
from latebloom.studies.model_selection.claims.words import FIXED, FLOOR, GARG, MAIN, PANWAR, SCALES, linear
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE
from latebloom.tasks import InContextFunctions


def middle(task: InContextFunctions) -> list[int]:
    """Numbers of pairs from d / 2 to 3 d / 4: the class can be known, the function not yet."""
    return list(range(max(task.d // 2, 1), max(3 * task.d // 4, 1) + 1))


def errors_on(evidence: Evidence, on: str) -> tuple[dict[str, np.ndarray], list[Network]]:
    """Curves [network, place] of the three arms on one class, networks of equal seed in equal rows."""
    groups = networks.arms(evidence.run)
    names = (MIXTURE, DENSE, SPARSE)
    rows = paired_networks(*(groups[name] for name in names))
    asked = prompts(rows[0][0].task, on)
    return {name: curves(row, asked) for name, row in zip(names, rows, strict=True)}, rows[1]


@claim(
    id="model_selection.04",
    title="A network that saw only sparse functions fails on dense",
    statement="The specialist of the other class is visibly bad: the sparse one on dense functions.",
    source=f"{MAIN}, figure 2a; {PANWAR}",
    published="at full scale with 3 of 20 weights, sparse specialist on dense functions: 0.87, 0.38, 0.19 after 10, "
    "20, 40 pairs (dense specialist 0.50, 0.017, 0.000)",
    measure="error after d pairs on dense prompts, sparse specialist over dense specialist of the same seed; what the "
    "exact optimum of sparse functions does there is told beside it",
    rule="the median ratio over seeds is at least 3",
    control="the mixture in the sparse specialist's place",
    fixed=FIXED,
    tag="DR",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def sparse_fails_on_dense(evidence: Evidence) -> Finding:
    """Claim 4."""
    found, nets = errors_on(evidence, DENSE)
    task = nets[0].task
    at = task.d
    own = np.maximum(found[DENSE][:, at], FLOOR)
    ratio = paired_ratio(np.maximum(found[SPARSE][:, at], FLOOR), own)
    best = {name: optimum_curve(task, DENSE, text) for name, text in (("sparse", SPARSE), ("dense", DENSE))}
    note = (
        f"After {at} pairs: sparse specialist {np.median(found[SPARSE][:, at]):.3f}, dense specialist "
        f"{np.median(own):.3f}; exact optimum of sparse functions {best['sparse'][at]:.3f}, of dense "
        f"{best['dense'][at]:.3f}."
    )
    rows = by_count(
        {f"trained on {name}": values for name, values in found.items()}
        | {f"optimum of {name}": values for name, values in best.items()}
    )
    whole = decide(ratio, at_least(3.0), note=note, extra={"dense: error by pairs seen": rows})
    mixed = paired_ratio(np.maximum(found[MIXTURE][:, at], FLOOR), own)
    return with_control(whole, decide(mixed, at_least(3.0), measured=f"mixture {mixed}"))


@claim(
    id="model_selection.05",
    title="One that saw only dense is least squares on sparse",
    statement="The dense specialist does not notice that a function is sparse: it is as good as least squares.",
    source=f"{MAIN}, figure 2b; {PANWAR}",
    published="at full scale, dense specialist on functions with 3 of 20 weights: 0.49 after 10 pairs, 0.017 after 20; "
    "least squares without noise is exactly 1 - k/d",
    measure="largest distance, up to 3d/4 pairs, between its error on sparse prompts and that of the exact optimum of "
    "dense functions (ridge) on the same prompts",
    rule="the median over seeds is at most 0.05",
    control="the sparse specialist in its place",
    fixed=FIXED,
    tag="DR",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def dense_is_least_squares_on_sparse(evidence: Evidence) -> Finding:
    """Claim 5."""
    found, nets = errors_on(evidence, SPARSE)
    task = nets[0].task
    ridge, upto = optimum_curve(task, SPARSE, DENSE), middle(task)[-1] + 1
    apart, control = (median(np.abs(found[name] - ridge)[:, :upto].max(1)) for name in (DENSE, SPARSE))
    rows = {"dense specialist": found[DENSE], "sparse specialist": found[SPARSE], "ridge": ridge}
    rows["1 - k/d"] = np.maximum(1 - np.arange(task.points) / task.d, 0)
    whole = decide(apart, at_most(0.05), extra={"sparse: error by pairs seen": by_count(rows)})
    return with_control(whole, decide(control, at_most(0.05), measured=f"sparse specialist {control}"))


@claim(
    id="model_selection.20",
    title="The dense specialist is as good as least squares",
    statement="A network trained on dense linear functions learns them in context as well as least squares does.",
    source=f"{GARG}, figure 2",
    published="0.02 after d = 20 pairs and 0.0006 after 2d, without noise on labels",
    measure="error on dense prompts after d and 2d pairs; noise of variance 0.01 on labels, so that the best possible "
    "after 2d pairs is not 0",
    rule="medians over seeds: at most 0.25 after d pairs, and at most 0.02 above exact ridge after 2d",
    control="the sparse specialist in its place",
    fixed=FIXED,
    tag="P",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def dense_is_least_squares(evidence: Evidence) -> Finding:
    """Claim 20."""
    found, nets = errors_on(evidence, DENSE)
    d, last = nets[0].task.d, min(2 * nets[0].task.d, nets[0].task.points - 1)
    ridge = optimum_curve(nets[0].task, DENSE, DENSE)

    def rule(own: np.ndarray) -> Finding:
        return all_of(
            {
                f"after {d}": decide(median(own[:, d]), at_most(0.25)),
                f"above ridge after {last}": decide(median(own[:, last] - ridge[last]), at_most(0.02)),
            }
        )

    note = f"Exact ridge: {ridge[d]:.4f} after {d} pairs, {ridge[last]:.4f} after {last}."
    rows = by_count({"dense specialist": found[DENSE], "ridge": ridge})
    whole = all_of({"error": rule(found[DENSE])}, note=note).with_rows({"dense: error by pairs seen": rows})
    return with_control(whole, networks.told_of("sparse specialist", rule(found[SPARSE])))


@claim(
    id="model_selection.21",
    title="The sparse specialist is as good as Lasso, not the optimum",
    statement="A network trained on sparse functions matches Lasso, and stays above the exact posterior mean.",
    source=f"{GARG}, figure 3; the second part is ours",
    published="with 3 of 20 weights, network and Lasso: 0.58 and 0.62 after 5 pairs, 0.09 and 0.08 after 10",
    measure="error on sparse prompts from d/2 pairs on; Lasso's penalty is the best at each number of pairs, chosen on "
    "other prompts; the optimum enumerates supports",
    rule="medians over seeds: at no number of pairs more than 0.1 above Lasso; and the mean distance to the optimum is "
    "above 0",
    control="the untrained network must fail the first part",
    fixed=FIXED,
    tag="PE",
    scales=SCALES,
    cost=COST,
    needs=linear,
)
def sparse_is_lasso(evidence: Evidence) -> Finding:
    """Claim 21."""
    found, nets = errors_on(evidence, SPARSE)
    task = nets[0].task
    lasso = curve(tuned_lasso(task).prefixes, prompts(task, SPARSE))
    best, first = optimum_curve(task, SPARSE, SPARSE), middle(task)[0]

    def above_lasso(own: np.ndarray) -> Finding:
        return decide(median((own - lasso)[:, first:].max(1)), at_most(0.1))

    parts = {
        "above Lasso": above_lasso(found[SPARSE]),
        "above the optimum": decide(median((found[SPARSE] - best)[:, first:].mean(1)), at_least(0.0)),
    }
    rows = by_count({"sparse specialist": found[SPARSE], "Lasso": lasso, "optimum of sparse": best})
    whole = all_of(parts).with_rows({"sparse: error by pairs seen": rows})
    before = untrained_curves(nets, prompts(task, SPARSE))
    return with_control(whole, networks.told_of("untrained", above_lasso(before)))
