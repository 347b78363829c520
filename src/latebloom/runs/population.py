"""The folder of one population: measurement parts, snapshots, checkpoints, and the manifest that makes them count.

population.json       members, versions, hardware, status
manifest.json         every file that counts, with size and SHA-256; replacing it is the moment of commitment
parts/*.parquet       measurements, one row a member and step
snapshots/*.safetensors   parameters of all members at one step
checkpoints/*.safetensors parameters and optimiser state, to go on from
"""

import copy
import hashlib
import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load, save
from torch import Tensor

from latebloom.errors import StoreError
from latebloom.runs.files import entry, intact, read_json, verified, write_bytes, write_json

FORMAT = 1
Row = dict[str, np.ndarray]  # column -> [member] or [member, k]


class PopulationFolder:
    """Reads and writes one population. Only what the manifest lists exists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """Lists of parts, snapshots, checkpoints and zooms; empty for a new folder."""
        if self._manifest is None:
            place = self.path / "manifest.json"
            empty = {"format": FORMAT, "parts": [], "snapshots": [], "checkpoints": [], "zooms": []}
            if not place.exists() and self.finished:
                raise StoreError(f"{place} is missing, though its population is finished: restore it from a copy.")
            self._manifest = read_json(place) if place.exists() else empty
            check_format(place, self._manifest, "parts", "snapshots", "checkpoints", "zooms")
        return self._manifest

    def reread(self) -> None:
        """Forgets what was read of the manifest: another process may have replaced it since."""
        self._manifest = None

    @property
    def header(self) -> dict[str, Any]:
        """What population.json says."""
        header: dict[str, Any] = read_json(self.path / "population.json")
        check_format(self.path / "population.json", header, "status")
        return header

    def write_header(self, header: Mapping[str, Any]) -> None:
        """Replaces population.json."""
        write_json(self.path / "population.json", {"format": FORMAT, **header})

    @property
    def finished(self) -> bool:
        """Whether training reached its end."""
        return (self.path / "population.json").exists() and self.header["status"] == "finished"

    # Writing: files first, then the manifest.

    def commit(
        self,
        step: int,
        rows: list[tuple[int, np.ndarray, Row]],
        snapshots: Mapping[int, Mapping[str, Tensor]],
        checkpoint: Mapping[str, Tensor],
        progress: Mapping[str, Any],
        keep: frozenset[int],
    ) -> None:
        """Everything since the last commitment, and a checkpoint to go on from.

        Of the checkpoints the last two stay, and those at the steps in `keep`.
        """
        manifest = {key: list(value) if isinstance(value, list) else value for key, value in self.manifest.items()}
        if rows:
            content = to_parquet(rows)
            path = self.path / "parts" / f"{rows[0][0]:09d}-{rows[-1][0]:09d}.parquet"
            write_bytes(path, content)
            manifest["parts"].append({**entry(path, content), "first": rows[0][0], "last": rows[-1][0]})
        for at, tensors in snapshots.items():
            manifest["snapshots"].append({**self._save("snapshots", at, tensors, {}), "step": at})
        # A session that stops where it began has nothing to save again; a listed file is never written over.
        if all(listed["step"] != step for listed in manifest["checkpoints"]):
            manifest["checkpoints"].append({**self._save("checkpoints", step, checkpoint, progress), "step": step})
        manifest["progress"] = copy.deepcopy(dict(progress))
        old = [c for c in manifest["checkpoints"][:-2] if c["step"] not in keep]
        manifest["checkpoints"] = [c for c in manifest["checkpoints"] if c not in old]
        self._replace_manifest(manifest)
        for checkpoint_entry in old:
            (self.path / "checkpoints" / checkpoint_entry["file"]).unlink(missing_ok=True)

    def add_zoom(self, first: int, last: int, rows: list[tuple[int, np.ndarray, Row]]) -> None:
        """Fine measurements of a window, beside the others, in place of earlier ones of the same window.

        A file is named after its content too: the window at another stride is another file, and the listed one stays
        until the manifest lists the new one.
        """
        content = to_parquet(rows)
        digest = hashlib.sha256(content).hexdigest()[:8]
        path = self.path / "zooms" / f"{first:09d}-{last:09d}-{digest}.parquet"
        write_bytes(path, content)
        old = [zoom for zoom in self.manifest["zooms"] if (zoom["first"], zoom["last"]) == (first, last)]
        others = [zoom for zoom in self.manifest["zooms"] if zoom not in old]
        self._replace_manifest(
            {**self.manifest, "zooms": [*others, {**entry(path, content), "first": first, "last": last}]}
        )
        for zoom in old:
            if zoom["file"] != path.name:
                (path.parent / zoom["file"]).unlink(missing_ok=True)

    def _save(self, kind: str, step: int, tensors: Mapping[str, Tensor], progress: Mapping[str, Any]) -> dict[str, Any]:
        plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        # One key: of several the library writes the order by chance, and equal runs would differ in bytes.
        content = save(plain, metadata={"progress": json.dumps(progress)})
        path = self.path / kind / f"{step:09d}.safetensors"
        write_bytes(path, content)
        return entry(path, content)

    def _replace_manifest(self, manifest: dict[str, Any]) -> None:
        write_json(self.path / "manifest.json", manifest)
        self._manifest = manifest

    # Reading.

    def last_checkpoint(self, before: int | None = None) -> tuple[int, dict[str, Tensor], dict[str, Any]] | None:
        """Step, tensors and progress of the newest intact checkpoint (at or before a step).

        A damaged one is passed over. What was recorded after the checkpoint in use is dropped from the manifest, to be
        computed again.
        """
        for listed in sorted(self.manifest["checkpoints"], key=lambda c: -int(c["step"])):
            if before is not None and listed["step"] > before:
                continue
            try:
                content = verified(self.path / "checkpoints", listed)
            except StoreError as error:
                warnings.warn(f"{error} Going on from the one before it.", stacklevel=2)
                continue
            progress = json.loads(_metadata(content)["progress"])
            if before is None:
                self._forget_after(listed["step"], progress)
            return listed["step"], load(content), progress
        if before is None:
            self._forget_after(-1, {})
        return None

    def _forget_after(self, step: int, progress: Mapping[str, Any]) -> None:
        kept = {
            "parts": [p for p in self.manifest["parts"] if p["last"] <= step],
            "snapshots": [s for s in self.manifest["snapshots"] if s["step"] <= step],
            "checkpoints": [c for c in self.manifest["checkpoints"] if c["step"] <= step],
        }
        if any(len(kept[key]) != len(self.manifest[key]) for key in kept):
            self._replace_manifest({**self.manifest, **kept, "progress": copy.deepcopy(dict(progress))})

    def measurements(self, zooms: bool = False) -> pa.Table:
        """All measured rows: columns `step`, `member` (its number within this population), then one a quantity."""
        kinds = [("parts", part) for part in self.manifest["parts"]]
        kinds += [("zooms", zoom) for zoom in self.manifest["zooms"]] if zooms else []
        tables = [pq.read_table(io.BytesIO(intact(self.path / kind, listed))) for kind, listed in kinds]
        if not tables:
            return pa.table({"step": pa.array([], pa.int64()), "member": pa.array([], pa.int64())})
        return pa.concat_tables(tables, promote_options="default")

    @property
    def snapshot_steps(self) -> list[int]:
        """Steps at which parameters were kept."""
        return [listed["step"] for listed in self.manifest["snapshots"]]

    @property
    def progress(self) -> dict[str, Any]:
        """Which members have ended (`ended_at`), and which of them `diverged`, at the last commitment."""
        progress: dict[str, Any] = self.manifest.get("progress", {})
        return progress

    def snapshot(self, step: int) -> dict[str, Tensor]:
        """Parameters [member, ...] at one kept step; a damaged file is refused by name."""
        for listed in self.manifest["snapshots"]:
            if listed["step"] == step:
                return load(intact(self.path / "snapshots", listed))
        raise StoreError(f"{self.path} has no snapshot at step {step}; it has {self.snapshot_steps}.")


def check_format(path: Path, document: Mapping[str, Any], *needed: str) -> None:
    """Refuses what a newer Latebloom wrote, what is no run at all, and what lacks a key that is needed."""
    found = document.get("format") if isinstance(document, Mapping) else None
    if not isinstance(found, int):
        raise StoreError(f"{path} does not look like a Latebloom run: it names no format.")
    if found > FORMAT:
        raise StoreError(
            f"{path} was written in format {found}; this version reads up to {FORMAT}. Update Latebloom to read it."
        )
    if lost := [key for key in needed if key not in document]:
        raise StoreError(f"{path} says nothing of {', '.join(lost)}: restore it from a copy or delete its folder.")


def to_parquet(rows: list[tuple[int, np.ndarray, Row]]) -> bytes:
    """Rows of (step, member numbers, columns) as one Parquet file; vectors become list columns."""
    names = list(dict.fromkeys(name for _, _, columns in rows for name in columns))
    fields: dict[str, list[Any]] = {"step": [], "member": [], **{name: [] for name in names}}
    for step, members, columns in rows:
        fields["step"] += [step] * len(members)
        fields["member"] += members.tolist()
        for name in names:
            fields[name] += columns[name].tolist() if name in columns else [None] * len(members)
    buffer = io.BytesIO()
    pq.write_table(pa.table(fields), buffer, compression="zstd")
    return buffer.getvalue()


def _metadata(content: bytes) -> dict[str, str]:
    """The text fields of a safetensors file: an 8-byte length, then a JSON header."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return header
