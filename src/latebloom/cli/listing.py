"""Lists: studies, experiments, claims, parts, runs; and a run's table of members."""

import re
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from latebloom.claims import all_claims
from latebloom.errors import StoreError
from latebloom.models import LOSSES, MODELS
from latebloom.registry import Registry
from latebloom.runs.home import home, run_folders
from latebloom.runs.run import Run
from latebloom.studies import STUDIES
from latebloom.tasks import TASKS
from latebloom.training.measures import MEASURES
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.presets import PRESETS

ROWS = 60  # of a table of members


def show(what: str, console: Console) -> None:
    """Prints one list."""
    parts: dict[str, Registry[Any]] = {
        "tasks": TASKS,
        "models": MODELS,
        "optimisers": OPTIMISERS,
        "losses": LOSSES,
        "measures": MEASURES,
    }
    if what in parts:
        console.print(_parts(what, parts[what]))
    else:
        console.print({"studies": _studies, "experiments": _experiments, "claims": _claims, "runs": _runs}[what]())


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("what it is", "title"))
    return table


def _studies() -> Table:
    table = _table("study", "experiments", "claims")
    claims = Counter(claim.study for claim in all_claims())
    for study in STUDIES:
        table.add_row(study, str(sum(name.startswith(study + ".") for name in PRESETS)), str(claims[study]))
    return table


def _experiments() -> Table:
    table = _table("experiment", "what it is")
    for name in PRESETS:
        table.add_row(name, PRESETS[name].title)
    return table


def _claims() -> Table:
    table = _table("claim", "title", "scales")
    for claim in all_claims():
        table.add_row(claim.id, claim.title, ", ".join(claim.scales) if claim.judge else f"not run ({claim.scales[0]})")
    return table


def _parts(kind: str, registry: Registry[Any]) -> Table:
    table = _table("loss" if kind == "losses" else kind.removesuffix("s"), "what it is")
    for name in registry:
        part = registry[name]
        # Tasks and models are classes and speak for themselves; the others are records of functions.
        own = () if isinstance(part, type) else ("measure", "rows")
        described = next((getattr(part, a) for a in own if hasattr(part, a)), part)
        table.add_row(name, getattr(part, "about", "") or first_sentence(described.__doc__))
    return table


def first_sentence(text: str | None) -> str:
    r"""The first sentence of a docstring's first paragraph, on one line.

    >>> first_sentence("Loss and accuracy of a, e.g. B:\nboth. More of it.")
    'Loss and accuracy of a, e.g. B: both.'
    """
    paragraph = " ".join((text or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^.].\.) (?=[A-Z`])", paragraph)[0]


def _runs() -> Table:
    table = _table("run", "members", "populations", "seconds")
    for path in run_folders(home()):
        try:
            run = Run(path)
            done, total = sum(folder.finished for folder in run.populations), len(run.populations)
            status = "finished" if done == total else f"{done} of {total}"
            row = str(len(run.document["members"])), status, f"{run.seconds:.0f}"
        except StoreError:  # one run that cannot be read must not hide the others; `show` tells why
            row = "", "unreadable", ""
        table.add_row(f"{path.parent.name}/{path.name}", *row)
    return table


def show_run(run: Run, console: Console) -> None:
    """A finished run: what its members differ in, how they ended, where it lies."""
    measured = run.measurements()
    last = measured.groupby("member").tail(1).set_index("member")
    members = run.members()
    fields = [name for name in members.columns if name not in ("member", "population", "index", "ended_at", "diverged")]
    columns = [c for c in ("train_loss", "train_accuracy", "test_loss", "test_accuracy") if c in last]
    # One word a line, or nine columns of words fill a terminal before their numbers do.
    headings = [re.sub("(?<=_)| ", "\n", heading) for heading in (*fields, "last step")]
    table = _table("member", *headings, *(c.replace("_", "\n") for c in columns), "")
    for column in table.columns[1:]:
        column.justify = "right"
    for member in members.head(ROWS).to_dict("records"):
        number = member["member"]
        row = last.loc[number] if number in last.index else None
        values = [_text(float(row[c])) for c in columns] if row is not None else [""] * len(columns)
        step = f"{int(row['step']):,}" if row is not None else ""
        note = "diverged" if member["diverged"] else ""
        table.add_row(str(number), *(_text(member[name]) for name in fields), step, *values, note)
    _print_whole(table, console)
    if len(members) > ROWS:
        console.print(f"... and {len(members) - ROWS} more")
    console.print(
        f"{run.label}: {len(members)} members, {run.status}, {run.seconds:.0f} s of training.\n{run.path}",
        soft_wrap=True,
    )


def _print_whole(table: Table, console: Console) -> None:
    """Prints a table at its own width: a terminal that is narrower wraps its lines, but no number loses digits."""
    terminal = console.width
    console.width = max(terminal, console.measure(table, options=console.options.update(max_width=10_000)).maximum)
    console.print(table)
    console.width = terminal


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
