"""Frozen, strict specifications: the base of every setting a user can write.

A specification refuses a key it does not know and names the nearest one it does. Fields made with `vary` may differ
between the members of one population (they become tensors, not reasons for another program); every other field is
part of the population's shape.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import NoneType
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from latebloom.errors import LatebloomError, SpecificationError, UnknownName, unknown_name

NO_NUMBER = PydanticCustomError("no_number", "a number is meant, not true or false")
MEANT = {"tuple_type": "a list in brackets is meant, e.g. [1,2]"}  # kind of mistake -> what pydantic says less plainly


def vary(default: Any = ..., *, joined: bool = False, **constraints: Any) -> Any:
    """A field whose value may differ between the members of one population; `joined`: see `joined`."""
    marks: dict[str, JsonValue] = {"per_member": True}
    if joined:
        marks["joined"] = True
    return Field(default, json_schema_extra=marks, **constraints)


def joined(default: Any = ..., **constraints: Any) -> Any:
    """A field that joined its specification after runs had been made; its default is what those runs did.

    At its default it is no part of a specification's identity, so the runs made before it stay what they were.
    """
    return Field(default, json_schema_extra={"joined": True}, **constraints)


def found_from(*sources: str, joined: bool = False, **constraints: Any) -> Any:
    """A text that a section finds by itself from other fields of it, as the digest of a file from its name.

    `replace` finds it anew where one of these changes; `joined` as the function of that name.
    """
    return Field("", json_schema_extra={"joined": joined, "found_from": list(sources)}, **constraints)


def is_per_member(field: FieldInfo) -> bool:
    """Whether the field was made with `vary`."""
    return _marked(field, "per_member")


def _may_be_bool(field: FieldInfo) -> bool:
    """Whether a field takes true and false; pydantic would read them as 1 and 0 where numbers are meant."""
    kinds = set(_kinds(field.annotation))
    return bool in kinds or not kinds & {int, float}


def _kinds(annotation: Any) -> Iterator[Any]:
    """A type and all that it is made of: what a tuple holds, the sides of a union."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _has_bool(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list | tuple) and any(map(_has_bool, value)))


def _marked(field: FieldInfo, mark: str) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get(mark))


def _found_from(section: Any, source: str) -> list[str]:
    """The fields of a section that are found from one of its fields."""
    own = type(section).model_fields if isinstance(section, Spec) else {}
    return [name for name, field in own.items() if source in _sources(field)]


def _sources(field: FieldInfo) -> list[str]:
    """The names of the fields that it is found from; none for what is set by hand."""
    extra: Any = field.json_schema_extra or {}
    return list(extra.get("found_from", []))


