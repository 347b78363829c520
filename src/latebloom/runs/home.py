"""Where runs live, and finding them: $LATEBLOOM_HOME, by default ./runs."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from latebloom.errors import LatebloomError, StoreError, did_you_mean
from latebloom.runs.files import explained
from latebloom.runs.population import PopulationFolder


def home() -> Path:
    """The folder of all runs."""
    return Path(os.path.expanduser(os.environ.get("LATEBLOOM_HOME") or "runs")).resolve()


def run_folders(root: Path) -> list[Path]:
    """Every run under a home, oldest name first. Raises `StoreError` where the home is a file."""
    if root.is_file():
        raise StoreError(f"{root} is a file; runs live in a folder: set LATEBLOOM_HOME to one.")
    return sorted(path.parent for path in root.glob("*/*/run.json"))


def bytes_on_disk(folders: Iterable[Path]) -> int:
    """Bytes of all files in some folders; a file that several runs share (a hard link) counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # a run that trains replaces its files
                    found = os.lstat(os.path.join(place, name))
                    sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def find_run(root: Path, name: str, known: Iterable[str] = ()) -> Path:
    """A run by its path, its folder name, or an unambiguous beginning of its hash or name.

    Raises `LatebloomError` that lists what is there, with the nearest of it and of what else the caller has `known`.
    """
    if os.path.exists(Path(name) / "run.json"):  # false, not an error, where a name is too long for a path
        return Path(name)
    folders = run_folders(root)
    labels = {f"{path.parent.name}/{path.name}": path for path in folders}
    if name in labels:
        return labels[name]
    own = [path for path in folders if path.parent.name == name]  # an experiment's whole name is no mere beginning
    matches = own or [
        path
        for label, path in labels.items()
        if any(known.startswith(name) for known in (label, path.name)) or _same_hash(path.name.split("-", 1)[-1], name)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = ", ".join(f"{p.parent.name}/{p.name}" for p in matches[:6])
        raise LatebloomError(
            f"{name!r} could be any of {len(matches)} runs: {listed}"
            f"{', ... `latebloom ls runs` lists all' if len(matches) > 6 else ''}."
        )
    hint = did_you_mean(name, {*known, *labels, *(path.parent.name for path in folders)})
    listed = ", ".join(list(labels)[:6]) or "none yet"
    raise LatebloomError(f"No run {name!r} under {root}.{hint} Runs there: {listed}. `latebloom ls runs` lists all.")


def finished_populations(root: Path) -> Iterator[tuple[PopulationFolder, list[str]]]:
    """Every finished population under a home with the hashes of its members; unreadable ones are passed over."""
    for path in sorted(root.glob("*/*/populations/*/population.json")):
        if path.parent.name.startswith("."):  # a session that was killed while it took this one over
            continue
        folder = PopulationFolder(path.parent)
        try:
            if folder.finished:
                yield folder, folder.header["member_hashes"]
        except (StoreError, KeyError):
            continue


def adopt(source: Path, target: Path) -> None:
    """Takes a finished population into another run: hard links where the file system has them, else copies.

    Raises `StoreError` where one of its name holds other members.
    """
    if target.exists():
        held, taken = (PopulationFolder(path).header.get("member_hashes") for path in (target, source))
        if held != taken:
            raise StoreError(f"{target} does not hold the members of {source}, whose name it has: delete it.")
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    with explained(target):
        try:
            _link_all(source, temporary)
            os.replace(temporary, target)
        except OSError:
            if not target.exists():  # else another process took it over in the meantime
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _link_all(source: Path, target: Path) -> None:
    """Links every file of a folder but its lock and what is being written."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.name == "lock" or path.name.startswith("."):
            continue
        if path.is_dir():
            _link_all(path, target / path.name)
            continue
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)


def _same_hash(folder: str, name: str) -> bool:
    """Whether one begins the other: a folder's name holds only the first digits of its run's hash."""
    return folder.startswith(name) or (len(name) > len(folder) > 0 and name.startswith(folder))
