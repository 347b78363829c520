"""What became of every member under both rules: the numbers that the page's sliders need to call them again."""

from typing import Any

import numpy as np

from latebloom.instruments.outcome import outcome_by_ratio, outcome_by_time
from latebloom.models import ModularMLP
from latebloom.models.base import Model
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.outcomes import min_delay
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack
from latebloom.view.views.curves import heading

LEVELS = (0.90, 0.95, 0.99)  # of test accuracy, as the time-based rule reports them
FIRST = 1  # of these: the one that is shown first, and decides whom the view opens on


def outcomes_pack(logged: Logged) -> bytes:
    """Ratio rule: lowest losses and largest ratio [member]. Time rule: t_mem, and t_gen and label for each level.

    Every array is float64 [member] or [level, member]; inf stands for "not by the last log". Losses are in nats;
    `divisors` of the document takes them to the unit in which the source states its rule. `delay` is the shortest one
    (steps) by which the labels go, as in the run's figures; `level` is the number of the level that is shown first.
    `opens` is the first member that generalised late by it, if any did: it has most to show.
    """
    chance = np.array([logged.chance(int(member)) for member in logged.members["member"]])
    _, train_loss, test_loss = _common(logged, "train_loss", "test_loss")
    by_ratio = outcome_by_ratio(train_loss, test_loss)
    steps, train, test = _common(logged, "train_accuracy", "test_accuracy")
    delay = min_delay(logged)
    by_time = [outcome_by_time(steps, train, test, chance=chance, level=level, min_delay=delay) for level in LEVELS]
    members = [int(member) for member in logged.members["member"]]
    late = [member for member, label in zip(members, by_time[FIRST].label, strict=True) if label == "grok"]
    document: dict[str, Any] = {
        **heading(logged),
        "opens": next(iter(late), members[0]),
        "levels": list(LEVELS),
        "level": FIRST,
        "delay": delay,
        "labels": [outcome.label.tolist() for outcome in by_time],
        "divisors": [logged.source_divisor(int(member)) for member in logged.members["member"]],
        "stops": any(_ends_by_accuracy(own) for own in logged.specifications.values()),
        "formulas": [formula(logged.specifications[int(member)].model) for member in logged.members["member"]],
    }
    arrays = {
        "min_train": by_ratio.min_train,
        "min_test": by_ratio.min_test,
        "max_ratio": by_ratio.max_ratio,
        "t_mem": by_time[0].t_mem,
        "t_gen": np.stack([outcome.t_gen for outcome in by_time]),
    }
    return pack(document, {name: np.asarray(value, dtype=np.float64) for name, value in arrays.items()})


def _ends_by_accuracy(member: Experiment) -> bool:
    """Whether training may end while losses still fall, so that a rule on losses says too little."""
    stop = member.training.stop
    return stop is not None and stop.metric.endswith("_accuracy")


def formula(model: Model) -> str:
    """The logits for a and b of a network for two residues, as the explorable writes them; empty for other networks.

    >>> formula(ModularMLP())
    'ReLU(E[a] A + E[b] A) B Eᵀ'
    >>> formula(ModularMLP(in_product="collapsed", out_product="collapsed", shared=False, activation="square"))
    '(A₁[a] + A₂[b])² C'
    """
    if not isinstance(model, ModularMLP):
        return ""
    one, two = ("A", "A") if model.shared else ("A₁", "A₂")
    collapsed = model.in_product == "collapsed"
    into = f"{one}[a] + {two}[b]" if collapsed else f"E[a] {one} + E[b] {two}"
    out = "C" if model.out_product == "collapsed" else "B Eᵀ" if model.tied else "B U"
    into += " + bias" if model.bias else ""
    return f"({into})² {out}" if model.activation == "square" else f"ReLU({into}) {out}"


def _common(logged: Logged, first: str, second: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two columns [member, step] on the steps that both have."""
    (at, one), (there, two) = logged.table(first), logged.table(second)
    both = np.intersect1d(at, there)
    return both, one[:, np.isin(at, both)], two[:, np.isin(there, both)]
