"""A user's own file of items: reading it line by line, and saying how it differs from the generator.

The format is that of the released data, one item a line: ``<sentence> . <task> TAB <target>``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import scipy  # scipy.stats loads at its first use
from jaxtyping import Float, Int

from latebloom.errors import LatebloomError
from latebloom.tasks.language.items import Item
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.recogniser import read_line
from latebloom.tasks.language.shares import fold
from latebloom.tasks.language.structure import CELLS, CLAUSES, PREDICATES
from latebloom.wording import counted

Read = TypeVar("Read")
SHOWN = 5  # faulty lines that are quoted
FEWEST = 5.0  # expected items below which a cell of a table joins the others in one


@dataclass(frozen=True)
class Fault:
    """A line that could not be read, and why."""

    line: int  # counted from 1
    why: str


def text_lines(path: Path) -> list[str]:
    """Lines of a text file, UTF-8 with or without a byte order mark; any line ends.

    Raises `LatebloomError` for a folder, no file, or another encoding.
    """
    if path.is_dir():
        raise LatebloomError(f"{str(path)!r} is a folder; name a file in it.")
    if not path.is_file():
        raise LatebloomError(f"There is no file {str(path)!r}.")
    read = path.read_bytes()
    try:
        text = read.decode("utf-8-sig")
        before = text.partition("\0")[0]
        if before == text:
            return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        place = f"line {before.count(chr(10)) + 1} has a zero byte, as UTF-16 does"
    except UnicodeDecodeError as error:
        place = f"line {read[: error.start].count(10) + 1}, byte {error.start}"
    kind = "utf-16" if 0 in read else "latin1"
    raise LatebloomError(f"{str(path)!r} is not UTF-8 text ({place}): convert it, e.g. iconv -f {kind} -t utf-8.")


def read_lines(path: Path, reader: Callable[[str], Read]) -> tuple[list[Read], list[Fault]]:
    """What `reader` makes of every line that is not empty, and the lines it refused.

    Raises `LatebloomError` where there is no such text file, or where not one line can be read.
    """
    found, faults = [], []
    for number, line in enumerate(text_lines(path), start=1):
        if line.strip():
            try:
                found.append(reader(line))
            except LatebloomError as error:
                faults.append(Fault(number, str(error)))
    if not found:
        reason = f" Line {faults[0].line}: {faults[0].why}" if faults else " It is empty."
        raise LatebloomError(f"No line of {str(path)!r} can be read.{reason}")
    return found, faults


def read_items(path: Path, task: PairTask) -> tuple[list[Item], list[Fault]]:
    """Items of a tab-separated file, each parsed and its target checked, and the lines that were refused."""
    return read_lines(path, lambda line: read_line(line, task.reader))


def write_items(path: Path, items: Iterable[Item]) -> None:
    """Items in the format of the released files."""
    path.write_text("".join(item.line + "\n" for item in items), encoding="utf-8")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Counts of one table against the generator's shares; p is the chance of so large a chi-square without cause."""

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Int[np.ndarray, "row column"]
    expected: Float[np.ndarray, "row column"]
    chi_square: float
    freedom: int
    p: float

    @staticmethod
    def of(
        name: str, rows: Sequence[str], columns: Sequence[str], counts: np.ndarray, shares: np.ndarray
    ) -> "Comparison":
        """Counts against shares; cells that expect fewer than `FEWEST` items are tested as one."""
        expected = shares / shares.sum() * counts.sum()
        large = expected >= FEWEST
        seen, wanted = list(counts[large]), list(expected[large])
        if (rest := float(expected[~large].sum())) > 0:
            seen.append(counts[~large].sum())
            wanted.append(rest)
        freedom = len(seen) - 1
        if freedom < 1:
            return Comparison(name, tuple(rows), tuple(columns), counts, expected, 0.0, 0, 1.0)
        wanted_sum = np.array(wanted) * (sum(seen) / sum(wanted))  # rounding: the sums must be equal
        test = scipy.stats.chisquare(np.array(seen, dtype=float), wanted_sum)
        return Comparison(
            name, tuple(rows), tuple(columns), counts, expected, float(test.statistic), freedom, float(test.pvalue)
        )

    def text(self) -> str:
        """The table, as percent found (percent expected)."""
        total = max(int(self.counts.sum()), 1)
        share = self.expected.sum() or 1.0
        head = f"{self.name}: chi-square {self.chi_square:.1f} on {self.freedom} degrees of freedom, p = {self.p:.3g}"
        if not self.freedom:
            head = f"{self.name}: {total} items are too few for a test; it needs cells that expect {FEWEST:g} of them"
        lines = [head, " " * 12 + "".join(f"{column:>22}" for column in self.columns)]
        for name, counts, expected in zip(self.rows, self.counts, self.expected, strict=True):
            cells = (f"{c / total:.1%} ({e / share:.1%})" for c, e in zip(counts, expected, strict=True))
            lines.append(f"{name:<12}" + "".join(f"{cell:>22}" for cell in cells))
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """How a file differs from what the generator makes."""

    items: int
    faults: list[Fault]
    repeats: int  # items whose sentence has occurred before
    withheld: int  # items of the structures that training must not show
    mean_length: float  # tokens of a row: source, task token, target
    longest: int
    comparisons: list[Comparison]

    def text(self) -> str:
        """The report in plain words."""
        lines = [
            f"{counted(self.items, 'item')}; {counted(len(self.faults), 'line')} could not be read; "
            f"repeating a sentence: {self.repeats:,}; of the withheld kind: {self.withheld:,}; "
            f"{self.mean_length:.1f} tokens on average, "
            f"{self.longest} at most.",
            *(f"line {fault.line}: {fault.why}" for fault in self.faults[:SHOWN]),
        ]
        if len(self.faults) > SHOWN:
            lines.append(f"and {counted(len(self.faults) - SHOWN, 'more line')}")
        return "\n\n".join(["\n".join(lines), *(comparison.text() for comparison in self.comparisons)])


