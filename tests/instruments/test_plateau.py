"""Plateaus on curves that were drawn by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.plateau import longest_plateau, plateau_exit

STEPS = np.array([0.0, 10, 20, 30, 40, 50, 60])
CURVES = np.array(
    [
        [3.0, 1.0, 1.01, 0.99, 0.7, 0.4, 0.1],  # plateau from 10 to 40, then a drop
        [1.0, 0.95, 1.0, 1.0, 0.98, 1.0, 0.97],  # never leaves
        [0.8, 0.5, 0.3, 0.2, 0.1, 0.1, 0.1],  # never on it
        [np.nan, 1.0, 0.85, 1.0, 0.6, 0.55, np.nan],  # leaves for one log, comes back; ends early
        [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0],  # never gets down to it
    ]
)


def test_entering_leaving_and_dropping():
    found = plateau_exit(STEPS, CURVES, zero_loss=1.0)
    assert found.enter.tolist() == [10, 0, 0, 10, np.inf]
    assert found.leave.tolist() == [40, np.inf, 0, 20, np.inf]
    assert found.length.tolist() == [30, np.inf, 0, 10, np.inf]
    assert found.drop.tolist() == [10, np.inf, 10, np.inf, np.inf]


def test_a_window_waits_until_the_exit_lasts():
    assert plateau_exit(STEPS, CURVES, 1.0, window=2).leave.tolist() == [40, np.inf, 0, 40, np.inf]


def test_the_longest_flat_stretch_needs_no_level():
    found = longest_plateau(STEPS, CURVES)
    assert found.start.tolist() == [10, 0, 40, 40, 10]
    assert found.end.tolist() == [30, 60, 60, 50, 60]
    assert found.length.tolist() == [20, 60, 20, 10, 50]
    np.testing.assert_allclose(found.level[[0, 2, 4]], [1.0, 0.1, 2.0])
    wide = longest_plateau(STEPS, CURVES, tolerance=0.2)
    assert (wide.start[3], wide.end[3]) == (10, 30)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=12), st.floats(0.01, 2))
def test_no_stretch_is_longer_than_the_longest(values, tolerance):
    steps, losses = np.cumsum(np.arange(1, len(values) + 1.0)), np.array(values)
    found = longest_plateau(steps, losses[None], tolerance)
    every = [
        steps[j] - steps[i]
        for i in range(len(values))
        for j in range(i, len(values))
        if losses[i : j + 1].max() <= (1 + tolerance) * losses[i : j + 1].min()
    ]
    assert found.length[0] == max(every)


def test_a_member_without_logs_has_none():
    found = longest_plateau(STEPS, np.full((1, 7), np.nan))
    assert np.isnan(found.length[0])
    assert plateau_exit(STEPS, np.full((1, 7), np.nan), 1.0).leave[0] == np.inf


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: plateau_exit(STEPS, CURVES, 0.0), r"zero_loss = 0\.0 must be above 0"),
        (lambda: plateau_exit(STEPS, CURVES, 1.0, share=1.5), r"share = 1\.5 between 0 and 1"),
        (lambda: plateau_exit(STEPS[:3], CURVES, 1.0), "do not fit steps"),
        (lambda: longest_plateau(STEPS, CURVES, 0.0), r"tolerance = 0\.0 must be above 0"),
        (lambda: longest_plateau(STEPS, -CURVES), "so they must be above 0"),
    ],
)
def test_bad_input_is_told_in_a_sentence(call, told):
    with pytest.raises(LatebloomError, match=told):
        call()
