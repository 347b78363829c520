"""What must be trained for a run: members finished anywhere in the home are taken over, the rest make work units."""

from collections.abc import Sequence
from pathlib import Path

from latebloom.fleet.identity import member_hash, run_path, source_words
from latebloom.fleet.layout import Index, command_line, earlier_layout, finished_members, lay_out, place_the_lost
from latebloom.fleet.unit import Plan, Unit
from latebloom.runs.population import PopulationFolder
from latebloom.spec import digest, identity
from latebloom.training.device import place
from latebloom.training.experiment import Experiment, Start
from latebloom.training.population import check_start
from latebloom.training.presets import members_of


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
        member.check()
    hashes = [member_hash(member) for member in members]
    path = run_path(members, root)
    sources = tuple(_sources(members, scale, root, known, dry))
    starts = {start: source.run for start, source in sources}
    document = earlier_layout(path, members, dry)
    adopted: Index = {}  # by a layout that is not on the disk
    if document is None:
        homes = finished_members(root) if known is None else known
        if not dry:
            reach([own for own, found in zip(members, hashes, strict=True) if found not in homes])
        adopted = homes if dry else {}
        document = lay_out(path, members, hashes, command_line(name, scale, overrides), homes, dry)
    else:
        place_the_lost(path, members, document, dry)
    units = []
    for number, unit_name in enumerate(document["populations"]):
        own = [n for n, where in enumerate(document["members"]) if where["population"] == number]
        folder = PopulationFolder(path / "populations" / unit_name)
        if not folder.finished and not all(hashes[n] in adopted for n in own):
            group = tuple(members[n] for n in own)
            start = starts.get(group[0].start) if group[0].start else None
            units.append(Unit(folder.path, group, tuple(hashes[n] for n in own), start))
    return Plan(path, tuple(units), tuple(source for _, source in sources))


def reach(members: Sequence[Experiment]) -> None:
    """Raises `LatebloomError` where what must be fetched for members cannot be had or does not fit; each thing once."""
    # By what they are, not by hash: a task of one's own may hold a list.
    for member in {digest([identity(own.task), identity(own.model)]): own for own in members}.values():
        member.task.reach()
        member.model.reach(member.task.signature)


def _sources(
    members: Sequence[Experiment], scale: str, root: Path, known: Index | None, dry: bool
) -> list[tuple[Start, Plan]]:
    """The runs that members begin from, each with just the seeds that are needed."""
    starts = list(dict.fromkeys(member.start for member in members if member.start is not None))
    found = []
    for start in starts:
        begun = [member for member in members if member.start == start]
        words = source_words(start, sorted({member.seed for member in begun}))
        source = members_of(start.experiment, scale, words)[0]
        for member in begun:
            check_start(member, source)
        found.append((start, plan(start.experiment, scale, words, root, known, dry)))
    return found
