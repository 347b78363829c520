"""What each command does."""

import argparse
import json
import os
import re
import sys
from pathlib import Path

from rich.console import Console

from latebloom import studies
from latebloom.claims import terminal_table
from latebloom.cli import listing, look
from latebloom.cli.fields import show_fields
from latebloom.cli.plan import print_plan, print_plan_of_claims
from latebloom.cli.progress import Progress
from latebloom.cli.zoom import parse_window, run_zoom
from latebloom.errors import LatebloomError, unknown_name
from latebloom.fleet.local import run_plans
from latebloom.fleet.plan import plan
from latebloom.fleet.unit import Plan
from latebloom.fleet.work import Result
from latebloom.fleet.zoom import check_window
from latebloom.runs.home import home, run_folders
from latebloom.runs.run import Run
from latebloom.studies import study_names
from latebloom.studies.reproduce import check_judgeable, judge_again, prepare, reproduce, select, standing
from latebloom.training.presets import PRESETS, members_of
from latebloom.wording import counted

INTERRUPTED = 3
FAILED = 1
FILES = (".json", ".yaml", ".yml", ".toml", ".py")  # where other programs take their settings from
CLAIM_ID = re.compile(r"[a-z_]+\.[0-9]+")


def run(arguments: argparse.Namespace) -> int:
    """Runs a parsed command; returns its exit code."""
    studies.load()
    return {
        "ls": list_things,
        "run": run_experiment,
        "reproduce": reproduce_claims,
        "claims": show_claims,
        "show": show_thing,
        "plan": plan_ahead,
        "check": check_file,
        "serve": look.serve_lab,
        "export": look.export_site,
    }[arguments.command](arguments)


def list_things(arguments: argparse.Namespace) -> int:
    """`latebloom ls`."""
    listing.show(arguments.what, arguments.json, console())
    return 0


def run_experiment(arguments: argparse.Namespace) -> int:
    """`latebloom run`."""
    workers = _workers(arguments.workers)
    if arguments.experiment in study_names() or CLAIM_ID.fullmatch(arguments.experiment):
        raise LatebloomError(
            f"`run` trains one experiment, which {arguments.experiment!r} is not: `latebloom reproduce "
            f"{arguments.experiment}` runs what its claims need, `latebloom ls experiments` lists experiments."
        )
    if Path(arguments.experiment).suffix in FILES:
        raise LatebloomError(
            f"{arguments.experiment!r} reads like a file; `run` takes the name of an experiment, and settings behind "
            "it: latebloom run grokking.modular_addition training.lr=1e-2 seed=0:4. An experiment of your own is "
            "written in Python: examples/own_task_and_measure.py."
        )
    window = parse_window(arguments.zoom) if arguments.zoom else None
    if window:
        steps = [member.training.steps for member in members_of(*_asked(arguments))]
        check_window(window, arguments.experiment, min(steps))
    laid = plan(arguments.experiment, arguments.scale, arguments.overrides, home())
    results = _train([laid], workers)
    for failure in dict.fromkeys(result.failure for result in results if result.failure):  # often one for all
        print(f"latebloom: {failure}", file=sys.stderr)
    found = Run(laid.run)
    if any(result.failure for result in results):
        return FAILED
    if not found.finished:
        print(f"Interrupted. The same command goes on from the last checkpoint: {found.command}")
        return INTERRUPTED
    if window and not run_zoom(found, window, console()):
        return INTERRUPTED
    listing.show_run(found, console())
    print(f"Curves and figures: latebloom show {found.label}")
    return 0


def reproduce_claims(arguments: argparse.Namespace) -> int:
    """`latebloom reproduce`."""
    workers = _workers(arguments.workers)
    claims = select(arguments.claims)
    check_judgeable(claims, arguments.scale)
    if arguments.judge_only:
        with Progress([], console()) as progress:
            outcome = judge_again(claims, arguments.scale, home(), arguments.ledger, progress.judging, workers)
    else:
        plans = prepare(claims, arguments.scale, home())
        units = [unit for laid in plans.values() for unit in laid.all_units]
        with Progress(units, console()) as progress:
            outcome = reproduce(
                claims, arguments.scale, home(), arguments.ledger, progress, workers, plans, progress.judging
            )
    console().print(terminal_table(standing(claims, arguments.ledger), console().width))
    for failure in dict.fromkeys(outcome.failures):
        print(f"latebloom: {failure}", file=sys.stderr)
    print(
        f"Ledger: {arguments.ledger}/   Runs: {home()}   A claim's numbers and picture: latebloom show {claims[0].id}"
    )
    if arguments.scale == "smoke" and outcome.entries:
        tried = counted(len(outcome.entries), "judge")
        print(f"Scale smoke tries everything on networks too small to tell: {tried} ran, and no verdict is due.")
    if outcome.interrupted:
        print("Interrupted. The same command goes on from the last checkpoints.")
        return INTERRUPTED
    return FAILED if outcome.failures else 0


