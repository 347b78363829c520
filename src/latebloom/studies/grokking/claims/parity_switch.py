"""When things happen around the switch of a parity network: rises, drops, vanishing weights. Times are in steps."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from latebloom.studies.curves import Curves, running_median
from latebloom.studies.grokking.claims.parity_labels import timed

NO_LOSS = 1e-6
Times = Float[np.ndarray, " member"]


def generalised(table: Curves) -> Curves:
    """The members whose test accuracy reaches 95 % and stays for three logs."""
    return table.where(np.isfinite(timed(table).t_gen))


def delayed(table: Curves) -> Curves:
    """The members that generalise in at least twice the steps that they need to fit."""
    times = timed(table)
    return table.where(np.isfinite(times.t_gen) & (times.t_gen >= 2 * times.t_mem))


@dataclass(frozen=True)
class Rise:
    """The largest rise of a curve within a window, from an earlier log to a later one."""

    factor: Float[np.ndarray, " member"]
    start: Times
    end: Times


def largest_rise(table: Curves, column: str, first: Times, last: Times) -> Rise:
    """The largest factor between an earlier and a later log within each member's window, both ends included.

    Logs are smoothed by a running median of three; values below 1e-6 are raised to it, so that a network without any
    loss left does not seem to rise by rounding (float32 counts a row's loss in steps of 1.2e-7).
    """
    values = running_median(np.maximum(table.of(column), NO_LOSS), 3)
    factors, starts, ends = [], [], []
    for own, begin, stop in zip(values, first, last, strict=True):
        inside = np.flatnonzero((table.steps >= begin) & (table.steps <= stop))
        ratios = own[inside][None, :] / own[inside][:, None]
        earlier, later = np.unravel_index(np.argmax(np.triu(ratios)), ratios.shape)
        factors.append(ratios[earlier, later])
        starts.append(table.steps[inside[earlier]])
        ends.append(table.steps[inside[later]])
    return Rise(np.array(factors), np.array(starts), np.array(ends))


@dataclass(frozen=True)
class Drop:
    """The window in which log test loss makes the middle 80 % of its fall, from its highest value after fitting on."""

    fitted: Times  # first log with 99 % train accuracy
    start: Times  # last log with at most 10 % of the fall
    middle: Times  # first log with at least half of it
    end: Times  # first log with at least 90 % of it

    @property
    def share(self) -> Float[np.ndarray, " member"]:
        """The part of the time from fitting to the end of the drop that the drop takes; 0.8 or so for a steady fall."""
        return (self.end - self.start) / (self.end - self.fitted)


def test_loss_drop(table: Curves) -> Drop:
    """Finds the drop of every member; all of them must have fitted and generalised."""
    fitted = timed(table).t_mem
    found = []
    for own, begin in zip(np.log(np.maximum(table.of("test_loss"), 2.0**-23)), fitted, strict=True):
        after = table.steps >= begin
        top = int(np.argmax(np.where(after, own, -math.inf)))
        fall = (own[top] - own[top:]) / max(own[top] - own[top:].min(), 1e-12)
        steps = table.steps[top:]
        end = int(np.argmax(fall >= 0.9))
        start, middle = int(np.flatnonzero(fall[: end + 1] <= 0.1)[-1]), int(np.argmax(fall >= 0.5))
        found.append(steps[[start, middle, end]])
    return Drop(fitted, *np.array(found).T)


def path_speed(table: Curves, drop: Drop) -> Float[np.ndarray, " member"]:
    """How much faster input weights move during the drop than between fitting and its end: median over weights.

    Path lengths along the logs, so that going there and back counts. Only weights that are at some time in that window
    above a tenth of the largest are asked: the others do nothing but tremble.
    """
    columns = table.frame.dropna(subset=["input_weights"]).set_index(["member", "step"])["input_weights"]
    speeds = []
    for row, member in enumerate(table.members.index):
        own = columns.loc[member].sort_index()
        own = own[(own.index >= drop.fitted[row]) & (own.index <= drop.end[row])]
        weights = np.stack(own.to_list())  # [step, weight]
        largest = np.abs(weights).max(axis=0)
        moved = np.abs(np.diff(weights, axis=0))[:, largest >= 0.1 * largest.max()]
        inside = own.index.to_numpy()[1:] > drop.start[row]
        path = moved[inside].sum(axis=0) / np.maximum(moved.sum(axis=0), 1e-12)
        speeds.append(float(np.median(path)) / drop.share[row])
    return np.array(speeds)


def last_distractor(table: Curves, level: float = 0.05) -> Times:
    """First step from which the strongest distractor stays at most a share of the strongest digit; inf if never."""
    share = table.of("largest_distractor") / table.of("largest_digit")
    stays = np.logical_and.accumulate((share <= level)[:, ::-1], axis=1)[:, ::-1]
    return np.where(stays.any(axis=1), table.steps[stays.argmax(axis=1)], math.inf)


def half_of_distractors(table: Curves, first: Times) -> Times:
    """First step at which the distractors' L1 norm is half of what it was at a step of each member.

    The last log for a member that never gets there.
    """
    sums = table.of("distractor_l1")
    low = (sums <= 0.5 * table.at_times("distractor_l1", first)[:, None]) & (table.steps >= first[:, None])
    return np.where(low.any(axis=1), table.steps[low.argmax(axis=1)], table.steps[-1])
