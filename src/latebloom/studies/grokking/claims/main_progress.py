"""Claims on the main run: measures that move before the test loss does, and whether they foretell the switch."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from latebloom.claims import (
    Evidence,
    Finding,
    Verdict,
    all_of,
    at_most,
    claim,
    counted,
    decide,
    settle,
    undecided,
    with_control,
)
from latebloom.claims.statistics import RankCorrelation, median, paired_ratio, rank_correlation, share_of
from latebloom.instruments.events import first_stayed
from latebloom.instruments.progress_rows import (
    excluded_loss_of_rows,
    hidden_mean_over_sums,
    restricted_loss_of_sums,
)
from latebloom.randomness import stream
from latebloom.runs.run import Run
from latebloom.studies.curves import Curves, curves
from latebloom.studies.grokking.claims.dynamics_tables import FIXED
from latebloom.studies.grokking.claims.main_runs import (
    MORE_SEEDS,
    NATS,
    P,
    few,
    from_step,
    main_run,
    outcome,
    settled,
    vectors,
)
from latebloom.tasks import ModularArithmetic

NANDA = "Nanda et al. 2023, arXiv:2301.05217"
GUESSING = math.log(P)  # nats
COST = {"laptop": "10 minutes on two cores"}


@claim(
    id="grokking.41",
    title="Key frequencies carry the network before test loss falls",
    statement="Excluded loss rises and restricted loss falls before the test loss moves.",
    source=f"{NANDA}, section on progress measures",
    published="both change during circuit formation (steps 1,400 to 9,400), while test loss falls in the clean-up "
    "(9,400 to 14,000), for a transformer modulo 113",
    measure="key frequencies: those in use at the end (page's rule), as in the paper; restricted and excluded loss "
    "recomputed from the collapsed tables every 500 steps. For each curve the first step after memorising from which "
    "it stays beyond ln 67, the loss of guessing: restricted and test loss below it, excluded loss above it",
    rule="the median over seeds of the ratio of that step to the test loss's step has an interval below 1 for excluded "
    "and for restricted loss",
    control="as many frequencies that are not in use at the end: both measures precede the test loss in at most a "
    "fifth of the seeds",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="N",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def before_the_test_loss(evidence: Evidence) -> Finding:
    """Claim 41."""
    table = settled(evidence.run)
    n = len(table.members)
    if n < 5:
        return few(table)
    start = outcome(table).t_mem
    test = first_stayed(table.steps, -from_step(table, NATS * table.of("test_loss"), start), -GUESSING, 3)
    visible = first_stayed(table.steps, from_step(table, table.of("test_accuracy"), start), 0.05, 3)
    keys = vectors(table, "group_size") > 0
    times = _times(cast(Run, evidence.run), table, keys, start)
    wrong = np.array([_others(row, int(seed)) for row, seed in zip(keys, table.field("seed"), strict=True)])
    control = _times(cast(Run, evidence.run), table, wrong, start)
    parts = {}
    for name, own in times.items():
        ratio = paired_ratio(np.where(np.isfinite(own), own, table.steps[-1]), test)
        lead = median(visible - np.where(np.isfinite(own), own, table.steps[-1]), unit="steps")
        told = f"{ratio} of the test loss's step; {lead} before test accuracy stays above 5 %"
        parts[name] = decide(ratio, at_most(1.0), measured=told, extra={"step": own.tolist()})
    found = all_of(parts, note=f"Test loss passes ln 67 at {median(test, unit='steps')}.")
    other = share_of((control["excluded"] < test) & (control["restricted"] < test))
    return with_control(found, settle(other.value > 0.2, f"other frequencies precede in {other} of seeds", seeds=n))


def _others(used: Bool[np.ndarray, " frequency"], seed: int) -> Bool[np.ndarray, " frequency"]:
    """As many frequencies that are not in use."""
    free = np.flatnonzero(~used)
    chosen = stream(seed, "control frequencies").permutation(free)[: int(used.sum())]
    return np.isin(np.arange(len(used)), chosen)


def _times(
    run: Run, table: Curves, keys: Bool[np.ndarray, "member frequency"], start: Float[np.ndarray, " member"]
) -> dict[str, Float[np.ndarray, " member"]]:
    """When excluded loss stays above and restricted loss below the loss of guessing, after memorising."""
    times: dict[str, list[float]] = {"excluded": [], "restricted": []}
    for place, member in enumerate(table.members.index):
        own = table.frame[(table.frame["member"] == member) & table.frame["table_in"].notna()]
        task = ModularArithmetic.model_validate(run.specification(int(member))["task"])
        steps, restricted, excluded = progress_with_keys(own, task, keys[place])
        late = steps >= start[place]
        for name, curve in (("excluded", excluded - GUESSING), ("restricted", GUESSING - restricted)):
            times[name].append(float(first_stayed(steps[late], curve[None, late], 0.0, 2)[0]))
    return {name: np.array(values) for name, values in times.items()}


def progress_with_keys(
    rows: pd.DataFrame, task: ModularArithmetic, keys: Bool[np.ndarray, " frequency"], chunk: int = 16
) -> tuple[Float[np.ndarray, " step"], Float[np.ndarray, " step"], Float[np.ndarray, " step"]]:
    """Steps, restricted loss (all pairs) and excluded loss (training rows) of one member for given key frequencies.

    Nats per example, recomputed from the collapsed tables that the run recorded in the member's rows.
    """
    train = torch.from_numpy(task.table()[task.split(int(rows["seed"].iloc[0]))[0]])
    mask = torch.from_numpy(keys)
    losses = []
    for first in range(0, len(rows), chunk):
        part = rows.iloc[first : first + chunk]
        into, onto = (torch.from_numpy(np.stack(part[name].to_list())) for name in ("table_in", "table_out"))
        into, onto = into.unflatten(1, (task.p, -1)).double(), onto.unflatten(1, (task.p, -1)).double()
        sums = hidden_mean_over_sums(into, into) @ onto.transpose(1, 2)
        logits = torch.relu(into[:, train[:, 0]] + into[:, train[:, 1]]) @ onto.transpose(1, 2)
        excluded = excluded_loss_of_rows(logits, sums, mask, task.answer(train)[None])
        losses.append(torch.stack([restricted_loss_of_sums(sums, mask), excluded]).numpy())
    restricted, excluded_losses = np.concatenate(losses, axis=1)
    return rows["step"].to_numpy(dtype=np.float64), restricted, excluded_losses


@claim(
    id="grokking.42",
    title="Gini and IPR jump at the clean-up, not before",
    statement="Fourier sparsity (Gini coefficient of W_E and of the output map, inverse participation ratio of "
    "neurons) jumps when test accuracy starts to rise, not before.",
    source=f"{NANDA}, section on progress measures; Gromov 2023, arXiv:2301.02679",
    published="Gini rises sharply in the clean-up phase (Nanda); IPR grows from the start, in four regimes (Gromov, "
    "another network)",
    measure="share of the rise from memorising (train accuracy 99 %) to the end that has happened when test accuracy "
    "begins to stay above 5 %",
    rule="for all three measures the interval of the median share over seeds lies at or below one third; contradicted "
    "if one lies above",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="N",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def jump_at_cleanup(evidence: Evidence) -> Finding:
    """Claim 42."""
    table = settled(evidence.run)
    if len(table.members) < 5:
        return few(table)
    start = outcome(table).t_mem
    visible = first_stayed(table.steps, from_step(table, table.of("test_accuracy"), start), 0.05, 3)
    parts = {}
    for column in ("gini_embed", "gini_out", "ipr_in"):
        values = table.of(column)
        # The first and the last measured value within a window of steps.
        first = _edge(from_step(table, values, start), 0)
        before = _edge(np.where(table.steps <= visible[:, None], values, np.nan), -1)
        part = median((before - first) / (table.last(column) - first))
        told = f"{part} (from {median(first)} to {median(table.last(column))})"
        parts[column] = decide(part, at_most(1 / 3), measured=told)
    note = f"Test accuracy begins to stay above 5 % at {median(visible, unit='steps')}."
    return all_of(parts, note=note)


def _edge(values: Float[np.ndarray, "member step"], which: int) -> Float[np.ndarray, " member"]:
    return np.array([row[np.isfinite(row)][which] for row in values])


FORECAST_AT = 3000
EARLIEST = 10_000  # 3,000 is 0.3 of it
PREDICTORS = ("ipr_in", "max_excluded_loss", "restricted_loss", "norm_slope")


@claim(
    id="grokking.55",
    title="An early measure foretells when a seed generalises",
    statement="A progress measure taken before 0.3 of the time to generalise ranks the seeds by that time.",
    source="an open question without a published answer",
    published="no published answer for these networks",
    measure="at step 3,000, for seeds that reach 95 % test accuracy at step 10,000 or later (one step for all: a step "
    "in units of the answer would give the answer away): mean IPR of neurons, largest single-frequency excluded loss, "
    "restricted loss with the key frequencies of that step, log slope of the weight norm from 2,000 to 3,000. Spearman "
    "correlation with the step of 95 % test accuracy; seeds that do not reach it rank last",
    rule="at least one of the four has a permutation p-value below 0.0125 (0.05 shared by four); contradicted if none "
    "has and every interval lies within -0.6 to 0.6",
    control="the same four against the times shuffled between seeds must be contradicted",
    fixed=FIXED,
    changes=(MORE_SEEDS,),
    tag="E",
    scales=("laptop", "paper"),
    cost=COST,
    needs=main_run,
)
def forecast(evidence: Evidence) -> Finding:
    """Claim 55."""
    table = curves(evidence.run)
    out = outcome(table)
    late = out.t_gen >= EARLIEST
    if late.sum() < 10 or table.steps[-1] < 2 * EARLIEST:
        return undecided(counted(late.sum(), "seed"), "Too few seeds, or too short a run.", seeds=int(late.sum()))
    times = np.where(out.censored, out.last_step + 1, out.t_gen)[late]
    table = table.where(late)
    rows = {name: early_value(table, name, FORECAST_AT) for name in PREDICTORS}
    found = foretelling({name: rank_correlation(row, times) for name, row in rows.items()}, len(times))
    shuffled = stream(0, "shuffled times").permutation(times)
    control = foretelling({name: rank_correlation(row, shuffled) for name, row in rows.items()}, len(times))
    return with_control(replace(found, extra={"explored": explored(table, times)}), control)


def early_value(table: Curves, name: str, step: int) -> Float[np.ndarray, " member"]:
    """A quantity at one step; `norm_slope` is the log slope of the weight norm over the 1,000 steps before."""
    if name == "norm_slope":
        return np.log(early_value(table, "l2_norm", step) / early_value(table, "l2_norm", step - 1000))
    return table.of(name)[:, int(np.flatnonzero(table.steps == step)[0])]


def explored(table: Curves, times: Float[np.ndarray, " member"]) -> dict[str, float]:
    """Rank correlations with further quantities and steps, for reading only: they were not chosen beforehand."""
    found = {}
    for name in ("test_loss", "test_accuracy", "train_loss", "l2_norm", "gini_out", "ipr_out", *PREDICTORS[:3]):
        for step in (1000, 2000, 3000):
            row = early_value(table, name, step)
            if np.ptp(row) > 0:
                found[f"{name} at {step}"] = rank_correlation(row, times).estimate.value
    return found


def foretelling(found: Mapping[str, RankCorrelation], n: int) -> Finding:
    """The rule of claim 55 applied to rank correlations, each predictor's own."""
    best = min(found, key=lambda name: found[name].p_value)
    if found[best].p_value < 0.05 / len(found):
        verdict = Verdict.REPRODUCED
    elif all(row.estimate.low >= -0.6 and row.estimate.high <= 0.6 for row in found.values()):
        verdict = Verdict.CONTRADICTED
    else:
        verdict = Verdict.INCONCLUSIVE
    told = "; ".join(f"{name} {row.estimate} (p = {row.p_value:.3g})" for name, row in found.items())
    estimates = {name: row.estimate for name, row in found.items()}
    return Finding(told, verdict, n, found[best].estimate, estimates)
