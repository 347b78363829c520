import io
from dataclasses import replace

import pytest
from rich.console import Console

from latebloom.claims import Ledger, Standing, settle, standings, summary, terminal_table, undecided
from tests.claims.build import make_claim, make_entry

LONG = make_claim(
    settle(False, "train: 320 [310, 350] steps; test: 28,000 [24,500, >50,000] steps", seeds=16),
    id="structural_grokking.01",
    title="A title of the greatest length that a claim of ours may have",
)
PLAIN = make_claim()
UNSURE = make_claim(undecided("0.62 [0.41, 0.83]", "few", seeds=5), id="grokking.02", title="a | b <script> [bold]")
ABSENT = make_claim(id="grokking.03", scales=("paper",), cost={"paper": "30 GPU hours"})
CHANGED = make_claim(id="grokking.04")


@pytest.fixture
def rows():
    entries = [make_entry(claim) for claim in (LONG, PLAIN, UNSURE)]
    entries.append(make_entry(make_claim(id="grokking.04", rule="the rule of last year")))
    return standings([LONG, PLAIN, UNSURE, ABSENT, CHANGED], Ledger().merge(entries))


def as_text(rows, width):
    """What a terminal of that width shows, without colours."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(terminal_table(rows, width))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize("width", [80, 140])
def test_the_terminal_table_fits_and_loses_no_word(rows, width):
    text = as_text(rows, width)
    assert max(len(line) for line in text.splitlines()) <= width
    for word in ("claim", "structural_grokking.01", "28,000", "published", "not run", "inconclusive", "[bold]"):
        assert word in text
    assert "stale (was" in text
    assert "…" not in text
    assert "\x1b" not in text
    assert "5 claims: 1 reproduced, 1 contradicted, 1 inconclusive, 1 not run, 1 stale" in text


def test_eighty_columns_stack_the_numbers_under_the_claim(rows):
    text = as_text(rows, 80)
    assert "published  median about 28k steps (12k to 48k)" in text
    assert "measured   28,000 [24,500, 33,100] steps" in text
    assert "quick, 16 seeds" in text
    assert "Needs scale paper (30 GPU hours)." in text


def test_a_wide_terminal_has_one_column_a_thing(rows):
    lines = as_text(rows, 140).splitlines()
    (header,) = (line for line in lines if line.strip().startswith("claim"))
    assert header.split() == ["claim", "title", "published", "measured", "verdict", "scale", "seeds", "seconds"]
    (row,) = (line for line in lines if line.strip().startswith("grokking.01"))
    assert "reproduced" in row
    assert row.split()[-4:] == ["quick", "9", "42", "s"]


def test_seconds_are_not_shown_where_nothing_was_run(rows):
    (absent,) = (line for line in as_text(rows, 140).splitlines() if line.strip().startswith("grokking.03"))
    assert absent.split()[-1] == "paper"


def test_one_claim_is_singular():
    assert summary([Standing(replace(make_entry(), verdict="reproduced"))]) == "1 claim: 1 reproduced"


def test_a_computed_claim_shows_no_seeds():
    exact = make_claim(settle(True, "1.519°"), deterministic=True)
    text = as_text(standings([exact], Ledger().merge([make_entry(exact)])), 80)
    assert "quick" in text
    assert "seeds" not in text
