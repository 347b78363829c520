"""Stopping rules compared: which network each would have kept, and what another curve says of it.

"Early stopping understates generalisation" depends on the rule, since in-domain accuracy ties at its maximum for most
of training, or creeps towards it (Murty et al. 2023, arXiv 2305.18741, do not state theirs). A rule sees one curve,
usually in-domain validation accuracy; the answer is the step of the network it keeps. Curves are [member, step]; a
NaN is no log (see `events`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from latebloom.errors import LatebloomError, unknown_name
from latebloom.instruments.events import Logs, own_logs

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True)
class Stop:
    """Where a rule stops; NaN for a member it never stops, and without logs."""

    step: Float[np.ndarray, "member"]  # of the network that is kept
    value: Float[np.ndarray, "member"]  # the other curve there; NaN if it has no log there


def first_at_least(logs: Logs, level: float = 0.99) -> Int[np.ndarray, "member"]:
    """The first log >= level; -1 if there is none."""
    reached = logs.values >= level
    return np.where(reached.any(1), reached.argmax(1), -1)


def first_maximal(logs: Logs) -> Int[np.ndarray, "member"]:
    """The first of the highest logs: the best checkpoint of the whole run."""
    there = np.isfinite(logs.values)
    return np.where(there.any(1), np.where(there, logs.values, -np.inf).argmax(1), -1)


def patience(logs: Logs, patience: int = 5, min_gain: float = 0.0) -> Int[np.ndarray, "member"]:
    """The best log when training ends after so many logs in a row without a new best.

    A log is a new best if it exceeds the best before it by more than `min_gain`. A run that ends before patience does
    keeps its best.
    """
    if patience < 1:
        raise LatebloomError(f"Patience of {patience} logs would stop before the first; it must be at least 1.")
    members, count = logs.values.shape
    best, since, at = np.full(members, -np.inf), np.zeros(members, int), np.full(members, -1)
    for log in range(count):
        value, going = logs.values[:, log], since < patience
        better = going & (value > best + min_gain)
        best, at = np.where(better, value, best), np.where(better, log, at)
        since = np.where(better, 0, since + going)
    return at


def last(logs: Logs) -> Int[np.ndarray, "member"]:
    """The last log: no early stopping."""
    return np.isfinite(logs.values).sum(1) - 1


RULES: dict[str, Callable[[Logs], Int[np.ndarray, "member"]]] = {
    "first >= 0.99": first_at_least,
    "first maximal": first_maximal,
    "patience 5": patience,
    "last": last,
}
"""Rules by name, as indices into a member's own logs; make others with `functools.partial`."""


def stop(
    rule: str | Callable[[Logs], Int[np.ndarray, "member"]],
    steps: Float[np.ndarray, "step"],
    watched: Float[np.ndarray, "member step"],
    other: Float[np.ndarray, "member step"],
) -> Stop:
    """The step at which a rule that watches one curve stops, and the value of the other curve there."""
    if isinstance(rule, str) and rule not in RULES:
        raise unknown_name("stopping rule", rule, RULES)
    if np.shape(watched) != np.shape(other):
        raise LatebloomError(
            f"The watched curve has shape {np.shape(watched)}, the other {np.shape(other)}; log both together."
        )
    logs = own_logs(steps, watched)
    at = (RULES[rule] if isinstance(rule, str) else rule)(logs)
    step = np.where(at >= 0, np.take_along_axis(logs.steps, np.maximum(at, 0)[:, None], axis=1)[:, 0], np.nan)
    column = np.searchsorted(np.asarray(steps, dtype=np.float64), np.nan_to_num(step, nan=steps[0]))
    value = np.asarray(other, dtype=np.float64)[np.arange(len(step)), column]
    return Stop(step, np.where(np.isnan(step), np.nan, value))


def compare(
    steps: Float[np.ndarray, "step"],
    watched: Float[np.ndarray, "member step"],
    other: Float[np.ndarray, "member step"],
) -> dict[str, Stop]:
    """Every rule of `RULES` on the same curves."""
    return {name: stop(name, steps, watched, other) for name in RULES}