def report(items: Sequence[Item], task: PairTask, faults: Sequence[Fault] = ()) -> Report:
    """Structure tables, clause kinds and task shares of items against the generator's; withheld items apart."""
    ordinary = [item for item in items if not is_withheld(item, task)]
    mixture = task.mixture(0, training=False)
    comparisons = []
    counts = Counter(item.task for item in ordinary)
    if ordinary:
        shares = np.array([[1 - mixture.transform, mixture.transform]])
        seen = np.array([[counts[token] for token in task.tasks]])
        comparisons.append(Comparison.of("tasks", ["share"], task.tasks, seen, shares))
    for token, own in zip(task.tasks, mixture.shares, strict=True):
        cells = Counter(item.cell for item in ordinary if item.task == token)
        seen = np.array([cells[cell] for cell in CELLS])
        if seen.sum():
            comparisons += _tables(token, seen, own)
    lengths = [len(item.source) + 2 + len(item.target) for item in items]
    sentences = {item.source for item in items}
    return Report(
        len(items),
        list(faults),
        len(items) - len(sentences),
        len(items) - len(ordinary),
        float(np.mean(lengths)) if lengths else 0.0,
        max(lengths, default=0),
        comparisons,
    )


def _tables(token: str, seen: np.ndarray, shares: np.ndarray) -> list[Comparison]:
    """The structure table of one task, and the kinds of clause on subjects and objects."""
    rows, columns = ("bare", "PP", "clause"), ("intransitive", "bare", "PP", "clause")
    found = [Comparison.of(f"{token}: subject by predicate", rows, columns, fold(seen), fold(shares))]
    grid, wanted = (values.reshape(-1, len(PREDICATES)) for values in (seen, shares))
    for name, kinds, own in (
        ("subject clauses", grid[2:].sum(1), wanted[2:].sum(1)),
        ("object clauses", grid[:, 3:].sum(0), wanted[:, 3:].sum(0)),
    ):
        if kinds.sum() and own.sum():
            found.append(Comparison.of(f"{token}: {name}", ["share"], CLAUSES, kinds[None], own[None]))
    return found


def is_withheld(item: Item, task: PairTask) -> bool:
    """Whether training must not show this item: the two rules would, or for questions could, give different answers."""
    if item.task != task.tasks[1]:
        return False
    return item.centre_embedded if task.auxiliaries else item.parts.distractor >= 0
