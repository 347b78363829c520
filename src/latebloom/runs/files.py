"""Files written whole: to a temporary name, flushed, then renamed; hashed, so that a damaged one is refused by name."""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latebloom.errors import StoreError


@contextlib.contextmanager
def explained(path: Path, instead: str = "set LATEBLOOM_HOME to") -> Iterator[None]:
    """Turns the system's refusal to write into a sentence that says what to do; nothing written before is lost.

    `instead` begins how another folder is named, where it is not the home that cannot be written.
    """
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full: free some space and run the same command again",
            errno.EDQUOT: "the disk quota is used up: free some space and run the same command again",
            errno.EROFS: f"the file system is read-only: {instead} a folder that can be written",
            errno.EACCES: f"no permission to write there: {instead} a folder that can be written",
            errno.EPERM: f"no permission to write there: {instead} a folder that can be written",
            errno.EEXIST: f"a file stands where a folder is needed: {instead} a folder",
            errno.ENOENT: f"the folder cannot be made: {instead} a folder that can be written",
            errno.ENOTDIR: f"a file stands where a folder is needed: {instead} a folder",
        }
        if error.errno not in reasons:
            raise
        reason = reasons[error.errno]
        raise StoreError(f"Cannot write {path}: {reason}. What was recorded before is intact.") from error


def write_bytes(path: Path, content: bytes) -> None:
    """The whole content or nothing, also across a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """A JSON document, indented, keys in the order given."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: Path) -> Any:
    """A JSON document; a missing or broken one is named."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise StoreError(f"{path} is missing.") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path} is not readable JSON ({error}); restore it from a copy or delete its folder."
        ) from None


def entry(path: Path, content: bytes) -> dict[str, Any]:
    """What a manifest says of a file: name, size in bytes, SHA-256."""
    return {"file": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def verified(folder: Path, listed: dict[str, Any]) -> bytes:
    """The content of a listed file; one that is missing, truncated or altered is refused by name."""
    path = folder / listed["file"]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path} is listed in its manifest but missing.") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) != listed["size"]:
        raise StoreError(f"{path} is truncated: {len(content)} bytes, its manifest says {listed['size']}.")
    if hashlib.sha256(content).hexdigest() != listed["sha256"]:
        raise StoreError(f"{path} was altered: its SHA-256 is not the one in its manifest.")
    return content


def intact(folder: Path, listed: dict[str, Any]) -> bytes:
    """The same of a file for which no other stands in: the refusal says what to do."""
    try:
        return verified(folder, listed)
    except StoreError as error:
        raise StoreError(
            f"{error} Restore it from a copy, or delete {folder.parent}: the command that made the run trains it again."
        ) from None
