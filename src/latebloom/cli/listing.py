"""Lists: studies, experiments, claims, parts, runs; and a run's table of members."""

import json
import re
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from latebloom.claims import all_claims
from latebloom.cli import run_list
from latebloom.cli.tables import plain_table, print_whole
from latebloom.models import LOSSES, MODELS
from latebloom.registry import Registry
from latebloom.runs.run import Run
from latebloom.studies import study_names
from latebloom.tasks import TASKS
from latebloom.training.measures import MEASURES
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.presets import PRESETS
from latebloom.wording import counted

ROWS = 60  # of a table of members
NARROW = 80  # columns of a terminal in which scales stand one below the other, so that titles keep theirs
PARTS: dict[str, Registry[Any]] = {
    "tasks": TASKS,
    "models": MODELS,
    "optimisers": OPTIMISERS,
    "losses": LOSSES,
    "measures": MEASURES,
}


def show(what: str, as_json: bool, console: Console) -> None:
    """Prints one list, as a table or as JSON: a list of objects with the keys that the rows below have."""
    rows = rows_of(what)
    if as_json:
        print(json.dumps(rows, indent=1))
    elif what == "runs":
        run_list.print_runs(rows, console)
    else:
        console.print(_plain(what, rows, console.width))


def rows_of(what: str) -> list[dict[str, Any]]:
    """The rows of a list; the first key of each is its name."""
    if what in PARTS:
        return [{"name": name, "about": _about(PARTS[what][name])} for name in PARTS[what]]
    lists = {"studies": _study_rows, "experiments": _experiment_rows, "claims": _claim_rows, "runs": run_list.rows}
    return lists[what]()


def _plain(what: str, rows: list[dict[str, Any]], width: int) -> Table:
    """A table of a list whose cells are text as they are, for a terminal of `width` columns."""
    headings = {"name": {"losses": "loss", "studies": "study"}.get(what, what.removesuffix("s")), "about": "what it is"}
    own = {"claims": ("name", "title", "scales"), "studies": ("name", "experiments", "claims")}
    keys = own.get(what, ("name", "about"))
    table = plain_table(*(headings.get(key, key) for key in keys))
    for row in rows:
        scales = row.get("needs") or ", ".join(row.get("scales", ()))
        cells = {**row, "scales": scales.replace(" ", "\n") if width < NARROW else scales}
        table.add_row(*(str(cells[key]) for key in keys))
    return table


def _study_rows() -> list[dict[str, Any]]:
    claims = Counter(claim.study for claim in all_claims())
    return [
        {
            "name": study,
            "experiments": sum(name.startswith(study + ".") for name in PRESETS),
            "claims": claims[study],
        }
        for study in study_names()
    ]


def _experiment_rows() -> list[dict[str, Any]]:
    return [{"name": name, "about": PRESETS[name].title} for name in PRESETS]


def _claim_rows() -> list[dict[str, Any]]:
    return [
        {
            "name": claim.id,
            "title": claim.title,
            "scales": list(claim.scales) if claim.judge else [],
            "needs": "" if claim.judge else f"not run ({claim.scales[0]})",
        }
        for claim in all_claims()
    ]


def _about(part: Any) -> str:
    # Tasks and models are classes and speak for themselves; the others are records of functions.
    own = () if isinstance(part, type) else ("measure", "rows")
    described = next((getattr(part, a) for a in own if hasattr(part, a)), part)
    return getattr(part, "about", "") or first_sentence(described.__doc__)


def first_sentence(text: str | None) -> str:
    r"""The first sentence of a docstring's first paragraph, on one line.

    >>> first_sentence("Loss and accuracy of a, e.g. B:\nboth. More of it.")
    'Loss and accuracy of a, e.g. B: both.'
    """
    paragraph = " ".join((text or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^.].\.) (?=[A-Z`])", paragraph)[0]


def show_run(run: Run, console: Console) -> None:
    """A finished run: what its members differ in, how they ended, where it lies."""
    measured = run.measurements()
    last = measured.groupby("member").tail(1).set_index("member")
    members = run.members()
    fields = [name for name in members.columns if name not in ("member", "population", "index", "ended_at", "diverged")]
    columns = [c for c in ("train_loss", "train_accuracy", "test_loss", "test_accuracy") if c in last]
    # One word a line, or nine columns of words fill a terminal before their numbers do.
    headings = [re.sub("(?<=_)| ", "\n", heading) for heading in (*fields, "last step")]
    table = plain_table("member", *headings, *(c.replace("_", "\n") for c in columns), "")
    for column in table.columns[1:]:
        column.justify = "right"
    for member in members.head(ROWS).to_dict("records"):
        number = member["member"]
        row = last.loc[number] if number in last.index else None
        values = [_text(float(row[c])) for c in columns] if row is not None else [""] * len(columns)
        step = f"{int(row['step']):,}" if row is not None else ""
        note = "diverged" if member["diverged"] else ""
        table.add_row(str(number), *(_text(member[name]) for name in fields), step, *values, note)
    print_whole(table, console)
    if len(members) > ROWS:
        console.print(f"... and {len(members) - ROWS} more")
    console.print(
        f"{run.label}: {counted(len(members), 'member')}, {run.status}, {run.seconds:.0f} s of training.\n{run.path}",
        soft_wrap=True,
    )


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
