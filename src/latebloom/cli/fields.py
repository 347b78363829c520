"""`latebloom show EXPERIMENT --fields`: everything that can be written behind an experiment's name."""

import json
import re

from rich.console import Console
from rich.table import Table

from latebloom.training.presets import PRESETS, members_of
from latebloom.training.settings import settings_of
from latebloom.wording import counted

WORD, TAKES = 44, 24  # columns at most


def show_fields(name: str, scale: str, as_json: bool, console: Console) -> None:
    """Prints every field with its value at a scale, what it takes and what it means."""
    found = settings_of(name, scale)
    if as_json:
        rows = [{"field": f.path, "value": f.written, "type": f.kind, "meaning": f.meaning} for f in found]
        print(json.dumps(rows, indent=1))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    width = min(WORD, console.width // 2 - 6)
    table.add_column("field=value", overflow="fold", max_width=width)
    table.add_column("what it takes", max_width=TAKES)
    table.add_column("what it is")
    for field in found:
        table.add_row(broken(field.word, width), field.kind, field.meaning)
    console.print(table)
    console.print(
        f"{name}: {PRESETS[name].title}\n"
        f"{counted(len(members_of(name, scale)), 'member')} at scale {scale}. Write fields behind the name: "
        f"latebloom run {name} seed=0:4 training.lr=1e-3,1e-2",
        soft_wrap=True,
    )


def broken(word: str, width: int) -> str:
    r"""A long word on several lines, which end behind a comma, a dot or a "=" where they can.

    >>> broken("measure=norms,grokking.progress", 16)
    'measure=norms,\ngrokking.\nprogress'
    """
    lines = [""]
    for piece in re.findall("[^,.=]*[,.=]|[^,.=]+", word):
        if lines[-1] and len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)
