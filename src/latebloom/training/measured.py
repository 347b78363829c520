"""Measures chosen in words: `measure=norms,stability`, and one by one `measure.norms=true`, `measure.norms.every=50`.

`measure=` says what is measured beside loss and accuracy, all of it. `measure.NAME=` adds one measure, or replaces it
where it is there already: `true` measures it at every log step, `false` leaves it out, and the fields of a schedule
(`every`, `per_decade`, `at`, `window`) give it steps of its own.
"""

from collections.abc import Sequence
from typing import Any

from latebloom.errors import LatebloomError, unknown_name
from latebloom.training.experiment import Measure
from latebloom.training.schedule import Schedule
from latebloom.training.words import parse_values, written

ALWAYS = "fit"
Chosen = dict[str, Any]  # name of a measure -> the fields of its schedule, None: at every log step


def is_measure(field: str) -> bool:
    """Whether a word speaks of measures.

    >>> is_measure("measure"), is_measure("measure.norms.every"), is_measure("measures")
    (True, True, False)
    """
    return field == "measure" or field.startswith("measure.")


def choose(measures: Sequence[Measure], words: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """What is measured after `field=value` words, as the fields of `Measure`; words are taken in order.

    >>> choose([Measure(name="stability")], [("measure.norms.every", "50")])
    [{'name': 'stability', 'when': None}, {'name': 'norms', 'when': {'every': 50}}]

    Raises `LatebloomError` for a measure that does not exist, with the nearest names, and for values that do not fit.
    """
    chosen: Chosen = {m.name: m.when.model_dump() if m.when else None for m in measures}
    for field, text in words:
        if field == "measure":
            chosen = _all(text)
        else:
            _one(chosen, field.removeprefix("measure."), text)
    for name, when in chosen.items():
        if when is not None:
            Schedule.parse(when, at=f"measure.{name}")  # here its fields still have the names that were typed
    return [{"name": name, "when": when} for name, when in chosen.items()]


def as_words(measures: Sequence[Measure]) -> list[tuple[str, str]]:
    """The words that choose just these measures.

    >>> as_words([Measure(name="norms"), Measure(name="stability", when=Schedule(every=10))])
    [('measure', 'norms,stability'), ('measure.stability.every', '10')]
    """
    words = [("measure", ",".join(measure.name for measure in measures) or "None")]
    for measure in measures:
        if measure.when is None:
            continue
        given = measure.when.model_dump(mode="json", exclude_defaults=True) or {"at": []}  # the first and last step
        words += [(f"measure.{measure.name}.{leaf}", written(value)) for leaf, value in given.items()]
    return words


def _all(text: str) -> Chosen:
    """`measure=`: names with commas between, as a list or not; None for nothing."""
    names = text.removeprefix("[").removesuffix("]").replace('"', "").split(",")
    return {_known(name.strip()): None for name in names if name.strip() not in ("", "None", "null")}


def _one(chosen: Chosen, rest: str, text: str) -> None:
    """`measure.NAME=` and `measure.NAME.LEAF=`; names have dots of their own."""
    name, _, leaf = rest.rpartition(".")
    if name and leaf in Schedule.model_fields:
        chosen[name] = {**(chosen.get(_known(name)) or {}), leaf: _value(f"measure.{rest}", text)}
        return
    wanted = {"true": True, "false": False, "none": False}.get(text.lower())
    _known(rest)
    if wanted is None:
        leaves = ", ".join(f"measure.{rest}.{leaf}" for leaf in Schedule.model_fields)
        raise LatebloomError(
            f"measure.{rest} = {text!r}: write true (at every log step) or false (not at all), or give it steps of "
            f"its own with {leaves}."
        )
    if wanted:
        chosen[rest] = None
    else:
        chosen.pop(rest, None)


def _value(field: str, text: str) -> Any:
    values = parse_values(text)
    if len(values) != 1:
        raise LatebloomError(
            f"{field} = {text!r}: all members are measured at the same steps; give it one value. "
            "Several steps are a list: at=[0,10,100]."
        )
    return values[0]


def _known(name: str) -> str:
    """The name itself, if there is such a measure and it is a choice."""
    from latebloom.training.measures import MEASURES  # its instruments are heavy; specifications stay light

    if name == ALWAYS:
        raise LatebloomError(f"The measure {ALWAYS!r} (loss and accuracy) is always taken; name the others.")
    if name not in MEASURES:
        raise unknown_name("measure", name, [known for known in MEASURES if known != ALWAYS])
    return name
