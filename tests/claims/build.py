"""Claims, runs and entries for the tests of this folder."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from latebloom.claims import Claim, Evidence, Request, judge, settle

DAY = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


@dataclass(frozen=True)
class FakeRun:
    """A run as judge functions see it."""

    hash: str = "aa11"
    seconds: float = 42.0
    path: Path = Path("runs/aa11")
    table: dict = field(default_factory=dict)
    rows: dict = field(default_factory=lambda: {"member": []})

    def measurements(self) -> pd.DataFrame:
        return pd.DataFrame(self.table)

    def members(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def needs_one(scale):
    return (Request("grokking.modular_addition", scale, ("seed=0:9",)),)


def words(id="grokking.01", **changes):
    """The fields of a claim, with changes."""
    return {
        "id": id,
        "title": "Memorises early, generalises late",
        "statement": "Test accuracy reaches 95 % long after train accuracy.",
        "source": "Pearce et al. 2023, figure 1",
        "published": "median about 28k steps (12k to 48k)",
        "measure": "first step with test accuracy >= 0.95",
        "rule": "the interval of the median lies within 12k and 48k",
        "fixed": "2025-01-31",
        "tag": "P",
        "scales": ("quick", "laptop"),
        **changes,
    }


def make_claim(finding=None, **changes):
    """A claim whose judge returns the finding, or calls it with the evidence if it is a function."""
    finding = settle(True, "28,000 [24,500, 33,100] steps", seeds=9) if finding is None else finding
    default = {"needs": needs_one, "judge": finding if callable(finding) else lambda evidence: finding}
    return Claim(**words(**{**default, **changes}))


def make_entry(claim=None, scale="quick", now=DAY, runs=(FakeRun(),)):
    return judge(claim or make_claim(), Evidence(scale, tuple(runs)), now=now)