def show_claims(arguments: argparse.Namespace) -> int:
    """`latebloom claims`."""
    rows = standing(select(arguments.claims), arguments.ledger)
    if arguments.json:
        print(json.dumps([row.to_json() for row in rows], indent=1))
    else:
        console().print(terminal_table(rows, console().width))
    return 0


def show_thing(arguments: argparse.Namespace) -> int:
    """`latebloom show`."""
    from latebloom.cli.show import show_claim, show_run

    if arguments.fields:
        _refuse_pictures(arguments)
        if arguments.name in study_names():
            raise LatebloomError(
                f"{arguments.name} is a study; fields belong to one of its experiments, which `latebloom ls "
                "experiments` lists."
            )
        show_fields(arguments.name, arguments.scale or "quick", arguments.json, console())
        return 0
    if arguments.json or arguments.scale:
        word = "--json" if arguments.json else f"--scale {arguments.scale}"
        raise LatebloomError(f"{word} belongs to `latebloom show EXPERIMENT --fields`.")
    try:
        claims = select([arguments.name])
    except LatebloomError:
        claims = []
    if not claims and CLAIM_ID.fullmatch(arguments.name):
        select([arguments.name])  # written like a claim: say which claims there are, not which runs
    if arguments.name in PRESETS and not any(path.parent.name == arguments.name for path in run_folders(home())):
        raise LatebloomError(
            f"There is no run of {arguments.name} under {home()}. `latebloom run {arguments.name}` makes one; "
            f"`latebloom show {arguments.name} --fields` lists what can be written behind it."
        )
    if arguments.name in study_names():
        own = [path for path in run_folders(home()) if path.parent.name.startswith(f"{arguments.name}.")]
        if len(own) != 1:
            raise LatebloomError(
                f"{arguments.name} is a study and has {counted(len(own), 'run') if own else 'no run'} under {home()}. "
                f"`latebloom claims {arguments.name}` shows its claims, `latebloom ls experiments` what can be run, "
                "`latebloom ls runs` what was."
            )
    if len(claims) == 1:
        if arguments.member is not None:
            raise LatebloomError(
                f"--member {arguments.member}: the picture of {claims[0].id} is drawn from all its members. "
                "`latebloom show RUN --member` draws one of a run."
            )
        show_claim(claims[0], arguments.ledger, arguments.out, console())
    else:
        show_run(arguments.name, arguments.out, arguments.member or 0, console())
    return 0


def _refuse_pictures(arguments: argparse.Namespace) -> None:
    """A list of fields draws nothing and has no members yet: words that ask for either would be in vain."""
    for word, given in (("--out", arguments.out), ("--member", arguments.member)):
        if given is not None:
            raise LatebloomError(
                f"{word} {given} belongs to `latebloom show RUN`, which draws pictures; --fields lists the fields of "
                f"{arguments.name} and draws none."
            )


def plan_ahead(arguments: argparse.Namespace) -> int:
    """`latebloom plan`."""
    name = arguments.experiment
    if name not in study_names() and not CLAIM_ID.fullmatch(name):
        if name not in PRESETS:
            raise unknown_name("experiment, study or claim", name, [*PRESETS, *study_names()])
        print_plan(*_asked(arguments), console())
        return 0
    if arguments.overrides:
        raise LatebloomError(
            f"{arguments.overrides[0]!r} belongs behind the name of an experiment; what the claims of {name} need is "
            "fixed. `latebloom ls experiments` lists experiments."
        )
    claims = select([name])
    check_judgeable(claims, arguments.scale)
    print_plan_of_claims(claims, arguments.scale, home(), console())
    return 0


def check_file(arguments: argparse.Namespace) -> int:
    """`latebloom check`."""
    from latebloom.cli.check import check

    print(check(arguments.file, arguments.task))
    return 0


def _train(plans: list[Plan], workers: int | None) -> list[Result]:
    units = [unit for laid in plans for unit in laid.all_units]
    with Progress(units, console()) as progress:
        return run_plans(plans, progress, workers)


def _asked(arguments: argparse.Namespace) -> tuple[str, str, list[str]]:
    return arguments.experiment, arguments.scale, arguments.overrides


def _workers(asked: int | None) -> int | None:
    if asked is not None and asked < 1:
        raise LatebloomError(f"--workers {asked}: there must be at least one worker.")
    return asked


class Output(Console):
    """A console that leaves a closed pipe to the program: rich would end it with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Lets the error pass."""
        raise


def console() -> Console:
    """Where tables go; colours only on a terminal."""
    unknown = os.environ.get("COLUMNS") == "0"  # as some terminals say; rich would print lines of no width
    width = 80 if unknown else None
    return Output(highlight=False, markup=False, emoji=False, width=width)  # text as it is: "[n = 3]" is no style
