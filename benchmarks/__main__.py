"""`python -m benchmarks [NAME] [--json]`: one row a case."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence

from benchmarks.baselines import baselines
from benchmarks.deep import deep
from benchmarks.fleet import fleet
from benchmarks.in_context import in_context
from benchmarks.measuring import Effort, Row
from benchmarks.memory import memory
from benchmarks.mesa import mesa
from benchmarks.myopic import myopic
from benchmarks.observing import observing
from benchmarks.steps import gradients, main_steps, parity_steps, updates
from benchmarks.structural import structural
from benchmarks.trees import trees
from latebloom.training.device import training_arithmetic

BENCHMARKS: dict[str, Callable[[Effort], list[Row]]] = {
    "main": main_steps,
    "parity": parity_steps,
    "gradient": gradients,
    "adamw": updates,
    "observing": observing,
    "trees": trees,
    "mesa": mesa,
    "memory": memory,
    "fleet": fleet,
    "myopic": myopic,
    "structural": structural,
    "baselines": baselines,
    "deep": deep,
    "in_context": in_context,
}
COLUMNS = [field.name for field in dataclasses.fields(Row)]


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned text; a column that does not apply shows a dash."""
    cells = [COLUMNS] + [[_shown(value) for value in dataclasses.astuple(row)] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    lines = []
    for line in cells:
        left = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        lines.append("  ".join(left + right))
    return "\n".join(lines)


def _shown(value: str | float | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def main(words: Sequence[str] | None = None, effort: Effort | None = None) -> int:
    """Runs one benchmark or all and prints the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHMARKS), help="one benchmark; all of them if left out")
    parser.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    asked = parser.parse_args(words)
    names = [asked.name] if asked.name else list(BENCHMARKS)
    with training_arithmetic():
        rows = [row for name in names for row in BENCHMARKS[name](effort or Effort())]
    print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1) if asked.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
