"""Intervals over members and items against planted tables whose spread is known."""

import math

import numpy as np
import pytest

from latebloom.claims import statistics as s
from latebloom.errors import LatebloomError
from latebloom.randomness import stream


def table(seed, members=9, items=400, by_member=0.0, by_item=0.0, alone=1.0):
    """Mean 5 + what a member adds + what an item adds to all + noise of its own."""
    rng = stream(seed, "planted table")
    return (
        5
        + by_member * rng.normal(size=(members, 1))
        + by_item * rng.normal(size=(1, items))
        + alone * rng.normal(size=(members, items))
    )


def test_items_that_move_all_members_widen_the_interval_as_their_mean_spreads():
    found = s.crossed_median(table(0, by_item=4.0, alone=0.1))
    half = 1.96 * 4.0 / math.sqrt(400)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)
    alone = s.median(table(0, by_item=4.0, alone=0.1).mean(1))
    assert alone.high - alone.low < 0.1 * (found.high - found.low)  # which is what members alone do not see


def test_without_items_that_matter_it_is_the_median_over_members():
    values = np.repeat(stream(1, "rows").normal(5, 1, size=(9, 1)), 300, axis=1)
    ours, plain = s.crossed_median(values), s.median(values[:, 0])
    assert ours.value == pytest.approx(plain.value, rel=1e-12)
    for end in (ours.low, ours.high):
        assert np.abs(values[:, 0] - end).min() < 1e-5  # one of the members
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high), abs=0.5)


@pytest.mark.parametrize("spread", [{"by_item": 3.0}, {"by_member": 1.0}, {"by_member": 0.1, "by_item": 3.0}])
def test_it_holds_the_truth_about_19_times_in_20(spread):
    found = [s.crossed_median(table(seed, items=200, **spread)) for seed in range(60)]
    assert np.mean([one.low <= 5 <= one.high for one in found]) >= 0.85
    if "by_item" in spread:  # and members alone do not
        narrow = [s.median(table(seed, items=200, **spread).mean(1)) for seed in range(60)]
        assert np.mean([one.low <= 5 <= one.high for one in narrow]) < 0.8


def test_a_ratio_on_the_same_items_is_narrower_than_on_others():
    hard = stream(2, "hard items").pareto(1.5, size=(1, 500)) + 0.1  # most of the mean in few items
    own, other = hard * (2 + 0.05 * stream(3, "own").normal(size=(5, 1))), hard
    paired = s.crossed_ratio(own, other)
    assert paired.value == pytest.approx(np.median(own.mean(1) / other.mean()), rel=1e-9)
    assert paired.high / paired.low < 1.2
    apart = s.crossed_ratio(own, stream(4, "shuffle").permutation(hard[0])[None])
    assert apart.high / apart.low > 1.5


def test_a_ratio_divides_by_the_largest_and_not_below_the_floor():
    ones = np.ones((3, 10))
    assert s.crossed_ratio(6 * ones, ones, 2 * ones, 3 * ones[:1]).value == pytest.approx(2)
    assert s.crossed_ratio(6 * ones, 0 * ones, floor=0.5).value == pytest.approx(12)
    with pytest.raises(LatebloomError, match="positive means; the smallest here is 0"):
        s.crossed_ratio(6 * ones, 0 * ones)


def test_one_member_has_no_interval():
    found = s.crossed_median(np.ones((1, 10)))
    assert (found.value, found.low, found.high) == (1, -math.inf, math.inf)
    ratio = s.crossed_ratio(np.ones((1, 10)), 2 * np.ones((1, 10)))
    assert (ratio.value, ratio.low, ratio.high) == (0.5, -math.inf, math.inf)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: s.crossed_median([1.0, 2.0]), r"a table \[member, item\]; its shape is \(2,\)"),
        (lambda: s.crossed_median([[1.0, math.nan]]), "1 of 2 values of the values are not finite"),
        (lambda: s.crossed_ratio(np.ones((3, 5)), np.ones((2, 5))), r"over a table of shape \(2, 5\)"),
        (lambda: s.crossed_ratio(np.ones((3, 5)), np.ones((3, 4))), "as many items"),
        (lambda: s.crossed_ratio(np.ones((3, 5))), "at least two tables"),
    ],
)
def test_refuses_what_it_cannot_answer(call, text):
    with pytest.raises(LatebloomError, match=text):
        call()
