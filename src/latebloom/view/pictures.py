"""Pictures of claims for pages: drawn once, made small, and kept beside the runs by what they are drawn from.

A picture depends on the claim's entry or on a run, on the code that draws and on Matplotlib's version; the name under
which it is kept is a digest of these. So nothing stale is shown, and claims that rest on one run share its picture.
"""

import contextlib
import hashlib
import io
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from latebloom.claims import Claim, Entry
from latebloom.errors import StoreError
from latebloom.runs.files import write_bytes
from latebloom.runs.run import Run
from latebloom.studies import drawing
from latebloom.studies.drawing.claims import Part, parts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERSION = 1  # bump when the same figure is written differently
UNUSED = 60 * 86400  # seconds after which a kept picture that nobody asked for goes


class Pictures:
    """Pictures by claim, kept in `folder`; where that cannot be written, drawn anew each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drawn = 0  # how many were not kept yet

    def of(self, claim: Claim, entry: Entry, runs: Sequence[Run]) -> list[bytes]:
        """WebP pictures of a judged claim: evidence, then curves of its runs."""
        return [content for part in parts(claim, entry, runs, alone=False) if (content := self._kept(part))]

    def forget_unused(self) -> None:
        """Removes what has not been asked for in two months."""
        before = time.time() - UNUSED
        for path in self.folder.glob("*.webp"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    def _kept(self, part: Part) -> bytes:
        path = self.folder / f"{digest(part)}.webp"
        try:
            content = path.read_bytes()
            path.touch()
            return content
        except OSError:
            pass
        self.drawn += 1
        content = draw(part)
        with contextlib.suppress(StoreError, OSError):  # of a home that cannot be written they are drawn anew
            write_bytes(path, content)
        return content


def digest(part: Part) -> str:
    """What a picture is called: a digest of everything it is drawn from, and of the code that draws."""
    told = json.dumps([VERSION, _code(), part.depends], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def draw(part: Part) -> bytes:
    """The picture as WebP; nothing where there is nothing to draw."""
    from latebloom.studies.drawing.style import styled

    with styled():
        figure = part.draw()
        return b"" if figure is None else smaller(_png(figure))


def smaller(content: bytes) -> bytes:
    """A picture with a palette of 128 colours, as WebP without loss: charts lose nothing that shows."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").quantize(128).convert("RGB").save(out, "WEBP", lossless=True, quality=30, method=2)
    return out.getvalue()


def _png(figure: "Figure") -> bytes:
    from latebloom.studies.drawing.style import settle

    out = io.BytesIO()
    settle(figure)
    figure.set_layout_engine("none")
    figure.savefig(out, format="png", metadata={"Software": None}, facecolor="white")
    return out.getvalue()


@cache
def _code() -> str:
    """A digest of the code that draws, and the version of what it draws with."""
    import matplotlib

    found = hashlib.sha256(matplotlib.__version__.encode())
    for path in sorted(Path(drawing.__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
