"""What stands behind the `=` of a word: values, ranges and lists, read and written."""

import json
import re
from collections.abc import Sequence
from typing import Any

from latebloom.errors import LatebloomError

MOST = 100_000  # members of a run; the published sweeps have some ten thousand
RANGE = re.compile(r"-?[0-9]{1,18}(:-?[0-9]{1,18}){1,2}")


def parse_values(text: str) -> list[Any]:
    """The values of one override: a number, a word, `a:b` or `a:b:step` (end excluded), a comma list, JSON in brackets.

    >>> parse_values("0:4"), parse_values("0.1,1"), parse_values("relu"), parse_values("[1,2]"), parse_values("[1],[2]")
    ([0, 1, 2, 3], [0.1, 1], ['relu'], [[1, 2]], [[1], [2]])
    >>> parse_values('"a,b"')  # in quotes a comma is part of the word
    ['a,b']
    """
    if text.startswith(("[", "{", '"')):
        whole = _scalar(f"[{text}]")
        if isinstance(whole, list):
            return whole
        if not text.startswith('"'):
            return [text]
    if "," in text:
        parts = text.split(",")
        if re.fullmatch("-?[0-9]{1,3}(,[0-9]{3})+", text) and any(part.startswith("0") for part in parts[1:]):
            whole = text.replace(",", "")
            raise LatebloomError(f"{text!r} would be {len(parts)} values. If one number is meant, write {whole}.")
        if any(parts) and not all(parts):
            raise LatebloomError(f"{text!r} has nothing beside a comma: write a value there, or take the comma away.")
        return [value for part in parts if part for value in parse_values(part)]
    if RANGE.fullmatch(text):
        bounds = [int(part) for part in text.split(":")]
        if len(bounds) == 3 and bounds[2] == 0:
            raise LatebloomError(f"The range {text!r} never moves on: the step in a:b:step must not be 0.")
        if len(range(*bounds)) > MOST:
            raise LatebloomError(
                f"The range {text!r} would make {len(range(*bounds)):,} members; a run holds at most {MOST:,}."
            )
        values = list(range(*bounds))
        if not values:
            raise LatebloomError(f"The range {text!r} is empty: in a:b the end b is not included and must be above a.")
        return values
    return [_scalar(text)]


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, brackets in thousands of brackets
        return {"None": None, "True": True, "False": False}.get(text, text)


def several(values: Sequence[Any]) -> str:
    """Values as they would be typed: whole numbers in a row as a range, else with commas between.

    >>> several([0, 1, 2]), several([0.1, 1.0]), several([7]), several(["relu", None]), several([(1, 2)])
    ('0:3', '0.1,1.0', '7', 'relu,None', '[1,2]')
    """
    whole = len(values) > 2 and all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    if whole and list(values) == list(range(values[0], values[0] + len(values))):
        return f"{values[0]}:{values[-1] + 1}"
    return ",".join(written(value) for value in values)


def written(value: Any) -> str:
    """One value as it would be typed.

    >>> [written(value) for value in (1e-3, True, None, "relu", "", "5", (1, 2))]
    ['0.001', 'true', 'None', 'relu', '""', '"5"', '[1,2]']
    """
    if value is None:
        return "None"
    if isinstance(value, str):
        return value if value and "," not in value and parse_values(value) == [value] else json.dumps(value)
    return json.dumps(value, separators=(",", ":"))
