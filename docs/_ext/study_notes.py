"""Tables for the notes of a study: settings from the code, results from the ledger.

`<!-- settings: NAME ... -->` becomes a table of experiments as they are at scale laptop; `<!-- results: CLAIM ... -->`
a section for each claim. Verdicts come from the committed ledger and from nowhere else; a claim that it does not hold
is said to be not judged.
"""

import json
import re

from ledger_page import LEDGER, SCALES, measured, plain, stale_entries, verdict

from latebloom.claims import all_claims
from latebloom.training.presets import PRESETS

MARKER = re.compile(r"<!-- (settings|results): ([a-z0-9_. ]+) -->")
SCALE = "laptop"
ALWAYS = {"p", "d_mlp", "hidden", "optimiser", "lr", "weight_decay"}  # told even where they are the defaults
SHOWN = 6  # values of an axis that are listed one by one


def settings(names):
    """A row an experiment: what is learned, by what network, how, for how long, by how many members."""
    head = ["experiment", "task", "network", "training", "steps", "members"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name in names:
        preset = PRESETS[name].build(SCALE)
        one = preset.experiment
        axes = {path.split(".")[-1]: list(values) for path, values in preset.axes.items()}
        members = 1
        for values in axes.values():
            members *= len(values)
        swept = "; ".join(f"{axis} {listed(values)}" for axis, values in axes.items() if len(values) > 1)
        cells = [f"`{name}`", part(one.task, axes), part(one.model, axes), part(one.training, axes)]
        lines.append("| " + " | ".join([*cells, f"{one.training.steps:,}", f"{members}: {plain(swept)}"]) + " |")
    return "\n".join(lines)


def part(spec, axes):
    """A part's kind and the settings that are not its defaults; steps have a column, swept fields are told there."""
    told = [str(getattr(spec, "kind", ""))]
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name in ("kind", "steps", *axes) or value is None or (value == field.default and name not in ALWAYS):
            continue
        if name == "stop":
            told.append(
                f"until {value.metric} is at {'most' if value.at_least is None else 'least'} "
                f"{value.at_most if value.at_least is None else value.at_least} for {value.logs} logs"
            )
        else:
            told.append(f"{name} {value}")
    return plain(", ".join(text for text in told if text))


def listed(values):
    """Values of an axis: all of a few, first and last of many."""
    if len(values) <= SHOWN:
        return ", ".join(str(value) for value in values)
    return f"{values[0]} to {values[-1]} ({len(values)} values)"


def entries(folder):
    """Claim -> its entries in a ledger folder, smallest scale first."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        for entry in json.loads(path.read_text())["entries"]:
            found.setdefault(entry["id"], []).append(entry)
    return {name: sorted(rows, key=lambda row: SCALES.index(row["scale"])) for name, rows in found.items()}


def results(names, folder=LEDGER, stale=frozenset()):
    """A section a claim: what is said, where, the rule, and a row for each scale at which it was judged."""
    claims = {claim.id: claim for claim in all_claims()}
    judged = entries(folder)
    return "\n\n".join(section(claims[name], judged.get(name, []), stale) for name in names)


def section(claim, rows, stale):
    """One claim in words and numbers."""
    facts = {
        "Published": claim.published,
        "Source": claim.source,
        "Measured how": claim.measure,
        f"Rule of {claim.fixed}": claim.rule,
        "Control": claim.control,
        **{f"Changed {change.date}": change.reason for change in claim.changes},
    }
    lines = [f"### {claim.id}  {plain(claim.title)}", "", plain(claim.statement), ""]
    lines += [f"- *{name}:* {plain(text)}" for name, text in facts.items() if text]
    lines += ["", *judgements(claim, rows, stale)]
    return "\n".join(lines)


def judgements(claim, rows, stale):
    """A table of verdicts, or a sentence that there is none."""
    if not rows:
        cost = claim.cost.get(SCALE, "")
        told = f"; at scale {SCALE} it is priced at {cost}" if cost else ""
        return [
            f"The ledger holds no verdict on it yet{plain(told)}: `latebloom reproduce {claim.id} --scale {SCALE}`."
        ]
    lines = ["| scale | verdict | measured | seeds | note |", "|---|---|---|---|---|"]
    for row in rows:
        cells = [
            row["scale"],
            f"**{verdict(row, stale)}**",
            measured(row),
            plain(row["seeds"] or None),
            plain(row["note"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def filled(text):
    """A page's text with its markers replaced."""
    if not MARKER.search(text):
        return text
    stale = stale_entries(LEDGER)
    make = {"settings": settings, "results": lambda names: results(names, stale=stale)}
    return MARKER.sub(lambda match: make[match[1]](match[2].split()), text)


def fill(app, docname, source):
    """Replaces markers while Sphinx reads a page."""
    source[0] = filled(source[0])


def always_read(app, env, added, changed, removed):
    """Notes are written anew each time: a new verdict must not hide behind an old page."""
    return sorted(name for name in env.found_docs if name.startswith("studies/"))


def setup(app):
    app.connect("source-read", fill)
    app.connect("env-get-outdated", always_read)
    return {"parallel_read_safe": True}
