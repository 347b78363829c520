"""`latebloom serve` and `latebloom export`; the extra `view` is needed for the first only."""

import argparse
import importlib.util
from pathlib import Path

from latebloom.errors import LatebloomError
from latebloom.runs.home import home
from latebloom.wording import counted


def serve_lab(arguments: argparse.Namespace) -> int:
    """`latebloom serve`."""
    missing = [name for name in ("starlette", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        raise LatebloomError(
            f"`latebloom serve` needs {' and '.join(missing)}: pip install 'latebloom[view]'. "
            "`latebloom export` writes the same pages as a folder without them."
        )
    from latebloom.view.server import serve

    if not 0 <= arguments.port <= 65535:
        raise LatebloomError(f"--port {arguments.port}: a port is 0 (any that is free) to 65535.")
    serve(home(), arguments.ledger, arguments.host, arguments.port, not arguments.no_browser)
    return 0


def export_site(arguments: argparse.Namespace) -> int:
    """`latebloom export`."""
    from latebloom.view.export import export

    place = Path(arguments.out).resolve() / "index.html"  # asked first: the folder one stands in may be replaced
    written = export(home(), arguments.ledger, arguments.out, arguments.study or (), arguments.snapshots)
    megabytes = sum(path.stat().st_size for path in written) / 1e6
    print(f"{counted(len(written), 'file')}, {megabytes:.1f} MB. Open it in a browser: {place}")
    return 0
