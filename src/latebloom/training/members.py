"""From words to members: `field=value` overrides, ranges that make members, and sorting members into populations."""

import difflib
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from latebloom.errors import LatebloomError
from latebloom.models import MODELS
from latebloom.spec import Setting, Spec, digest, fields, found_fields, settings
from latebloom.tasks import TASKS
from latebloom.training.experiment import Experiment
from latebloom.training.measured import choose, is_measure
from latebloom.training.words import MOST, parse_values

Axes = dict[str, list[Any]]  # dotted field -> the values its members take


def find_field(experiment: Experiment, name: str) -> str:
    """The full dotted name of a field; a last part alone will do where it is unambiguous.

    Raises `LatebloomError` with the nearest names, or with all candidates.
    """
    paths = [setting.path for setting in writable(experiment)]
    if name in paths:
        return name
    matches = [path for path in paths if path.endswith("." + name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise LatebloomError(f"The field {name!r} could be {' or '.join(matches)}: write it in full.")
    near = difflib.get_close_matches(name, {*paths, *(path.rsplit(".", 1)[-1] for path in paths)}, n=2)
    told = f"{experiment.name} has no field {name!r}.{_elsewhere(experiment, name)}"
    listed = f"`latebloom show {experiment.name} --fields` lists all, with what they mean."
    if near:
        told += f" Did you mean {' or '.join(map(repr, near))}?"
        same = [path for path in paths if path.split(".")[0] == find_section(near[0], paths)]
        told += f" Fields beside it: {', '.join(same)}." if len(same) > 1 else ""
        raise LatebloomError(f"{told} {listed}")
    raise LatebloomError(f"{told} {listed}")


def _elsewhere(experiment: Experiment, name: str) -> str:
    """Which other kinds of task or network have a field of this name, in words; empty if none has."""
    section, _, last = name.rpartition(".")
    for kind, parts, own in (("task", TASKS, experiment.task.kind), ("model", MODELS, experiment.model.kind)):
        found = [other for other in parts if last in parts[other].model_fields]
        if found and own not in found and section in ("", kind):
            told = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
            return (
                f" {kind.capitalize()}s of another kind have it ({told}); this one's is {own}, and words do not change "
                "the kind: write an experiment of your own (docs/experiments.md)."
            )
    return ""


def find_section(name: str, paths: Sequence[str]) -> str:
    """The section (task, model, training, ...) a field or a last part of one stands in.

    >>> find_section("lr", ["task.p", "training.lr"])
    'training'
    """
    return next(path for path in paths if path == name or path.endswith("." + name)).split(".")[0]


def writable(experiment: Experiment) -> list[Setting]:
    """Every field that can be changed, sections that may be absent included; what an experiment is cannot."""
    fixed = {"name", "scale", "task.kind", "model.kind"}
    return [setting for setting in settings(experiment) if setting.path not in fixed]


def parse_overrides(experiment: Experiment, texts: Sequence[str]) -> Axes:
    """`field=value` words as axes; one value changes the field, several make members. Measures: see `measured`.

    Raises `LatebloomError` for a field that does not exist or is named twice, and for a word without a value.
    """
    axes: Axes = {}
    chosen: list[tuple[str, str]] = []
    said: dict[str, str] = {}
    for text in texts:
        if not isinstance(text, str):
            raise LatebloomError(
                f"{text!r} is no word of the form field=value: give each word by itself, e.g. "
                f'run("{experiment.name}", "seed=0:4", "lr=0.01"), or a list of words as *words.'
            )
        name, sign, value = text.partition("=")
        if not sign or not value:
            raise LatebloomError(f"{text!r} is not of the form field=value, e.g. training.lr=1e-3 or seed=0:8.")
        if is_measure(name):
            _say_once(said, name, text)
            chosen.append((name, value))
            continue
        values = parse_values(value)
        if not values:
            raise LatebloomError(f"{text!r} names no value: write one, several with commas, or a range a:b.")
        field = find_field(experiment, name)
        _say_once(said, field, text)
        if field == "population" and len(values) > 1:
            raise LatebloomError(f"{text!r}: population says how many members train together; give it one value.")
        axes[field] = values
    if chosen:
        axes["measure"] = [choose(experiment.measure, chosen)]
    return axes


def _say_once(said: dict[str, str], field: str, text: str) -> None:
    """Keeps in `said` which word sets a field; refuses a second one, since only one of the two could hold."""
    if field not in said:
        said[field] = text
        return
    first, second = said[field].partition("=")[2], text.partition("=")[2]
    members = first != second and field != "population" and not is_measure(field)
    told = f", or {field}={first},{second} for members of each" if members else ""
    raise LatebloomError(f"{field} is named twice: {said[field]} and {text}. Write one of them{told}.")


def expand(experiment: Experiment, axes: Mapping[str, Sequence[Any]]) -> list[Experiment]:
    """One specification for each member: all combinations of the axes, seeds varying fastest."""
    names = sorted(axes, key=lambda name: name == "seed")
    number = math.prod(len(axes[name]) for name in names)
    if number > MOST:
        told = " x ".join(f"{len(axes[name]):,} of {name}" for name in names if len(axes[name]) > 1)
        raise LatebloomError(f"{told} make {number:,} members; a run holds at most {MOST:,}. Take fewer values.")
    return [
        experiment.replace(dict(zip(names, values, strict=True)))
        for values in itertools.product(*(axes[n] for n in names))
    ]


def shape_key(member: Experiment) -> str:
    """Equal for members that can train together: everything but the fields that may vary within a population."""

    def shared(spec: Spec) -> dict[str, Any]:
        varying = {path for path, _, per_member in fields(spec) if per_member}
        return {path: value for path, value, _ in fields(spec) if path not in varying}

    limits = [member.training.clamp_norm is not None, member.training.clip is not None]
    return digest([shared(member), *limits])


def populations(members: Sequence[Experiment]) -> list[list[Experiment]]:
    """Members sorted into populations of one shape, each at most `population` strong, order kept within."""
    groups: dict[str, list[Experiment]] = {}
    for member in members:
        groups.setdefault(shape_key(member), []).append(member)
    return [
        group[first : first + group[0].population]
        for group in groups.values()
        for first in range(0, len(group), group[0].population)
    ]


def varied(members: Sequence[Experiment]) -> list[str]:
    """Dotted fields whose values differ between members, and always the seed: what names a member in a table.

    Without what is found from one of these, as the digest of a file whose name differs.
    """
    tables = [{path: value for path, value, _ in fields(member)} for member in members]
    names = list(dict.fromkeys(path for table in tables for path in table))
    differ = [n for n in names if n == "seed" or any(table.get(n) != tables[0].get(n) for table in tables[1:])]
    found = {path for member in members for path, sources in found_fields(member).items() if {*sources} & {*differ}}
    return [name for name in differ if name not in found]
