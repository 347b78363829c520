"""The ledger: judged claims as they are kept, one JSON file a study."""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from latebloom.claims.verdict import Verdict
from latebloom.errors import StoreError
from latebloom.training.experiment import SCALES

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One judgement of one claim at one scale; the fields are those of `latebloom claims --json`.

    Attributes:
        measured: the result in words and numbers.
        interval: 95 % interval of the headline number, None for an end that is not known; None without an interval.
        runs: hashes of the runs it rests on, in the order in which the claim asks for them.
        seconds: what those runs and the judging cost.
        command: repeats it.
        judged_at: UTC, ISO 8601.
        fingerprint: of the rule and the needs under which it was judged.
        estimates: further named numbers, each with value, interval, n and unit.
        extra: rows and values for tables and figures.

    The other fields are the claim's own (see `Claim`), as they stood that day.
    """

    id: str
    study: str
    title: str
    statement: str
    source: str
    tag: str
    published: str
    measured: str
    interval: tuple[float | None, float | None] | None
    verdict: Verdict
    scale: str
    seeds: int
    runs: tuple[str, ...]
    seconds: float
    command: str
    rule: str
    fixed: str
    changes: tuple[tuple[str, str], ...]
    control: str
    note: str
    judged_at: str
    fingerprint: str
    estimates: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return {**asdict(self), "verdict": str(self.verdict)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The entry back from JSON values. Raises `StoreError` for missing, unknown or impossible fields."""
        wanted = {item.name for item in fields(cls)}
        if set(data) != wanted:
            missing, unknown = sorted(wanted - set(data)), sorted(set(data) - wanted)
            raise StoreError(
                f"The ledger entry {data.get('id', '?')!r} does not fit: missing {missing}, unknown {unknown}."
            )
        if data["verdict"] not in list(Verdict) or data["scale"] not in SCALES:
            raise StoreError(
                f"The ledger entry {data['id']!r} has the verdict {data['verdict']!r} at the scale {data['scale']!r}; "
                f"verdicts are {', '.join(Verdict)}, scales are {', '.join(SCALES)}."
            )
        interval = data["interval"]
        return cls(
            **{
                **data,
                "verdict": Verdict(data["verdict"]),
                "interval": None if interval is None else (interval[0], interval[1]),
                "runs": tuple(data["runs"]),
                "changes": tuple((when, reason) for when, reason in data["changes"]),
            }
        )


@dataclass(frozen=True)
class Ledger:
    """Entries by claim and scale; at most one each, sorted."""

    entries: tuple[Entry, ...] = ()

    def merge(self, new: Iterable[Entry]) -> Self:
        """The ledger with new entries; of two for the same claim and scale the later judgement stays.

        Entries at scale smoke are left out: they exercise the plumbing and say nothing about the claim.
        """
        kept: dict[tuple[str, int], Entry] = {}
        for entry in (*self.entries, *new):
            key = entry.id, SCALES.index(entry.scale)
            old = kept.get(key)
            if entry.scale != "smoke" and (old is None or entry.judged_at >= old.judged_at):
                kept[key] = entry
        return type(self)(tuple(kept[key] for key in sorted(kept)))

    def of(self, id: str) -> tuple[Entry, ...]:
        """The entries of one claim, smallest scale first."""
        return tuple(entry for entry in self.entries if entry.id == id)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Reads every study's file; an absent folder is an empty ledger.

        Raises `StoreError` for a file that cannot be read, naming it.
        """
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"The ledger {folder} is a file; it must be a folder, with one file a study.")
        return cls().merge(entry for path in sorted(folder.glob("*.json")) for entry in _read(path))

    @classmethod
    def add(cls, folder: Path | str, new: Iterable[Entry]) -> Self:
        """Merges new entries into a folder's files; processes that do so at the same time take turns."""
        folder = Path(folder)
        with _alone(folder):
            ledger = cls.load(folder).merge(new)
            ledger.save(folder)
            return ledger

    def save(self, folder: Path) -> None:
        """Writes one file a study, each whole or not at all. Files of studies without entries stay as they are."""
        for study in sorted({entry.study for entry in self.entries}):
            mine = [entry.to_json() for entry in self.entries if entry.study == study]
            document = {"format": FORMAT, "study": study, "entries": mine}
            _write(folder / f"{study}.json", json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _read(path: Path) -> list[Entry]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The ledger file {path} cannot be read: {error}. Restore it, or delete it and judge again."
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise StoreError(
            f"The ledger file {path} has format {found!r}; this version of Latebloom reads format {FORMAT}. "
            "A higher number was written by a newer version."
        )
    entries = document.get("entries")
    if not isinstance(entries, list) or not all(isinstance(data, dict) for data in entries):
        raise StoreError(f"The ledger file {path} has no list of entries. Restore it, or delete it and judge again.")
    try:
        return [Entry.from_json(data) for data in entries]
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from None
    except (TypeError, ValueError, LookupError) as error:  # a field of another kind than it should be
        raise StoreError(f"{path} has an entry that does not fit: {error}. Restore it, or judge again.") from None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder while it is read and written; the system lets go of it however the process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except FileExistsError:
        raise StoreError(f"The ledger {folder} is a file; it must be a folder, with one file a study.") from None
    except OSError as error:
        raise StoreError(f"The ledger {folder} cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, text: str) -> None:
    """Writes beside the file and renames, so that a reader or a crash never meets half a ledger."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)  # mkstemp makes it private; the ledger is for everybody
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"The ledger file {path} cannot be written: {error.strerror}.") from error
