"""What a member and a run are known by: hashes of their specifications and of the versions of their parts."""

from collections.abc import Sequence
from pathlib import Path

from latebloom.errors import LatebloomError
from latebloom.runs.run import Run
from latebloom.spec import digest
from latebloom.training.experiment import Experiment, Start
from latebloom.training.measures import versions
from latebloom.training.members import varied
from latebloom.training.population import unit_hash
from latebloom.training.presets import members_of


def member_hash(member: Experiment) -> str:
    """The identity of one member: its specification and the versions of its parts, whoever trains beside it."""
    alone = member.model_copy(update={"population": 1, "name": "", "scale": "quick"})
    own = unit_hash([alone], versions(member.measure))
    if member.start is None:
        return own
    sources = members_of(member.start.experiment, member.scale, source_words(member.start, [member.seed]))
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


def source_words(start: Start, seeds: Sequence[int]) -> list[str]:
    """What is written behind the name of the experiment that weights begin from: its own words, and the seeds."""
    for word in start.overrides:
        if word.partition("=")[0] == "seed":
            raise LatebloomError(
                f"start.overrides holds {word!r}: weights come from the member of the same seed. Take the word away."
            )
    return [*start.overrides, "seed=" + ",".join(map(str, seeds))]
