"""What must be trained for a run: members finished anywhere in the home are taken over, the rest make work units."""

import datetime
import platform
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from latebloom.errors import LatebloomError
from latebloom.runs.files import write_json
from latebloom.runs.home import adopt, finished_populations
from latebloom.runs.lock import writing
from latebloom.runs.population import FORMAT, PopulationFolder
from latebloom.runs.run import OWN_COLUMNS, Run
from latebloom.spec import digest, fields
from latebloom.training.device import place
from latebloom.training.experiment import Experiment, Start
from latebloom.training.measures import versions
from latebloom.training.members import populations, varied
from latebloom.training.population import unit_hash
from latebloom.training.presets import members_of

Index = dict[str, tuple[Path, int]]  # a member's hash -> its population folder and its number there


@dataclass(frozen=True)
class Unit:
    """One population to train: the piece of work a worker takes."""

    path: Path
    members: tuple[Experiment, ...]
    hashes: tuple[str, ...]  # of its members
    start: Path | None = None  # the run whose members' weights these begin from

    @property
    def folder(self) -> PopulationFolder:
        """Its folder, freshly opened."""
        return PopulationFolder(self.path)

    @property
    def run(self) -> Path:
        """The run it was laid out for."""
        return self.path.parents[1]

    @property
    def home(self) -> Path:
        """The folder of all runs."""
        return self.path.parents[3]


@dataclass(frozen=True)
class Plan:
    """A run and the units that are still to be trained for it; sources are trained first."""

    run: Path
    units: tuple[Unit, ...]
    sources: tuple["Plan", ...] = ()

    @property
    def all_units(self) -> list[Unit]:
        """Units of the sources, then its own."""
        return [unit for source in self.sources for unit in source.all_units] + list(self.units)


def member_hash(member: Experiment) -> str:
    """The identity of one member: its specification and the versions of its parts, whoever trains beside it."""
    alone = member.model_copy(update={"population": 1, "name": "", "scale": "quick"})
    own = unit_hash([alone], versions(member.measure))
    if member.start is None:
        return own
    sources = members_of(member.start.experiment, member.scale, _source_words(member.start, [member.seed]))
    if len(sources) != 1:
        differ = ", ".join(name for name in varied(sources) if name != "seed")
        raise LatebloomError(
            f"start: {member.start.experiment} makes {len(sources)} members of seed {member.seed}, which differ in "
            f"{differ}: say in start.overrides which one is meant."
        )
    return digest([own, member_hash(sources[0])])


def run_hash(name: str, scale: str, overrides: Sequence[str]) -> str:
    """The identity of a run under today's specifications and versions; lays out nothing."""
    return digest([member_hash(member) for member in members_of(name, scale, overrides)])


def existing_run(name: str, scale: str, overrides: Sequence[str], root: Path) -> Run | None:
    """The run that a request has under today's specifications, if it was ever begun in this home."""
    path = run_path(members_of(name, scale, overrides), root)
    return Run(path) if (path / "run.json").exists() else None


def run_path(members: Sequence[Experiment], root: Path) -> Path:
    """Where a run of these members lies."""
    return root / members[0].name / f"{members[0].scale}-{digest([member_hash(member) for member in members])[:10]}"


def plan(
    name: str, scale: str, overrides: Sequence[str], root: Path, known: Index | None = None, dry: bool = False
) -> Plan:
    """Resolves an experiment and lays out its run folder; trains nothing, and writes nothing either where it is `dry`.

    `known` is `finished_members(root)`, for a caller that lays out many runs at once.

    Raises `LatebloomError` if the words are wrong, `StoreError` if the home cannot be written.
    """
    members = members_of(name, scale, overrides)
    for member in members:
        place(member.device, member.training.precision)
        if not member.task.at_hand:
            member.check()
    hashes = [member_hash(member) for member in members]
    path = run_path(members, root)
    sources = tuple(_sources(members, scale, root, known, dry))
    starts = {start: source.run for start, source in sources}
    document = _existing(path, members, dry)
    adopted: Index = {}  # by a layout that is not on the disk
    if document is None:
        homes = finished_members(root) if known is None else known
        adopted = homes if dry else {}
        document = _lay_out(path, members, hashes, command_line(name, scale, overrides), homes, dry)
    else:
        _place_the_lost(path, members, document, dry)
    units = []
    for number, unit_name in enumerate(document["populations"]):
        own = [n for n, where in enumerate(document["members"]) if where["population"] == number]
        folder = PopulationFolder(path / "populations" / unit_name)
        if not folder.finished and not all(hashes[n] in adopted for n in own):
            group = tuple(members[n] for n in own)
            start = starts.get(group[0].start) if group[0].start else None
            units.append(Unit(folder.path, group, tuple(hashes[n] for n in own), start))
    return Plan(path, tuple(units), tuple(source for _, source in sources))


def command_line(name: str, scale: str, overrides: Sequence[str]) -> str:
    """The command that repeats a run."""
    return shlex.join(["latebloom", "run", name, "--scale", scale, *overrides])


def overrides_of(command: str) -> list[str]:
    """The settings in a command line of a run.

    >>> overrides_of(command_line("grokking.parity", "quick", ["seed=0:4"]))
    ['seed=0:4']
    """
    return shlex.split(command)[len(shlex.split(command_line("", "", ()))) :]


def finished_members(root: Path) -> Index:
    """Where each member that finished anywhere in a home lies: population folder and number within it."""
    found: Index = {}
    for folder, hashes in finished_populations(root):
        for index, own in enumerate(hashes):
            found.setdefault(own, (folder.path, index))
    return found


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


def _existing(path: Path, members: Sequence[Experiment], dry: bool) -> dict[str, Any] | None:
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


def _place_the_lost(path: Path, members: Sequence[Experiment], document: dict[str, Any], dry: bool) -> None:
    """Gives members whose population was taken over, and deleted since, places in one that holds them alone.

    It may have had others, so that theirs are not the first places in it, and its name is that of more members.
    """
    found = [(document["populations"][where["population"]], where["index"]) for where in document["members"]]
    places = list(found)
    begun = {name for name in document["populations"] if (path / "populations" / name / "population.json").exists()}
    if len(begun) < len(document["populations"]):
        # As they were laid out: how many train together, which may be another number now, is part of a unit's name.
        members = members_of(members[0].name, members[0].scale, overrides_of(document["command"]))
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


def _lay_out(
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


def _sources(
    members: Sequence[Experiment], scale: str, root: Path, known: Index | None, dry: bool
) -> list[tuple[Start, Plan]]:
    """The runs that members begin from, each with just the seeds that are needed."""
    starts = list(dict.fromkeys(member.start for member in members if member.start is not None))
    found = []
    for start in starts:
        seeds = sorted({member.seed for member in members if member.start == start})
        found.append((start, plan(start.experiment, scale, _source_words(start, seeds), root, known, dry)))
    return found


def _source_words(start: Start, seeds: Sequence[int]) -> list[str]:
    """What is written behind the name of the experiment that weights begin from: its own words, and the seeds."""
    for word in start.overrides:
        if word.partition("=")[0] == "seed":
            raise LatebloomError(
                f"start.overrides holds {word!r}: weights come from the member of the same seed. Take the word away."
            )
    return [*start.overrides, "seed=" + ",".join(map(str, seeds))]


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
