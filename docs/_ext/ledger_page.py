"""Writes the ledger into the documentation: the marker `<!-- ledger -->` becomes one table for each file of ledger/.

Verdicts come from the committed files and from nowhere else, so a page cannot say what no run showed.
"""

import functools
import json
import re
from collections import Counter
from pathlib import Path

from latebloom import studies
from latebloom.claims import Ledger, all_claims
from latebloom.claims.rendering import interval_beside
from latebloom.claims.standing import is_current
from latebloom.errors import LatebloomError
from latebloom.fleet.identity import run_hash

MARKER = "<!-- ledger -->"
LEDGER = Path(__file__).parents[2] / "ledger"
SCALES = ["quick", "laptop", "paper"]
COLUMNS = ["claim", "statement", "published", "measured", "verdict", "scale", "seeds", "repeat it"]


def plain(value):
    """A value as text that Markdown and a table cell leave alone; numbers get four digits."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return re.sub(r"([\\`*_{}\[\]<>|$#~])", r"\\\1", " ".join(str(value).split()))


def measured(row):
    """The measured value with its interval, where that may stand behind it, with the unit."""
    interval = interval_beside(row["measured"], row["interval"] or None, row.get("estimates", {}))
    if interval is None:
        return plain(row["measured"])
    low, high = ("unbounded" if end is None else plain(end) for end in interval)
    return f"{plain(row['measured'])} ({low} to {high})"


def verdict(row, stale):
    """The verdict; one that rests on a rule or on runs that are not today's is never shown as if it did."""
    return f"stale (was {row['verdict']})" if (row["id"], row["scale"]) in stale else row["verdict"]


def table(rows, stale=frozenset()):
    """One study's claims as a Markdown table, after a line that counts the verdicts."""
    counts = Counter("stale" if (row["id"], row["scale"]) in stale else row["verdict"] for row in rows)
    lines = [f"{len(rows)} claims: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()) + ".", ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for row in rows:
        cells = [
            plain(row["id"]),
            plain(row["statement"]),
            plain(row["published"]),
            measured(row),
            f"**{plain(verdict(row, stale))}**",
            plain(row["scale"]),
            plain(row["seeds"] or None),  # a claim that is computed has none
            f"`{row['command']}`".replace("|", r"\|") if row["command"] else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


@functools.cache  # several pages ask, and resolving all experiments takes seconds
def stale_entries(folder):
    """(claim, scale) of every entry whose rule, judge or runs have changed since: `latebloom claims` calls it stale."""
    studies.load()
    claims = {claim.id: claim for claim in all_claims()}
    return frozenset(
        (entry.id, entry.scale)
        for entry in Ledger.load(folder).entries
        if entry.id not in claims or not is_current(claims[entry.id], entry, run_of)
    )


def run_of(request):
    """Hash of the run that answers a request today; None if it can no longer be made."""
    try:
        return run_hash(request.experiment, request.scale, request.overrides)
    except LatebloomError:
        return None


def entries(path):
    """The entries of a ledger file, one a claim: the one judged at the largest scale."""
    rows = {}
    for entry in json.loads(path.read_text())["entries"]:
        old = rows.get(entry["id"])
        if old is None or SCALES.index(entry["scale"]) > SCALES.index(old["scale"]):
            rows[entry["id"]] = entry
    return [rows[name] for name in sorted(rows)]


def tables(folder, stale=frozenset()):
    """Every study of a ledger folder as Markdown; a sentence if there is none."""
    studies = {path.stem: entries(path) for path in sorted(folder.glob("*.json"))}
    if not any(studies.values()):
        return "The ledger holds no verdicts yet."
    return "\n\n".join(f"## {study}\n\n{table(rows, stale)}" for study, rows in studies.items() if rows)


def fill(app, docname, source):
    """Replaces the marker while Sphinx reads a page."""
    if MARKER in source[0]:
        source[0] = source[0].replace(MARKER, tables(LEDGER, stale_entries(LEDGER)))


def always_read(app, env, added, changed, removed):
    """The page is written anew each time: a new verdict must not hide behind an old page."""
    return ["ledger"]


def setup(app):
    app.connect("source-read", fill)
    app.connect("env-get-outdated", always_read)
    return {"parallel_read_safe": True}
