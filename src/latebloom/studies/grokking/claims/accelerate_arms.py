"""Arms of a comparison: when each seed generalised, which setting a tuned arm uses, how much faster one arm is.

An arm's table has one row a member: `seed`, the varied fields, `t_mem` and `t_gen` (inf where it did not happen) and
`limit`, the last step anybody of the run was watched.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from latebloom.claims import Finding, Readable
from latebloom.claims.statistics import Estimate, paired_ratio, share_of, survival_median
from latebloom.instruments.outcome import outcome_by_time

LEVEL = 0.95
WINDOW = 3
NEVER = 1e12  # stands for an unknown later time while a ratio is resampled
UNKNOWN = 1e6  # no real ratio of two times is as large; beyond it `NEVER` was at work


def arm(run: Readable, window: int = WINDOW) -> pd.DataFrame:
    """When each member memorised (train accuracy 0.99) and generalised (test accuracy 0.95 for `window` logs)."""
    frame = run.measurements()
    train, test = (curves(frame, column) for column in ("train_accuracy", "test_accuracy"))
    steps = train.columns.to_numpy(dtype=float)
    found = outcome_by_time(steps, train.to_numpy(), test.to_numpy(), chance=0.0, level=LEVEL, window=window)
    members = run.members().set_index("member").loc[train.index]
    return members.assign(t_mem=found.t_mem, t_gen=found.t_gen, limit=float(steps.max())).reset_index()


def curves(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """One quantity as [member, step]; NaN where a member was no longer there."""
    return frame.pivot(index="member", columns="step", values=column).sort_index(axis=1)


def happened(table: pd.DataFrame, column: str = "t_gen") -> Estimate:
    """Share of members that an event happened to."""
    return share_of(np.isfinite(table[column]))


def median_time(table: pd.DataFrame, column: str = "t_gen") -> Estimate:
    """Survival median of an arm's times; members without the event are censored at the limit."""
    times = table[column].to_numpy(dtype=float)
    seen = np.isfinite(times)
    return survival_median(np.where(seen, times, table["limit"]), seen, unit="steps")


def tuned(table: pd.DataFrame, by: Sequence[str] = ("lr", "weight_decay")) -> pd.DataFrame:
    """Each seed at the setting that was best on the other seeds, so that no seed chooses its own setting.

    Best is the smallest geometric mean of the times to generalise; a run that never did counts as twice its budget.
    """
    times = table["t_gen"].where(np.isfinite(table["t_gen"]), 2 * table["limit"])
    scored = table.assign(cost=np.log(times.clip(lower=1)), setting=table.groupby(list(by)).ngroup())
    rows = []
    for seed in sorted(scored["seed"].unique()):
        others = scored[scored["seed"] != seed]
        others = scored if others.empty else others
        best = others.groupby("setting")["cost"].mean().idxmin()
        rows.append(scored[(scored["setting"] == best) & (scored["seed"] == seed)])
    return pd.concat(rows, ignore_index=True).drop(columns=["cost", "setting"])


def speed_up(slow: pd.DataFrame, fast: pd.DataFrame, column: str = "t_gen") -> Estimate:
    """How many times sooner `fast` generalises, or meets another event: ratio of times, seed by seed (see `ratio`)."""
    pair = slow.merge(fast, on="seed", suffixes=("_slow", "_fast"))
    return ratio(pair[f"{column}_slow"], pair["limit_slow"], pair[f"{column}_fast"], pair["limit_fast"])


def ratio(top: pd.Series, top_limit: pd.Series, bottom: pd.Series, bottom_limit: pd.Series) -> Estimate:
    """Median over pairs of top / bottom, times that may be inf: "not by the limit".

    A pair with such a time has a ratio between two bounds, one of them 0 or infinite. The lower end of the interval
    is that of the lower bounds, the upper end that of the upper bounds. The value is the median of the upper bounds:
    the median itself where that is known, infinite ("> the median of the lower bounds") where half of the tops never
    happened.
    """

    def of(top_unknown: float | pd.Series, bottom_unknown: float | pd.Series) -> Estimate:
        above, below = top.where(np.isfinite(top), top_unknown), bottom.where(np.isfinite(bottom), bottom_unknown)
        return paired_ratio(above.clip(lower=1), below.clip(lower=1))  # an event at step 0 counts as step 1

    lower, upper = of(top_limit, NEVER), of(NEVER, bottom_limit)
    low, least = (0.0 if 0 < end < 1 / UNKNOWN else end for end in (lower.low, lower.value))
    value, high = (math.inf if end > UNKNOWN else end for end in (upper.value, upper.high))
    return Estimate(value, max(low, 0.0), high, lower.n, "x", limit=least)


def with_estimates(finding: Finding, more: Mapping[str, Estimate], note: str = "") -> Finding:
    """The finding with further named numbers that the rule does not use."""
    told = " ".join(part for part in (finding.note, note) if part)
    return replace(finding, estimates={**finding.estimates, **more}, note=told)
