"""Schedules against a plain loop over every step, for any settings."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.training.schedule import Schedule

schedules = st.builds(
    lambda every, per_decade, at, window: Schedule(every=every, per_decade=per_decade, at=at, window=window),
    st.none() | st.integers(1, 50),
    st.none() | st.integers(1, 12),
    st.lists(st.integers(0, 300), max_size=5).map(tuple),
    st.none() | st.tuples(st.integers(0, 100), st.integers(100, 300), st.integers(1, 20)),
)


def belongs(schedule, step, total):
    """Whether a step belongs to a schedule, asked one step at a time."""
    if step in (0, total) or step in schedule.at:
        return True
    if schedule.every and step % schedule.every == 0:
        return True
    if schedule.window:
        first, last, stride = schedule.window
        if first <= step <= last and (step - first) % stride == 0:
            return True
    powers = range(40 * (schedule.per_decade or 0))
    return any(round(10 ** (i / schedule.per_decade)) == step for i in powers if i / schedule.per_decade < 3)


@given(schedules, st.integers(0, 250))
def test_steps_are_those_that_belong_in_order_once(schedule, total):
    assert schedule.steps(total) == [step for step in range(total + 1) if belongs(schedule, step, total)]


def test_a_window_that_ends_long_after_the_training_costs_nothing():
    assert Schedule(window=(10, 10**13, 5)).steps(22) == [0, 10, 15, 20, 22]


@given(schedules, st.integers(0, 250))
def test_the_first_and_the_last_step_always_belong(schedule, total):
    steps = schedule.steps(total)
    assert (steps[0], steps[-1]) == (0, total)


@given(schedules, st.integers(1, 250))
def test_a_longer_training_keeps_the_steps_of_a_shorter_one(schedule, total):
    assert set(schedule.steps(total)) - {total} <= set(schedule.steps(total + 37))


@pytest.mark.parametrize(("per_decade", "widest"), [(1, 10.0), (4, 2.0), (10, 2.0)])
def test_log_spaced_steps_leave_no_gap(per_decade, widest):
    steps = Schedule(per_decade=per_decade).steps(100_000)
    assert {1, 10, 100, 1000, 10_000} <= set(steps)
    assert max(later / step for step, later in itertools.pairwise(steps[1:])) == widest


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"every": 0}, r"Schedule\.every = 0|every = 0"),
        ({"window": (5, 2, 1)}, r"window = \(5, 2, 1\): it is from, to, stride"),
        ({"window": (-1, 2, 1)}, r"window = \(-1, 2, 1\)"),
        ({"window": (1, 2, 0)}, r"window = \(1, 2, 0\)"),
        ({"at": (3, -4)}, r"at = \(3, -4\): a step is 0 or more, which -4 is not"),
        ({"evry": 3}, r"Unknown field of Schedule 'evry'\. Did you mean 'every'"),
    ],
)
def test_refused_schedules(wrong, told):
    with pytest.raises(LatebloomError, match=told):
        Schedule.parse(wrong)
