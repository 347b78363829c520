"""What became of each parity network, by the explorable's rule and by times, and how that depends on thresholds."""

import numpy as np
import pandas as pd
from jaxtyping import Bool

from latebloom.claims import Readable
from latebloom.claims.statistics import Estimate, mean
from latebloom.instruments.outcome import RATIO_LABELS, TIME_LABELS, TimeOutcome, outcome_by_ratio, outcome_by_time
from latebloom.studies.curves import Curves, curves

# The smallest loss in the page's table, exactly. Ours can be smaller, and exactly 0 in float32; a ratio to 0 would be
# above any threshold, so the page's rule is applied as the page could apply it: to losses of at least this.
FLOOR = 2.0**-23
LOSS, RATIO = 1e-5, 5e4  # the page's sliders as they stand at first


def ratio_labels(
    table: Curves, loss: float = LOSS, ratio: float = RATIO, floor: float = FLOOR
) -> np.ndarray:  # [member] of RATIO_LABELS
    """The explorable's label of every member; smaller losses are raised to `floor` first (0: left as they are)."""
    train, test = (np.maximum(table.of(f"{split}_loss"), floor) for split in ("train", "test"))
    return outcome_by_ratio(train, test, loss_threshold=loss, ratio_threshold=ratio).label


def timed(table: Curves, level: float = 0.95, min_delay: float = 1000) -> TimeOutcome:
    """The recommended rule on the same curves: times to fit and to generalise, in steps."""
    accuracies = (table.of(f"{split}_accuracy") for split in ("train", "test"))
    return outcome_by_time(table.steps, *accuracies, chance=0.5, level=level, min_delay=min_delay)


def member_labels(run: Readable) -> pd.DataFrame:
    """One row a member of a parity run: its varied fields, `label_ratio`, `label_time`, and the times behind them.

    Times are in steps; infinite where the event did not happen before the member's last log.
    """
    table = curves(run)
    times = timed(table)
    fields = [name for name in run.members().columns if name in table.members.columns]
    return table.members[fields].assign(
        label_ratio=ratio_labels(table), label_time=times.label, t_mem=times.t_mem, t_gen=times.t_gen
    )


def threshold_table(table: Curves) -> pd.DataFrame:
    """Members of each label under each rule and thresholds: one row a setting, one column a label.

    The page's rule at several loss and ratio thresholds, then the rule by times at several levels and delays.
    """
    rows = {}
    for loss in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
        for ratio in (5e3, 5e4, 5e5):
            rows[f"ratio rule, L {loss:.0e}, R {ratio:.0e}"] = _counts(ratio_labels(table, loss, ratio), RATIO_LABELS)
    rows["ratio rule, L 1e-05, R 5e+04, no floor"] = _counts(ratio_labels(table, floor=0.0), RATIO_LABELS)
    for level in (0.90, 0.95, 0.99):
        for delay in (300.0, 1000.0, 3000.0):
            name = f"time rule, level {level:.2f}, delay {delay:.0f}"
            rows[name] = _counts(timed(table, level, delay).label, TIME_LABELS)
    return pd.DataFrame.from_dict(rows, orient="index").fillna(0).astype(int)


def _counts(labels: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
    return {name: int((labels == name).sum()) for name in names}


def share_by_seed(happened: Bool[np.ndarray, " member"], seeds: np.ndarray) -> Estimate:
    """Mean over seeds of each seed's share of members: members of one seed share their data and are not independent."""
    return mean([float(happened[seeds == seed].mean()) for seed in np.unique(seeds)])


def in_words(labels: np.ndarray) -> str:
    """Counts of labels for reading, most frequent first.

    >>> in_words(np.array(["grok", "nothing", "grok"]))
    '2 grok, 1 nothing'
    """
    names, counts = np.unique(labels, return_counts=True)
    return ", ".join(f"{counts[i]} {names[i]}" for i in np.argsort(-counts, kind="stable"))


def cell(table: Curves, **fields: float) -> Bool[np.ndarray, " member"]:
    """Members whose varied fields have these values; a field that all share was fixed by the request, not asked."""
    asked = [table.field(name).astype(float) == value for name, value in fields.items() if name in table.members]
    return np.all([np.ones(len(table.members), dtype=bool), *asked], axis=0)
