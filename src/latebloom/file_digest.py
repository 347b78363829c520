"""What files hold, as one number: a run that read them knows when they are no longer what they were."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path


def digest_of(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 of the names and contents of files, in this order; empty without any."""
    stats = [(name, path, path.stat()) for name, path in files]
    lines = [f"{name}\0{_content(path, stat.st_size, stat.st_mtime_ns)}\n" for name, path, stat in stats]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


@lru_cache(maxsize=4096)
def _content(path: Path, size: int, changed: int) -> str:
    """SHA-256 of one file; read anew only when its size or its time has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
