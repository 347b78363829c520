"""Whose turn it is, and how long all take, beside a plain simulation a second at a time."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from latebloom.fleet.turns import Turns, in_a_row, makespan


def second_by_second(seconds, workers, after):
    """The same, by a clock: at each tick free workers take the first that is ready."""
    left, ended, running, now = dict(enumerate(seconds)), set(), {}, 0
    while left or running:
        for number in [own for own, end in running.items() if end <= now]:
            ended.add(number)
            del running[number]
        for number in sorted(left):
            if len(running) < workers and set(after[number]) <= ended:
                running[number] = now + left.pop(number)
        now += 1
    return now - 1


@st.composite
def queues(draw):
    seconds = draw(st.lists(st.integers(1, 6), min_size=1, max_size=8))
    after = [draw(st.sets(st.integers(0, number - 1))) if number else set() for number in range(len(seconds))]
    return seconds, after


@given(queues(), st.integers(1, 3))
def test_the_time_is_that_of_a_clock(queue, workers):
    seconds, after = queue
    assert makespan(seconds, workers, after) == second_by_second(seconds, workers, after)


def test_of_two_that_end_at_once_both_have_ended_before_the_next_is_taken():
    assert makespan([1, 1, 1, 5, 1], 2, [(), (), (1,), (1,), ()]) == 6


@given(queues())
def test_units_are_in_a_row_where_many_workers_are_no_faster_than_one(queue):
    seconds, after = queue
    assert in_a_row(after) == (makespan(seconds, len(seconds), after) == sum(seconds))


@pytest.mark.parametrize(
    ("seconds", "workers", "last"),
    [([3, 3, 2, 2, 2], 2, 7), ([5, 1, 1], 2, 5), ([3, 2, 1], 1, 6), ([4], 3, 4), ([], 2, 0)],
)
def test_units_are_shared_out_in_order(seconds, workers, last):
    assert makespan(seconds, workers) == last


def test_one_that_waits_lets_later_ones_pass():
    turns = Turns([(), (0,), ()])
    assert [turns.take(), turns.take(), turns.take()] == [0, 2, None]
    turns.end(2)
    assert turns.take() is None
    turns.end(0)
    assert (turns.take(), turns.waiting) == (1, [])


def test_a_chain_keeps_one_of_two_workers_busy_with_other_things():
    """Four stages of a curriculum beside one long unit: nobody waits for the end of a wave."""
    assert makespan([1, 1, 1, 1, 4, 4], 2, [(), (0,), (1,), (2,), (), ()]) == 8
