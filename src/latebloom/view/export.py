"""`latebloom export`: the lab as a folder of files that opens from any web server, or from the disk without one.

A page on disk may load scripts but not fetch data, so every document and pack is a small script that hands over its
value (`latebloomTake(name, value)`); binary packs are base64. Films are sampled, and of many members the networks of
the first few are shown.
"""

import base64
import io
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latebloom.errors import LatebloomError, unknown_name
from latebloom.runs.files import explained, write_bytes
from latebloom.studies import STUDIES
from latebloom.view.assets import Assets, built
from latebloom.view.lab import Lab
from latebloom.view.pack import pack, thinned, unpack
from latebloom.view.views import Maker

MARK = "latebloom-site.json"  # tells an earlier export, which may be replaced, from a folder of somebody's
MEMBERS = 6  # networks of each run whose weights are shown
MOST_BYTES = 2_600_000  # of all numbered packs of a run; the first may be larger
LARGEST = 5_000_000  # of one pack


def export(
    home: Path,
    ledger: Path,
    out: Path,
    studies: Sequence[str] = (),
    snapshots: int = 60,
    assets: Assets | None = None,
) -> list[Path]:
    """Writes the site, whole or not at all; returns its files.

    Args:
        home: folder of runs.
        ledger: folder of the ledger.
        out: a folder that does not exist yet, is empty, or holds an earlier export, which is replaced.
        studies: only these; none: all.
        snapshots: at most so many steps of a network's weights.
        assets: the built front end; by default built or found.

    Raises `LatebloomError` for an unknown study, a number of snapshots below two, or a folder that is not ours.
    """
    for name in studies:
        if name not in STUDIES:
            raise unknown_name("study", name, STUDIES)
    if snapshots < 2:
        raise LatebloomError(f"--snapshots {snapshots}: a film has at least two, its beginning and its end.")
    _check_place(out)
    assets = built() if assets is None else assets
    lab = Lab(home, ledger, studies)
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            _write_site(lab, assets, temporary, snapshots)
            temporary.chmod(0o755)
            if out.exists():
                shutil.rmtree(out)
            os.replace(temporary, out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return sorted(path for path in out.rglob("*") if path.is_file())


def _check_place(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise LatebloomError(f"{out} is a file; a site is a folder.")
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise LatebloomError(f"{out} holds other files; choose a new or empty folder, or an earlier export.")


def _write_site(lab: Lab, assets: Assets, out: Path, snapshots: int) -> None:
    page = assets.text("index.html").replace('content="server"', 'content="folder"')
    write_bytes(out / "index.html", page.encode())
    for name in assets:
        if Path(name).suffix in (".js", ".css", ".svg"):
            write_bytes(out / "static" / name, assets[name])
    index = lab.index()
    _take(out, "index", index)
    shown = {row["id"] for row in index["runs"]}
    for run in lab.runs().values():
        if run.hash in shown:
            _write_run(lab, out, run, snapshots)
    for claim in lab.claims.values():
        document = lab.claim(claim)
        with tempfile.TemporaryDirectory() as folder:
            pictures = [smaller(path.read_bytes()) for path in lab.draw_claim(claim, Path(folder))]
        for number, content in enumerate(pictures):
            write_bytes(out / "pictures" / f"{claim.id}-{number}.png", content)
        _take(out, f"claims/{claim.id}", {**document, "pictures": len(pictures)})
    write_bytes(out / MARK, json.dumps({"format": 1, "version": index["version"]}).encode())


def _write_run(lab: Lab, out: Path, run: Any, snapshots: int) -> None:
    document, written, spent = lab.run(run), [], 0
    for name, make in chosen_packs(lab.packs(run)).items():
        content = sampled(make(), snapshots)
        if numbered(name):
            if spent + len(content) > (MOST_BYTES if spent else LARGEST):
                continue
            spent += len(content)
        _take(out, f"packs/{run.hash}/{name}", base64.b64encode(content).decode())
        written.append(name)
    _take(out, f"runs/{run.hash}", {**document, "packs": sorted(written)})


def chosen_packs(packs: dict[str, Maker]) -> dict[str, Maker]:
    """All packs that are one a run, and those of the first members: `tables-0`, `tables-1`, ..."""
    kept: dict[str, Maker] = {}
    counted: dict[str, int] = {}
    for name, make in packs.items():
        if numbered(name):
            stem = name.rpartition("-")[0]
            counted[stem] = counted.get(stem, 0) + 1
            if counted[stem] > MEMBERS:
                continue
        kept[name] = make
    return kept


def numbered(name: str) -> bool:
    """Whether a pack is one of several: `tables-3`."""
    _, sign, number = name.rpartition("-")
    return bool(sign) and number.isdigit()


def sampled(content: bytes, snapshots: int) -> bytes:
    """The pack with at most so many snapshots of a film, first and last among them; other packs as they are."""
    document, arrays = unpack(content)
    steps = arrays.get("steps")
    if steps is None or len(steps) <= snapshots:
        return content
    chosen = thinned(len(steps), snapshots)
    cut = {name: np.ascontiguousarray(array[chosen]) for name, array in arrays.items()}
    return pack(document, cut)


def smaller(content: bytes) -> bytes:
    """A PNG picture with a palette of 128 colours: charts lose nothing that shows, and two thirds of their size."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    return min(content, out.getvalue(), key=len)


def _take(out: Path, name: str, value: Any) -> None:
    """A document as a script; `<` is escaped so that no text can end a script element, wherever it is pasted."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    write_bytes(out / "data" / f"{name}.js", f"latebloomTake({json.dumps(name)},{text});\n".encode())
