"""Size and time of an exported site: twice, since the second finds its pictures drawn; and what takes the room.

`python -m benchmarks.exporting [--home HOME] [--ledger LEDGER]`; needs the built views. Writes to a temporary folder.
Not a row of the table of ratios: the limit of a site's size is absolute.
"""

import argparse
import tempfile
import time
from pathlib import Path

from latebloom.runs.home import home
from latebloom.studies.reproduce import LEDGER
from latebloom.view.assets import built
from latebloom.view.export import export

LIMIT = 15_000_000


def main() -> None:
    """Exports twice, prints one line each, then bytes by kind of file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=home())
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    asked = parser.parse_args()
    assets = built()
    with tempfile.TemporaryDirectory() as folder:
        for turn in ("first", "again"):
            begun, cpu = time.perf_counter(), time.process_time()
            files = export(asked.home, asked.ledger, Path(folder) / "site", assets=assets)
            size = sum(path.stat().st_size for path in files)
            print(
                f"export, {turn}: {size / 1e6:.1f} MB of {LIMIT / 1e6:.0f} in {len(files)} files, "
                f"{time.process_time() - cpu:.1f} s of work, {time.perf_counter() - begun:.1f} s"
            )
        kinds: dict[str, list[int]] = {}
        for path in files:
            parts = path.relative_to(Path(folder) / "site").parts[:-1]
            kinds.setdefault("/".join(parts[:2]) or "pages", []).append(path.stat().st_size)
        for kind, sizes in sorted(kinds.items(), key=lambda item: -sum(item[1])):
            print(f"  {kind:<16} {sum(sizes) / 1e6:6.2f} MB in {len(sizes)} files")


if __name__ == "__main__":
    main()
