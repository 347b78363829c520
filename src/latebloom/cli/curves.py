"""Curves in a terminal: two dots across and four down in each character cell (Unicode braille)."""

from collections.abc import Mapping

import numpy as np
from rich.text import Text

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # [column][row] of a braille cell
COLOURS = ("magenta", "green", "cyan", "yellow")
HEIGHT = 10
GUTTER = 9

Series = Mapping[str, tuple[np.ndarray, np.ndarray]]


def braille(series: Series, title: str, width: int, low: float | None, high: float | None, log: bool = False) -> Text:
    """A chart of named curves (steps, values) as text; with `log` the values go on a logarithmic axis.

    Where curves cross in a cell the later one shows. Values that are not finite are left out.
    """
    columns = max(min(width, 110) - GUTTER - 1, 20)
    steps = np.concatenate([x for x, _ in series.values()])
    first, last = float(steps.min()), float(steps.max())
    scaled = {name: (x, np.log10(y) if log else y) for name, (x, y) in series.items()}
    values = np.concatenate([y[np.isfinite(y)] for _, y in scaled.values()])
    bottom = float(values.min()) if low is None else low
    top = float(values.max()) if high is None else high
    if top <= bottom:
        top = bottom + 1.0
    cells = np.zeros((HEIGHT, columns), dtype=int)
    owner = np.full((HEIGHT, columns), -1)
    for number, (x, y) in enumerate(scaled.values()):
        across = np.linspace(first, last, columns * 2)
        kept = np.isfinite(y)
        down = (top - np.interp(across, x[kept], y[kept])) / (top - bottom) * (HEIGHT * 4 - 1)
        for dot, height in enumerate(np.clip(np.round(down), 0, HEIGHT * 4 - 1).astype(int)):
            cells[height // 4, dot // 2] |= DOTS[dot % 2][height % 4]
            owner[height // 4, dot // 2] = number
    text = Text()
    text.append(" " * GUTTER + title + "  ")
    for number, name in enumerate(series):
        text.append(f"{name} ", style=COLOURS[number % len(COLOURS)])
    text.append("\n")
    for row in range(HEIGHT):
        value = top - (top - bottom) * row / (HEIGHT - 1)
        label = (f"{10**value:.1e}" if log else f"{value:.2f}") if row in (0, HEIGHT // 2, HEIGHT - 1) else ""
        text.append(f"{label:>{GUTTER - 1}} ", style="dim")
        for column in range(columns):
            style = COLOURS[owner[row, column] % len(COLOURS)] if cells[row, column] else ""
            text.append(chr(0x2800 + cells[row, column]) if cells[row, column] else " ", style=style)
        text.append("\n")
    ends = f"{int(first):,}", f"{int(last):,} steps"
    text.append(" " * GUTTER + ends[0] + " " * max(columns - len(ends[0]) - len(ends[1]), 1) + ends[1], style="dim")
    return text
