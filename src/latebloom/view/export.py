"""`latebloom export`: the lab as a folder of files that opens from any web server, or from the disk without one.

A page on disk may load scripts but not fetch data, so every document and pack is a small script that hands over its
value (`latebloomTake(name, value)`); binary packs are compressed and written in base64. Packs and pictures are named by
their content, so equal ones are one file. What is written stays below a limit: curves of all runs come first, then the
network of every run that its views open on, then further networks while there is room.
"""

import base64
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latebloom.errors import LatebloomError, unknown_name
from latebloom.runs.files import explained
from latebloom.runs.run import Run
from latebloom.studies import study_names
from latebloom.view.assets import Assets, built
from latebloom.view.lab import Lab
from latebloom.view.sampling import ranked, sampled, water_level
from latebloom.view.views import Maker

MARK = "latebloom-site.json"  # tells an earlier export, which may be replaced, from a folder of somebody's
MOST_BYTES = 14_000_000  # of a site: it must stay below 15 MB
LARGEST = 2_000_000  # bytes of a film that is written even where there is no room for it
ENCODED = 1.25  # bytes of a written pack for each of its own, about: compression gains less than base64 costs


def export(
    home: Path,
    ledger: Path,
    out: Path,
    studies: Sequence[str] = (),
    snapshots: int = 60,
    assets: Assets | None = None,
    most: int = MOST_BYTES,
) -> list[Path]:
    """Writes the site, whole or not at all; returns its files.

    Args:
        home: folder of runs.
        ledger: folder of the ledger.
        out: a folder that does not exist yet, is empty, or holds an earlier export, which is replaced.
        studies: only these; none: all.
        snapshots: at most so many steps of a network's weights.
        assets: the built front end; by default built or found.
        most: bytes that films of networks may fill the site up to; the rest is written whatever it is.

    Raises `LatebloomError` for an unknown study, a number of snapshots below two, or a folder that is not ours.
    """
    for name in studies:
        if name not in study_names():
            raise unknown_name("study", name, study_names())
    if snapshots < 2:
        raise LatebloomError(f"--snapshots {snapshots}: a film has at least two, its beginning and its end.")
    out = out.resolve()  # a link leads to the folder that is replaced, and "." has no name
    _check_place(out, (home, ledger))
    assets = built() if assets is None else assets
    lab = Lab(home, ledger, studies, still=True)
    with explained(out, "write the site to"):
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        before = temporary.with_name(f"{temporary.name}.before")
        try:
            _write_site(lab, assets, Site(temporary), snapshots, most)
            temporary.chmod(0o755)
            if out.exists():
                os.replace(out, before)  # deleted only when the new site stands in its place
            os.replace(temporary, out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            if before.exists() and not out.exists():
                os.replace(before, out)
            shutil.rmtree(before, ignore_errors=True)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _check_place(out: Path, sources: Sequence[Path]) -> None:
    if out.exists() and not out.is_dir():
        raise LatebloomError(f"{out} is a file; a site is a folder.")
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise LatebloomError(f"{out} holds other files; choose a new or empty folder, or an earlier export.")
    for source in sources:
        if out.exists() and source.exists() and source.resolve().is_relative_to(out):
            raise LatebloomError(
                f"{out} is replaced as a whole, and {source.resolve()} lies in it; choose another folder."
            )


@dataclass
class Site:
    """The folder while it is written, and how much it holds."""

    out: Path
    size: int = 0  # bytes
    packs: dict[str, str] = field(default_factory=dict)  # digest of the content -> name of its file

    def write(self, name: str, content: bytes) -> None:
        """A file; the folder is renamed as a whole, so it need not be flushed by itself."""
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self.size += len(content)
        path.write_bytes(content)

    def take(self, name: str, value: Any) -> None:
        """A document as a script; `<` is escaped so that no text can end a script element, wherever it is pasted."""
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        self.write(f"data/{name}.js", f"latebloomTake({json.dumps(name)},{text});\n".encode())

    def pack(self, content: bytes) -> str:
        """A pack, compressed; the name of its file, the same for equal packs."""
        key = hashlib.sha256(content).hexdigest()[:20]
        if key not in self.packs:
            self.packs[key] = key
            self.take(f"packs/{key}", base64.b64encode(zlib.compress(content, 9)).decode())
        return key

    def picture(self, content: bytes) -> str:
        """A picture; the name of its file, the same for equal pictures."""
        name = f"{hashlib.sha256(content).hexdigest()[:20]}.webp"
        self.write(f"pictures/{name}", content)
        return name


@dataclass
class Shown:
    """A run of the site: its packs by rank, and the files of those that are written."""

    run: Run
    packs: Mapping[str, Maker]
    ranks: list[list[str]]
    files: dict[str, str] = field(default_factory=dict)


def _write_site(lab: Lab, assets: Assets, site: Site, snapshots: int, most: int) -> None:
    page = assets.text("index.html").replace('content="server"', 'content="folder"')
    site.write("index.html", page.encode())
    for name in assets:
        if Path(name).suffix in (".js", ".css", ".svg"):
            site.write(f"static/{name}", assets[name])
    index = lab.index()
    site.take("index", index)
    for claim in lab.claims.values():
        pictures = [site.picture(content) for content in lab.pictures(claim)]
        site.take(f"claims/{claim.id}", {**lab.claim(claim), "pictures": pictures})
    lab.forget_pictures()
    site.write(MARK, json.dumps({"format": 1, "version": index["version"]}).encode())
    listed = {row["id"] for row in index["runs"]}
    shown = [_shown(lab, run) for run in lab.runs().values() if run.hash in listed]
    for one in shown:
        for name in one.ranks[0]:
            one.files[name] = site.pack(sampled(one.packs[name](), snapshots))
    for rank in range(1, max((len(one.ranks) for one in shown), default=0)):
        if not _write_films(site, shown, rank, snapshots, most):
            break
    for one in shown:
        site.take(f"runs/{one.run.hash}", {**lab.run(one.run), "packs": sorted(one.files), "files": one.files})


def _shown(lab: Lab, run: Run) -> Shown:
    packs = lab.packs(run)
    return Shown(run, packs, ranked(packs, lab.opens(run)))


def _write_films(site: Site, shown: Sequence[Shown], rank: int, snapshots: int, most: int) -> bool:
    """Films of one member of every run, cut so that they share the room fairly; False if there is no room for them.

    The members that views open on may fill most of it, and theirs are written however small the room is, unless they
    are too large for any site: weights of large networks cannot be cut. Of further members a film is written where it
    fits.
    """
    wanted = [(one, name) for one in shown if rank < len(one.ranks) for name in one.ranks[rank]]
    films = [sampled(one.packs[name](), snapshots) for one, name in wanted]
    room = (most - site.size) / ENCODED * (0.8 if rank == 1 else 1.0)
    level = water_level([len(film) for film in films], room)
    if rank > 1 and level < 50_000:
        return False
    for (one, name), film in zip(wanted, films, strict=True):
        cut = film if len(film) <= level else sampled(film, snapshots, int(level))
        if (rank > 1 or len(cut) > LARGEST) and site.size + ENCODED * len(cut) > most:
            continue
        one.files[name] = site.pack(cut)
    return True
