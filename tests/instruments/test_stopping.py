from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments.stopping import RULES, compare, first_at_least, patience, stop

STEPS = np.arange(1, 9) * 1000
NAN = np.nan
WATCHED = np.array([
    [0.2, 0.95, 0.99, 0.99, 0.995, 1.0, 1.0, 1.0],  # creeps to its maximum
    [0.5, 0.6, 0.6, 0.5, 0.6, 0.4, 0.6, 0.9],  # a late gain that patience misses
    [NAN, 0.99, NAN, 0.7, NAN, NAN, NAN, NAN],
    [NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN],
])  # fmt: skip
OTHER = np.tile(np.arange(8) / 10, (4, 1))


def test_rules_by_hand():
    found = compare(STEPS, WATCHED, OTHER)
    assert list(found) == list(RULES) == ["first >= 0.99", "first maximal", "patience 5", "last"]
    steps = {name: one.step[:3].tolist() for name, one in found.items()}
    assert steps["first maximal"] == [6000, 8000, 2000]
    assert steps["patience 5"] == [6000, 2000, 2000]
    assert steps["last"] == [8000, 8000, 4000]
    assert [steps["first >= 0.99"][0], steps["first >= 0.99"][2]] == [3000, 2000]
    assert np.isnan(found["first >= 0.99"].step[1])
    for one in found.values():
        assert np.isnan(one.step[3]) and np.isnan(one.value[3])
        known = ~np.isnan(one.step)
        assert one.value[known].tolist() == pytest.approx((one.step[known] / 10000 - 0.1).tolist())


def test_a_gain_may_have_to_be_large():
    rule = partial(patience, patience=2, min_gain=0.01)
    # .95, .99 count; .99 and .995 do not: two in a row.
    assert stop(rule, STEPS, WATCHED, OTHER).step[0] == 3000
    assert stop(partial(patience, patience=2), STEPS, WATCHED, OTHER).step[0] == 6000
    assert stop(partial(first_at_least, level=0.9), STEPS, WATCHED, OTHER).step[:2].tolist() == [2000, 8000]


def patience_by_hand(values, allowed):
    best = since = 0
    for log in range(1, len(values)):
        if values[log] > values[best]:
            best, since = log, 0
        else:
            since += 1
        if since >= allowed:
            break
    return best


@given(st.lists(st.integers(0, 5), min_size=1, max_size=25), st.integers(1, 6))
def test_patience_agrees_with_a_loop(values, allowed):
    curve = np.array([values], dtype=float)
    found = stop(partial(patience, patience=allowed), np.arange(len(values)), curve, curve)
    at = patience_by_hand(values, allowed)
    assert (found.step[0], found.value[0]) == (at, values[at])
    longest = stop(partial(patience, patience=len(values) + 1), np.arange(len(values)), curve, curve)
    assert longest.step[0] == stop("first maximal", np.arange(len(values)), curve, curve).step[0]


def test_the_other_curve_may_have_no_log_there():
    other = OTHER.copy()
    other[0, 5] = NAN
    found = stop("first maximal", STEPS, WATCHED, other)
    assert found.step[0] == 6000 and np.isnan(found.value[0])


def test_errors_say_what_would_be_right():
    with pytest.raises(LatebloomError, match=r"Unknown stopping rule 'first maximum'\. Did you mean 'first maximal'"):
        stop("first maximum", STEPS, WATCHED, OTHER)
    with pytest.raises(LatebloomError, match=r"shape \(4, 8\), the other \(1, 8\); log both together"):
        stop("last", STEPS, WATCHED, OTHER[:1])
    with pytest.raises(LatebloomError, match="Patience of 0 logs"):
        stop(partial(patience, patience=0), STEPS, WATCHED, OTHER)
