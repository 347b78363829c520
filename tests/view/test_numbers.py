"""The numbers that vitest compares the front end with are those of today's Python."""

import json
from typing import Any

from tests.view.numbers import PLACE, numbers


def _close(stored: Any, now: Any) -> bool:
    if isinstance(stored, dict):
        return stored.keys() == now.keys() and all(_close(stored[key], now[key]) for key in stored)
    if isinstance(stored, list):
        return len(stored) == len(now) and all(_close(one, other) for one, other in zip(stored, now, strict=True))
    if isinstance(stored, float) and isinstance(now, int | float):
        return abs(stored - now) <= 1e-7 * max(1, abs(stored))
    return bool(stored == now)


def test_stored_numbers_are_those_of_today():
    stored, now = json.loads(PLACE.read_text()), numbers()
    stale = [name for name in now if not _close(stored.get(name), now[name])]
    assert stale == [], f"{stale} changed: run `python -m tests.view.numbers` and look at web/tests"


def test_a_changed_number_is_noticed():
    assert not _close({"a": [1.0, 2.0]}, {"a": [1.0, 2.001]})
    assert not _close({"a": [1.0]}, {"a": [1.0, 2.0]})
    assert not _close({"a": "grok"}, {"a": "together"})
