"""The ledger for reading: a table in the terminal, and what tables elsewhere have in common with it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from latebloom.claims.standing import Standing
from latebloom.claims.verdict import Verdict
from latebloom.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

Interval = tuple[float | None, float | None]
WIDE = 120  # columns; narrower terminals get two columns with the numbers stacked
COLUMNS = ("claim", "title", "published", "measured", "verdict", "scale", "seeds", "seconds")
# Colour only supports the word; nothing is told by colour alone.
COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.CONTRADICTED: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_RUN: "dim",
}


def terminal_table(rows: Iterable[Standing], width: int) -> "RenderableType":
    """The ledger as a rich renderable for a terminal of `width` columns, with a line that counts the verdicts."""
    from rich.console import Group

    rows = tuple(rows)
    return Group(_wide(rows) if width >= WIDE else _narrow(rows), summary(rows))


def summary(rows: Iterable[Standing]) -> str:
    """How many claims, and how many of each verdict.

    >>> summary([])
    '0 claims'
    """
    rows = tuple(rows)
    counts = Counter("stale" if row.stale else str(row.entry.verdict) for row in rows)
    told = [f"{counts[word]} {word}" for word in (*Verdict, "stale") if counts[word]]
    number = counted(len(rows), "claim")
    return f"{number}: {', '.join(told)}" if told else number


def interval_beside(measured: str, interval: Interval | None, estimates: Mapping[str, object]) -> Interval | None:
    """An entry's interval where it may stand behind its `measured` text: not told there, and of the number told.

    A number that is computed has an interval of no width, and of several numbers the interval is that of one alone.

    >>> interval_beside("0.4", (0.3, None), {})
    (0.3, None)
    >>> interval_beside("0.4 [0.3, 0.5]", (0.3, 0.5), {}) is interval_beside("0.4", (0.4, 0.4), {}) is None
    True
    """
    if interval is None or interval[0] == interval[1] or len(estimates) > 1 or "[" in measured:
        return None
    return interval


def duration(seconds: float) -> str:
    """Seconds for reading.

    >>> [duration(seconds) for seconds in (0.004, 8.31, 95, 4_000, 9_000)]
    ['<0.1 s', '8.3 s', '95 s', '67 min', '2.5 h']
    """
    if seconds < 0.1:
        return "<0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _cells(row: Standing) -> tuple[str, ...]:
    """One row's texts in the order of `COLUMNS`."""
    entry = row.entry
    judged = entry.judged_at != ""
    return (
        entry.id,
        entry.title,
        entry.published,
        entry.measured if judged else entry.note,
        row.word,
        entry.scale,
        str(entry.seeds) if entry.seeds else "",  # a claim that is computed has none
        duration(entry.seconds) if judged else "",
    )


def _verdict(row: Standing) -> "Text":
    from rich.text import Text

    return Text(row.word, style="magenta" if row.stale else COLOURS[row.entry.verdict])


def _wide(rows: Iterable[Standing]) -> "RenderableType":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    for name in COLUMNS:
        fixed = name in ("claim", "scale", "seeds", "seconds")
        table.add_column(
            name,
            no_wrap=fixed,
            overflow="fold",
            justify="right" if name in ("seeds", "seconds") else "left",
            ratio=None if fixed or name == "verdict" else (3 if name == "measured" else 2),
            min_width=12 if name == "verdict" else None,
        )
    for row in rows:
        texts = [Text(cell) for cell in _cells(row)]  # Text, not markup: "[24,500, 33,100]" is no tag
        texts[COLUMNS.index("verdict")] = _verdict(row)
        table.add_row(*texts)
    return table


def _narrow(rows: Iterable[Standing]) -> "RenderableType":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_lines=True)
    table.add_column("claim", ratio=1)
    table.add_column("verdict", width=16)
    for row in rows:
        id_, title, published, measured, _, scale, seeds, seconds = _cells(row)
        claim = Text.assemble((id_, "bold"), f"  {title}\npublished  {published}")
        verdict = _verdict(row)
        if row.entry.judged_at:
            claim.append(f"\nmeasured   {measured}")
            rests = f", {counted(row.entry.seeds, 'seed')}" if seeds else ""
            verdict.append(f"\n{scale}{rests}\n{seconds}", style="default")
        else:
            claim.append(f"\n{measured}")
        table.add_row(claim, verdict)
    return table
