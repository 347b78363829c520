"""`--zoom START:END[:STRIDE]`: a window of a finished run, replayed exactly and measured finely."""

import re

from rich.console import Console

from latebloom.errors import LatebloomError
from latebloom.fleet.zoom import zoom_run
from latebloom.runs.run import Run

Window = tuple[int, int, int]  # first step, last step, stride


def parse_window(text: str) -> Window:
    """The window as typed; a text of another form is refused with an example.

    >>> parse_window("4000:4500")
    (4000, 4500, 1)
    """
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(re.fullmatch("[0-9]{1,18}", part) for part in parts):
        raise LatebloomError(f"--zoom {text}: write START:END or START:END:STRIDE in steps, e.g. --zoom 4000:4500:10.")
    first, last, stride = (*map(int, parts), 1)[:3]
    return first, last, stride


def run_zoom(run: Run, window: Window, console: Console) -> bool:
    """Replays a window of every population and says how to read it; false if it was interrupted."""
    first, last, stride = window
    if not zoom_run(run, first, last, stride):
        console.print("Interrupted. The run is finished and whole; the same command replays the window.")
        return False
    console.print(f"Measured steps {first:,} to {last:,} every {stride}: `measurements(zooms=True)` reads them.")
    return True
