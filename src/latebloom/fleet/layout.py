"""The layout of a run on the disk: which population, and which place in it, each of its members has."""

import contextlib
import datetime
import platform
import shlex
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from latebloom.errors import LatebloomError
from latebloom.fleet.identity import member_hash
from latebloom.fleet.unit import Unit
from latebloom.runs.files import write_json
from latebloom.runs.home import adopt, finished_populations
from latebloom.runs.lock import writing
from latebloom.runs.population import FORMAT
from latebloom.runs.run import OWN_COLUMNS, Run
from latebloom.spec import digest, fields
from latebloom.training.experiment import Experiment
from latebloom.training.measures import versions
from latebloom.training.members import populations, varied
from latebloom.training.population import unit_hash
from latebloom.training.presets import members_of

Index = dict[str, tuple[Path, int]]  # a member's hash -> its population folder and its number there


def finished_members(root: Path) -> Index:
    """Where each member that finished anywhere in a home lies: population folder and number within it."""
    found: Index = {}
    for folder, hashes in finished_populations(root):
        for index, own in enumerate(hashes):
            found.setdefault(own, (folder.path, index))
    return found


def lay_out(
    path: Path, members: list[Experiment], hashes: list[str], command: str, homes: Index, dry: bool
) -> dict[str, Any]:
    """Writes run.json: each member's place in a population, taken over from another run where it is finished there."""
    places: dict[int, tuple[str, int]] = {}
    for number, found in enumerate(hashes):
        if found in homes:
            source, index = homes[found]
            if not dry:
                adopt(source, path / "populations" / source.name)
            places[number] = (source.name, index)
    missing = [number for number in range(len(members)) if number not in places]
    numbers = {id(members[n]): n for n in missing}
    for group in populations([members[n] for n in missing]):
        name = unit_hash(group, versions(group[0].measure))
        for index, member in enumerate(group):
            places[numbers[id(member)]] = (name, index)
    names, numbered = _numbered([places[number] for number in range(len(members))])
    shown = varied(members)
    document = {
        "format": FORMAT,
        "experiment": members[0].name,
        "scale": members[0].scale,
        "hash": digest(hashes),
        "command": command,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {part: version(part) for part in ("latebloom", "torch", "numpy")},
        "hardware": {"machine": platform.machine(), "processor": processor(), "system": platform.system()},
        "populations": names,
        "members": [
            {**spot, "hash": own, "varied": _shown(member, shown)}
            for spot, own, member in zip(numbered, hashes, members, strict=True)
        ],
    }
    if not dry:
        write_json(path / "run.json", document)
    return document


def earlier_layout(path: Path, members: Sequence[Experiment], dry: bool) -> dict[str, Any] | None:
    """The layout of an earlier session, unless more members are to train together in it than are asked for now.

    Raises `StoreError` where it would have to be laid out anew while another process trains for it.
    """
    if not (path / "run.json").exists():
        return None
    run = Run(path)
    together = Counter(where["population"] for where in run.document["members"])
    unfinished = {n: folder for n, folder in enumerate(run.populations) if not folder.finished}
    if all(together[n] <= members[0].population for n in unfinished):
        return run.document
    for folder in unfinished.values():
        if not dry and (folder.path / "population.json").exists():
            with writing(folder.path):  # what it has trained would have no place in the new layout
                pass
    return None


def place_the_lost(path: Path, members: Sequence[Experiment], document: dict[str, Any], dry: bool) -> None:
    """Gives members whose population was taken over, and deleted since, places in one that holds them alone.

    It may have had others, so that theirs are not the first places in it, and its name is that of more members.
    """
    found = [(document["populations"][where["population"]], where["index"]) for where in document["members"]]
    places = list(found)
    begun = {name for name in document["populations"] if (path / "populations" / name / "population.json").exists()}
    if len(begun) < len(document["populations"]):
        members = _as_laid_out(members, document)
    for name in document["populations"]:
        own = [number for number, (population, _) in enumerate(found) if population == name and name not in begun]
        group = [members[number] for number in own]
        for index, number in enumerate(own):
            places[number] = (unit_hash(group, versions(group[0].measure)), index)
    if places == found:
        return
    document["populations"], numbered = _numbered(places)
    for where, spot in zip(document["members"], numbered, strict=True):
        where |= spot
    if not dry:
        write_json(path / "run.json", document)


def _as_laid_out(members: Sequence[Experiment], document: dict[str, Any]) -> Sequence[Experiment]:
    """The members by the run's own command: how many train together may be another number there, and is part of names.

    As they are asked for now where that command makes others today, since its preset has changed.
    """
    with contextlib.suppress(LatebloomError):
        stated = members_of(members[0].name, members[0].scale, overrides_of(document["command"]))
        if [member_hash(member) for member in stated] == [where["hash"] for where in document["members"]]:
            return stated
    return members


def take_over(unit: Unit, known: Index) -> bool:
    """Gives a unit's members the places where others have trained them since its run was laid out.

    False, and nothing is changed, if not all of them are in `known`, or the unit has been begun.
    """
    if not all(own in known for own in unit.hashes) or (unit.path / "population.json").exists():
        return False
    document = Run(unit.run).document
    places = []
    for where in document["members"]:
        name, index = document["populations"][where["population"]], where["index"]
        if name == unit.path.name:
            source, index = known[where["hash"]]
            name = source.name
            adopt(source, unit.path.with_name(name))
        places.append((name, index))
    document["populations"], numbered = _numbered(places)
    for where, spot in zip(document["members"], numbered, strict=True):
        where |= spot
    write_json(unit.run / "run.json", document)
    return True


def command_line(name: str, scale: str, overrides: Sequence[str]) -> str:
    """The command that repeats a run."""
    return shlex.join(["latebloom", "run", name, "--scale", scale, *overrides])


def overrides_of(command: str) -> list[str]:
    """The settings in a command line of a run.

    >>> overrides_of(command_line("grokking.parity", "quick", ["seed=0:4"]))
    ['seed=0:4']
    """
    return shlex.split(command)[len(shlex.split(command_line("", "", ()))) :]


def _numbered(places: Sequence[tuple[str, int]]) -> tuple[list[str], list[dict[str, int]]]:
    """Names of populations in the order of members, and each member's place as run.json has it."""
    names = list(dict.fromkeys(name for name, _ in places))
    return names, [{"population": names.index(name), "index": index} for name, index in places]


def _shown(member: Experiment, names: Sequence[str]) -> dict[str, Any]:
    """Varied fields by their last part where that is unambiguous."""
    values = {path: value for path, value, _ in fields(member)}
    last = [name.rsplit(".", 1)[-1] for name in names]
    return {
        (short if last.count(short) == 1 and short not in OWN_COLUMNS else name): values.get(name)
        for name, short in zip(names, last, strict=True)
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
