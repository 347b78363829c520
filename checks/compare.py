"""One line of a comparison: what is asked, what the ledger says, what was found here."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

LEDGERS = Path(__file__).parents[1] / "ledger"
RANK = {"quick": 1, "laptop": 2, "paper": 3}
NUMBER = re.compile(r"[: ]*(-?\d[\d.]*(?:e[+-]?\d+)?)(?: \[(\S+), (\S+)\])?")


@dataclass(frozen=True)
class Line:
    """A quantity of a claim; `values` has one entry a seed, `low` to `high` is what the claim's rule asks for.

    `estimate` names the ledger's number; without it there is none to compare, and the line only informs. Where the rule
    is about a ratio that the ledger keeps as two numbers, `over` names the second.
    """

    claim: str
    quantity: str
    values: Sequence[float]
    low: float = -math.inf
    high: float = math.inf
    estimate: str | None = None
    over: str | None = None

    @property
    def value(self) -> float:
        """The median over seeds."""
        return median(self.values) if self.values else math.nan

    def agrees(self, told: float | None) -> bool | None:
        """Whether both numbers fall on the same side of the rule; None where there is nothing to compare."""
        if told is None or math.isnan(self.value):
            return None
        return self._inside(self.value) == self._inside(told)

    def _inside(self, value: float) -> bool:
        return self.low <= value <= self.high


def share(claim: str, quantity: str, flags: Sequence[bool], low: float, high: float, estimate: str | None) -> Line:
    """A line about a share of seeds."""
    return Line(claim, quantity, [sum(flags) / len(flags)] if flags else [], low, high, estimate)


def told(claim: str, estimate: str | None, path: Path | None = None) -> tuple[float, float | None, float | None] | None:
    """The ledger's value and interval of one number, at its largest scale; None if it has none.

    A number that is kept in words only is found by the words before it: `"sparse > mean"` is the first number that
    stands behind "mean" behind "sparse", and `""` the first of all.
    """
    if estimate is None:
        return None
    ledger = path or LEDGERS / f"{claim.split('.')[0]}.json"
    entries = [entry for entry in json.loads(ledger.read_text())["entries"] if entry["id"] == claim]
    for entry in sorted(entries, key=lambda entry: -RANK[entry["scale"]]):
        if estimate in entry["estimates"]:
            found = entry["estimates"][estimate]
            return found["value"], *found["interval"]
        if estimate == "" and entry["interval"]:
            return float(entry["measured"].split(" ")[0]), *entry["interval"]
        if (said := in_words(entry["measured"], estimate)) is not None:
            return said
    return None


def in_words(measured: str, estimate: str) -> tuple[float, float | None, float | None] | None:
    """A number and its interval, if it has one, behind certain words; None if it is not there."""
    at = 0
    for word in estimate.split(" > "):
        begin = measured.find(word, at)
        if begin < 0:
            return None
        at = begin + len(word)
    found = NUMBER.match(measured, at)
    if found is None:
        return None
    value, low, high = found.groups()
    return float(value), None if low is None else float(low), None if high is None else float(high)


def row(line: Line, path: Path | None = None) -> list[str]:
    """A line as words: claim, quantity, what is asked, the ledger, here, verdict."""
    found = told(line.claim, line.estimate, path)
    if found and line.over is not None:
        below = told(line.claim, line.over, path)
        found = (found[0] / below[0], None, None) if below else None
    asked = "" if math.isinf(line.low) and math.isinf(line.high) else f"{line.low:g} to {line.high:g}"
    theirs = "-" if found is None else f"{found[0]:.3g} [{_end(found[1])}, {_end(found[2])}]"
    ours = "none" if not line.values else f"{line.value:.3g}"
    if len(line.values) > 1:
        ours += f" ({min(line.values):.3g} to {max(line.values):.3g}, {len(line.values)} seeds)"
    word = {None: "", True: "agrees", False: "DOES NOT AGREE"}[line.agrees(found[0] if found else None)]
    return [line.claim, line.quantity, asked, theirs, ours, word]


def _end(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"
