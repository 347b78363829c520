"""`latebloom ls runs`: what has been run, how far it is, and what it takes on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from latebloom.cli.tables import plain_table, print_whole
from latebloom.errors import StoreError
from latebloom.runs.home import bytes_on_disk, home, run_folders
from latebloom.runs.run import Run
from latebloom.wording import counted


def rows() -> list[dict[str, Any]]:
    """Every run of the home; one that cannot be read must not hide the others: `show` tells why."""
    found = []
    for path in run_folders(home()):
        row: dict[str, Any] = {"name": f"{path.parent.name}/{path.name}", "status": "unreadable"}
        row |= {"members": None, "finished": None, "populations": None, "seconds": None}
        row |= {"bytes": bytes_on_disk([path]), "path": str(path)}
        try:
            run = Run(path)
            run.check()
            done, total = sum(folder.finished for folder in run.populations), len(run.populations)
            row |= {"members": len(run.document["members"]), "finished": done, "populations": total}
            row |= {"seconds": round(run.seconds, 1), "status": "finished" if done == total else "unfinished"}
        except StoreError:
            pass
        found.append(row)
    return found


def print_runs(found: Sequence[dict[str, Any]], console: Console) -> None:
    """The rows in print, and below them how many there are, where, and what they take together."""
    if not found:
        told = (
            f"No runs under {home()} yet: `latebloom run EXPERIMENT` makes one, `latebloom ls experiments` lists them."
        )
        console.print(told, soft_wrap=True)
        return
    table = plain_table("run", "members", "state", "seconds", "size")
    table.padding = (0, 1, 0, 0)  # the longest names of experiments leave no room for more in 80 columns
    for column in (table.columns[1], *table.columns[3:]):
        column.justify = "right"
    for row in found:
        state = f"{row['finished']} of {row['populations']}" if row["status"] == "unfinished" else row["status"]
        numbers = ("", state, "") if row["members"] is None else (str(row["members"]), state, f"{row['seconds']:.0f}")
        table.add_row(row["name"], *numbers, in_bytes(row["bytes"]))
    print_whole(table, console)
    together = bytes_on_disk(Path(row["path"]) for row in found)
    shared = " (files that several of them share count once)" if together < sum(row["bytes"] for row in found) else ""
    console.print(f"{counted(len(found), 'run')}, {in_bytes(together)}{shared}, under {home()}", soft_wrap=True)


def in_bytes(number: int) -> str:
    """A size on disk in print, with three digits.

    >>> [in_bytes(number) for number in (0, 812, 34_500, 999_700, 12_345_678, 4_000_000_000, 2_500_000_000_000)]
    ['0 kB', '0.812 kB', '34.5 kB', '1 MB', '12.3 MB', '4 GB', '2500 GB']
    """
    size, name = number / 10**3, "kB"
    for larger in ("MB", "GB"):
        if size >= 999.5:  # in print it would be 1000, which three digits write as 1e+03
            size, name = size / 10**3, larger
    return f"{size:.0f} {name}" if size >= 999.5 else f"{size:.3g} {name}"
