"""What became of every member under both rules: the numbers that the page's sliders need to call them again."""

from typing import Any

import numpy as np

from latebloom.instruments.outcome import outcome_by_ratio, outcome_by_time
from latebloom.studies.drawing.logged import Logged
from latebloom.view.pack import pack
from latebloom.view.views.curves import heading

LEVELS = (0.90, 0.95, 0.99)  # of test accuracy, as the time-based rule reports them


def outcomes_pack(logged: Logged) -> bytes:
    """Ratio rule: lowest losses and largest ratio [member]. Time rule: t_mem, and t_gen and label for each level.

    Every array is float64 [member] or [level, member]; inf stands for "not by the last log".
    """
    chance = np.array([logged.chance(int(member)) for member in logged.members["member"]])
    _, train_loss, test_loss = _common(logged, "train_loss", "test_loss")
    by_ratio = outcome_by_ratio(train_loss, test_loss)
    steps, train, test = _common(logged, "train_accuracy", "test_accuracy")
    by_time = [outcome_by_time(steps, train, test, chance=chance, level=level) for level in LEVELS]
    document: dict[str, Any] = {
        **heading(logged),
        "levels": list(LEVELS),
        "labels": [outcome.label.tolist() for outcome in by_time],
    }
    arrays = {
        "min_train": by_ratio.min_train,
        "min_test": by_ratio.min_test,
        "max_ratio": by_ratio.max_ratio,
        "t_mem": by_time[0].t_mem,
        "t_gen": np.stack([outcome.t_gen for outcome in by_time]),
        "last_step": by_time[0].last_step,
    }
    return pack(document, {name: np.asarray(value, dtype=np.float64) for name, value in arrays.items()})


def _common(logged: Logged, first: str, second: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two columns [member, step] on the steps that both have."""
    (at, one), (there, two) = logged.table(first), logged.table(second)
    both = np.intersect1d(at, there)
    return both, one[:, np.isin(at, both)], two[:, np.isin(there, both)]
