"""What can be written behind an experiment's name: every field with its kind, its value and its meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from latebloom.spec import Setting
from latebloom.training.experiment import Experiment, check_scale
from latebloom.training.measured import as_words
from latebloom.training.members import writable
from latebloom.training.presets import PRESETS
from latebloom.training.schedule import Schedule
from latebloom.training.words import several, written

LIMITS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "a multiple of", "min_length": "at least"}
KINDS = {str: "text", int: "int", float: "float", bool: "true or false", NoneType: "None"}
OWN_STEPS = "a measure at steps of its own, besides the first and the last"


@dataclass(frozen=True)
class Field:
    """One field that can be written.

    Attributes:
        path: its dotted name.
        kind: what it takes, in words.
        written: its value at this scale as it would be typed, several where members differ; None: it has no value,
            since its section is absent, or goes with values of others (`Preset.tuned`).
        meaning: what it is.
    """

    path: str
    kind: str
    written: str | None
    meaning: str

    @property
    def word(self) -> str:
        """`field=value` as it would be typed; the field alone where it has no value."""
        return self.path if self.written is None else f"{self.path}={self.written}"


def settings_of(name: str, scale: str) -> list[Field]:
    """Every field of an experiment at a scale; all words together make the members that it has by itself.

    Raises `LatebloomError` for an unknown experiment or scale.
    """
    built = PRESETS[name].build(check_scale(scale))
    found: list[Field] = []
    for setting in writable(built.experiment):
        if setting.path == "measure":
            found += _measures(setting, built.experiment)
        elif not _has_one_value(setting.field):
            found.append(_field(setting, built.axes.get(setting.path), setting.path in built.tunes))
    return found


def _field(setting: Setting, axis: Sequence[Any] | None, tuned: bool) -> Field:
    values = [setting.value] if axis is None else list(axis)
    if not setting.there or (setting.section and setting.value is not None):
        values = []  # a section that is there is told by its fields
    kind = "None, or the fields below" if setting.section else kind_of(setting.field)
    meaning = setting.field.description or ""
    if tuned:
        return Field(setting.path, kind, None, f"{meaning}; tuned: here it goes with values of other fields")
    return Field(setting.path, kind, several(values) if values else None, meaning)


def _measures(setting: Setting, experiment: Experiment) -> list[Field]:
    kinds = {leaf: kind_of(field) for leaf, field in Schedule.model_fields.items()}
    found = []
    for path, text in as_words(experiment.measure):
        kind = "names, or None" if path == "measure" else kinds[path.rpartition(".")[2]]
        found.append(Field(path, kind, text, (setting.field.description or "") if path == "measure" else OWN_STEPS))
    found.append(Field("measure.NAME", "true or false", None, "adds a measure at every log step, or leaves it out"))
    found += [Field(f"measure.NAME.{leaf}", kind, None, OWN_STEPS) for leaf, kind in kinds.items()]
    return found


def _has_one_value(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def kind_of(field: FieldInfo) -> str:
    """What a field takes, in words: its type and its limits.

    >>> from latebloom.training.experiment import Training
    >>> [kind_of(Training.model_fields[name]) for name in ("beta1", "clip", "clip_by")]
    ['float >= 0, < 1', 'float > 0, or None', 'norm or value']
    """
    limits = [
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in LIMITS.items()
        if getattr(limit, name, None) is not None
    ]
    return _kind(field.annotation, ", ".join(limits))


def _kind(annotation: Any, limits: str = "") -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        *most, last = [_kind(kind, "" if kind is NoneType else limits) for kind in inner]
        return f"{', '.join(most)}, or {last}"
    if origin is Literal:
        *most, last = [written(value) for value in inner]
        return f"{', '.join(most)} or {last}" if most else last
    if origin is tuple:
        text = f"[{', '.join('...' if kind is Ellipsis else _kind(kind) for kind in inner)}]"
    else:
        text = KINDS.get(annotation, getattr(annotation, "__name__", str(annotation)))
    return f"{text} {limits}".strip()
