"""Experiments by name. A preset is a function of the scale; it gives one specification and the axes of its members."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from latebloom.errors import LatebloomError
from latebloom.registry import Registry
from latebloom.spec import fields
from latebloom.training.experiment import Experiment, check_scale
from latebloom.training.members import Axes, expand, find_field, parse_overrides

PRESETS: Registry["Entry"] = Registry("experiment")


@dataclass(frozen=True)
class Preset:
    """An experiment at one scale: a specification, and the fields whose values make its members.

    `tuned` holds settings of the members that have certain values, as the rate of a width: (values, settings), each by
    field. What is typed on the command line goes before them.
    """

    experiment: Experiment
    axes: Mapping[str, Sequence[Any]] = field(default_factory=lambda: {"seed": range(1)})
    tuned: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]] = ()

    def __post_init__(self) -> None:
        for path in {*self.tunes, *(path for values, _ in self.tuned for path in values)}:
            if (full := find_field(self.experiment, path)) != path:
                raise LatebloomError(f"{self.experiment.name}: tuned names {path!r}; write {full!r}, its full name.")

    @property
    def tunes(self) -> set[str]:
        """The fields that `tuned` sets."""
        return {path for _, settings in self.tuned for path in settings}


@dataclass(frozen=True)
class Entry:
    """A row of the table of experiments."""

    name: str
    title: str
    build: Callable[[str], Preset]


def preset(name: str) -> Callable[[Callable[[str], Preset]], Callable[[str], Preset]]:
    """A decorator that enters a preset; the first line of its docstring is its title."""

    def enter(build: Callable[[str], Preset]) -> Callable[[str], Preset]:
        title = (build.__doc__ or "").strip().split("\n")[0]
        PRESETS.register(name)(Entry(name, title, build))
        return build

    return enter


def members_of(name: str, scale: str, overrides: Sequence[str] = ()) -> list[Experiment]:
    """Every member of an experiment at a scale, with overrides as typed on the command line.

    Raises `LatebloomError` for an unknown experiment, scale or field, or a value that does not fit.
    """
    built = PRESETS[name].build(check_scale(scale))
    base = built.experiment.model_copy(update={"name": name, "scale": scale})
    axes: Axes = {key: list(values) for key, values in built.axes.items()}
    said = parse_overrides(base, overrides)
    axes |= said
    members = expand(base, axes)
    if built.tuned:
        members = [_tuned(member, built, said) for member in members]
    if not members:
        raise LatebloomError(f"{name} has no members: an axis is empty ({axes}).")
    return members


def _tuned(member: Experiment, built: Preset, said: Axes) -> Experiment:
    """A member with the settings that go with its values, where nothing else was said."""
    own = {path: value for path, value, _ in fields(member)}
    found = [settings for values, settings in built.tuned if values.items() <= own.items()]
    changes = {path: value for each in found for path, value in each.items() if path not in said}
    return member.replace(changes) if changes else member