class Spec(BaseModel):
    """A frozen record of settings; unknown keys are refused with the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, /, **data: Any) -> None:
        """Validates settings; raises `SpecificationError` with one sentence for each mistake."""
        with _in_sentences(type(self).__name__):
            super().__init__(**data)

    # Nothing but these words is added: pydantic need not call it for sections, which would hide where a mistake is.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(str(unknown_name(f"field of {cls.__name__}", str(key), cls.model_fields)))
                if _has_bool(data[key]) and not _may_be_bool(cls.model_fields[key]):
                    raise ValidationError.from_exception_data(
                        cls.__name__, [InitErrorDetails(type=NO_NUMBER, loc=(key,), input=data[key])]
                    )
        return data

    @classmethod
    def parse(cls, data: Mapping[str, Any], at: str = "") -> Self:
        """The specification of settings read from words or files.

        `at` is what the user calls the place where they stand; sentences name each field behind it.

        Raises `SpecificationError` with one sentence for each mistake.
        """
        with _in_sentences(at):
            return cls.model_validate(dict(data))

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """The same specification with dotted fields changed, validated again.

        A field of a section that is absent (None) makes the section, its other fields at their defaults. What is found
        from a field that changes (`found_from`) is found anew, unless it is among the changes.
        Raises `LatebloomError` for a name or a value that does not fit.
        """
        data = self.model_dump()
        for path, value in changes.items():
            *parents, last = path.split(".")
            place: Any = data
            section: Any = self
            for parent in parents:
                section = getattr(section, parent, None)
                if place.get(parent, {}) is None:
                    place[parent] = {}
                if not isinstance(place.get(parent), dict):
                    raise LatebloomError(f"{type(self).__name__} has no field {path!r}: {parent} is no section of it.")
                place = place[parent]
            place[last] = value
            for name in _found_from(section, last):
                if ".".join([*parents, name]) not in changes:
                    place.pop(name, None)
        return type(self).parse(data)


def fields(spec: Spec, prefix: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Every leaf field as (dotted path, value, may vary between members), in order of definition."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if isinstance(value, Spec):
            yield from fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, is_per_member(field)


def found_fields(spec: Spec) -> dict[str, list[str]]:
    """Dotted path of every field that is found from others (`found_from`), and the paths of these."""
    found = {}
    for setting in settings(spec):
        parents = setting.path.split(".")[:-1]
        if sources := _sources(setting.field):
            found[setting.path] = [".".join([*parents, name]) for name in sources]
    return found


@dataclass(frozen=True)
class Setting:
    """A field that can be written.

    Attributes:
        path: its dotted name.
        field: how it was declared.
        value: what it is; None for a section that is absent.
        there: false for the fields of a section that is absent, which have no value.
        section: whether it can be absent as a whole, and has fields of its own: they follow.
    """

    path: str
    field: FieldInfo
    value: Any
    there: bool = True
    section: bool = False


def settings(spec: Spec) -> Iterator[Setting]:
    """Every field that can be written, those of sections that may be absent (`X | None`) included, in order.

    >>> class Inner(Spec):
    ...     size: int = 1
    >>> class Outer(Spec):
    ...     inner: Inner | None = None
    >>> [(s.path, s.there) for s in settings(Outer())]
    [('inner', True), ('inner.size', False)]
    """
    return _settings(type(spec), spec, "")


def _settings(kind: type[Spec], spec: Spec | None, prefix: str) -> Iterator[Setting]:
    for name, field in kind.model_fields.items():
        path, value = f"{prefix}{name}", None if spec is None else getattr(spec, name)
        optional = _optional_section(field)
        if optional is not None:
            yield Setting(path, field, value, spec is not None, section=True)
        if isinstance(value, Spec):
            yield from _settings(type(value), value, f"{path}.")
        elif optional is not None:
            yield from _settings(optional, None, f"{path}.")
        else:
            yield Setting(path, field, value, spec is not None)


def _optional_section(field: FieldInfo) -> type[Spec] | None:
    """The specification that a field of the kind `X | None` holds where it is there."""
    kinds = get_args(field.annotation)
    specs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Spec)]
    return specs[0] if specs and NoneType in kinds else None


def identity(spec: Spec) -> dict[str, Any]:
    """What a specification is known by: all its fields as JSON values, but for those that joined and are at default."""
    table = spec.model_dump(mode="json")
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if isinstance(value, Spec):
            table[name] = identity(value)
        elif _marked(field, "joined") and value == field.default:
            del table[name]
    return table


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits of a value's canonical JSON: equal content, equal digest."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def _in_sentences(at: str) -> Iterator[None]:
    """What validation of settings at a place refuses, as `SpecificationError`."""
    try:
        yield
    except ValidationError as error:
        raise SpecificationError(explain(error, at)) from None
    except UnknownName as error:  # it is no ValueError, so pydantic lets it through as it is
        raise SpecificationError(str(error)) from None


def explain(error: ValidationError, at: str = "") -> str:
    """A validation error as plain sentences: field (behind the place `at`), value, what would be right."""
    lines = []
    for item in error.errors():
        place, value = ".".join(str(part) for part in (at, *item["loc"]) if part != ""), item["input"]
        message = item["msg"].removeprefix("Value error, ")
        if not item["loc"]:
            lines.append(message)
        elif item["type"] == "value_error" and isinstance(value, Mapping | Spec):
            lines.append(message if message.startswith(place) else f"{place}: {message}")  # it names its fields itself
        elif item["type"] == "missing":
            lines.append(f"{place} is missing: it has no value of its own.")
        else:
            lines.append(f"{place} = {value!r}: {MEANT.get(item['type'], message).removesuffix('.')}.")
    return "\n".join(lines)
