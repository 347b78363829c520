import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.instruments.instability import dip, fell_back, share_kept, swings, total_variation

STEPS = np.arange(1, 8) * 1000
NAN = np.nan
#                      1k   2k   3k   4k   5k   6k   7k
CURVES = np.array([
    [0.3, 0.0, 0.5, 0.9, 0.4, 0.8, 1.0],  # up, down once, up
    [0.3, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0],  # never
    [0.0, 0.0, 0.9, NAN, 0.9, 0.9, NAN],  # up for good, one log missing, stopped before the end
    [NAN, NAN, NAN, NAN, NAN, NAN, NAN],
])  # fmt: skip


def test_total_variation_by_hand():
    found = total_variation(STEPS, CURVES)
    assert found[:3].tolist() == pytest.approx([2.3 / 6, 0.7 / 6, 0.9 / 4])
    assert np.isnan(found[3])
    late = total_variation(STEPS, CURVES, since=4000, until=6000)
    assert late[:3].tolist() == pytest.approx([0.9 / 2, 0.2 / 2, 0.0])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_total_variation_is_what_numpy_says_and_at_least_the_net_change(values):
    curve = np.array([values])
    found = total_variation(np.arange(len(values)), curve)[0]
    assert found == pytest.approx(np.abs(np.diff(curve)).mean())
    assert found * (len(values) - 1) >= abs(values[-1] - values[0]) - 1e-12


def test_swings_are_what_one_fall_and_one_rise_do_not_explain():
    found = swings(STEPS, CURVES)
    assert found[:3].tolist() == pytest.approx([1.0 / 6, 0.4 / 6, 0.0])
    assert np.isnan(found[3])


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_a_fall_and_a_rise_are_no_swing_and_nothing_swings_less(values):
    steps = np.arange(len(values))
    assert swings(steps, np.array([values]))[0] >= -1e-12
    low = values.index(min(values))
    turned = [*sorted(values[:low], reverse=True), *sorted(values[low:])]
    assert swings(steps, np.array([turned]))[0] == pytest.approx(0, abs=1e-12)


def test_what_is_kept_after_the_first_success():
    found = share_kept(STEPS, CURVES, 0.8)
    assert found[[0, 2]].tolist() == pytest.approx([2 / 3, 1])
    assert np.isnan(found[[1, 3]]).all()
    assert fell_back(STEPS, CURVES, 0.8, below=0.5).tolist() == [True, False, False, False]
    assert fell_back(STEPS, CURVES, 0.8, below=0.4).tolist() == [False] * 4


def test_success_at_the_last_log_keeps_nothing_yet():
    assert np.isnan(share_kept(STEPS[:2], np.array([[0.1, 0.9]]), 0.8)).all()


def test_the_dip_lies_where_the_reference_is_saturated():
    reference = np.array([[0.9, 0.98, 1, 1, 1, 1, 1]] * 4)
    reference[2, 2] = NAN
    found = dip(STEPS, CURVES, reference, 0.99)
    assert found.step[:3].tolist() == [5000, 7000, 5000]
    assert found.value[:3].tolist() == [0.4, 0.0, 0.9]
    assert np.isnan(found.step[3]) and np.isnan(found.value[3])
    before = dip(STEPS, CURVES, reference, 0.99, until=np.array([4000, 4000, 4000, 4000]))
    assert before.step[:2].tolist() == [3000, 3000]
    assert np.isnan(before.step[2])
    assert dip(STEPS, CURVES, reference, 0.9).step[:2].tolist() == [2000, 7000]
