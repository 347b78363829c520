"""The words of the command line."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from latebloom import __version__
from latebloom.errors import unknown_name

COMMANDS = ("ls", "run", "reproduce", "claims", "show", "plan", "check", "serve", "export")
PATHS = ("show", "check", "serve", "export")  # commands whose words may be paths, and a path may hold a "="
SET = ("run", "plan")  # commands that take settings
SETTING = re.compile(r"[^-/.][^/=]*=.*|=.*", re.DOTALL)
LISTS = ("studies", "experiments", "claims", "tasks", "models", "optimisers", "losses", "measures", "runs")


class Parser(argparse.ArgumentParser):
    """argparse, with an unknown command answered by the nearest known one; options are written in full."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Says what was wrong and where help is; exit code 2."""
        if "invalid choice:" in message:
            kind, known = ("command", COMMANDS) if "argument COMMAND" in message else ("list", LISTS)
            typed = message.partition("invalid choice: ")[2].partition(" (choose from")[0]  # in quotes of either kind
            message = str(unknown_name(kind, typed[1:-1], known))
        self.exit(2, f"{self.prog}: {message}\n`{self.prog} --help` tells more.\n")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command and its options; `field=value` words may stand anywhere behind the command."""
    parser = build_parser()
    if words and words[0] in PATHS:
        return parser.parse_args(words)
    places = [n for n, word in enumerate(words) if SETTING.fullmatch(word) and words[max(n - 1, 0)] != "--ledger"]
    overrides = [words[n] for n in places]
    arguments, unknown = parser.parse_known_args([word for n, word in enumerate(words) if n not in places])
    if unknown:
        form = " A setting is written field=value, e.g. training.lr=1e-3 or seed=0:8." if words[0] in SET else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}.{form}")
    if overrides and not hasattr(arguments, "overrides"):
        parser.error(f"`{arguments.command}` takes no settings; {overrides[0]!r} belongs to run or plan.")
    arguments.overrides = overrides
    return arguments


def build_parser() -> Parser:
    """All commands and their options."""
    parser = Parser(prog="latebloom", description="Watch networks come to generalise; repeat what is claimed about it.")
    parser.add_argument("--version", action="version", version=f"latebloom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    listing = commands.add_parser("ls", help="list what there is", description="List what there is.")
    listing.add_argument("what", nargs="?", default="studies", choices=LISTS, metavar="LIST", help=", ".join(LISTS))
    listing.add_argument("--json", action="store_true", help="as a list of objects")

    run = commands.add_parser(
        "run",
        help="train (or continue) one experiment",
        usage="latebloom run [-h] [--scale SCALE] [--zoom WINDOW] [--workers N] EXPERIMENT [field=value ...]",
        description="Train (or continue) one experiment. Several values make members: seed=0:8 lr=1e-3,1e-2.",
    )
    _experiment(run)
    run.add_argument("--zoom", metavar="START:END[:STRIDE]", help="replay a window exactly and measure it finely")
    _workers(run)

    reproduce = commands.add_parser(
        "reproduce",
        help="run what claims need, judge them, print the ledger",
        description="Run what claims need, judge them, print the ledger. What is there already is not trained again.",
    )
    reproduce.add_argument(
        "claims", nargs="*", metavar="STUDY|CLAIM", help="e.g. grokking, or grokking.13; default: all"
    )
    _scale(reproduce)
    reproduce.add_argument("--judge-only", action="store_true", help="judge what is finished; train nothing")
    _workers(reproduce)
    _ledger(reproduce)

    claims = commands.add_parser("claims", help="the ledger as it stands", description="The ledger as it stands.")
    claims.add_argument("claims", nargs="*", metavar="STUDY|CLAIM")
    claims.add_argument("--json", action="store_true", help="as a list of objects")
    _ledger(claims)

    show = commands.add_parser(
        "show",
        help="a run or a claim: what it is, its numbers, its picture; an experiment: its fields",
        description="A run or a claim: what it is, its numbers, its picture. With --fields, everything that can be "
        "written behind an experiment's name: field, value, what it takes, what it is.",
    )
    show.add_argument(
        "name", metavar="RUN|CLAIM|EXPERIMENT", help="from `latebloom ls runs`, `ls claims` or `ls experiments`"
    )
    show.add_argument("--out", type=Path, help="where to write figures (default: beside the run)")
    show.add_argument("--member", type=int, help="which member the detailed pictures show (default: 0)")
    show.add_argument("--fields", action="store_true", help="the fields of an experiment")
    show.add_argument("--json", action="store_true", help="with --fields: as a list of objects")
    show.add_argument("--scale", help="with --fields: smoke, quick (default), laptop or paper")
    _ledger(show)

    plan = commands.add_parser(
        "plan",
        help="parameters, FLOPs, memory and time of an experiment, or of all that claims need; trains nothing",
        usage="latebloom plan [-h] [--scale SCALE] EXPERIMENT|STUDY|CLAIM [field=value ...]",
        description="Parameters, FLOPs, memory and time of an experiment; of a study or a claim, what `reproduce` has "
        "still to train. Trains nothing.",
    )
    _experiment(plan, "EXPERIMENT|STUDY|CLAIM", "a name from `latebloom ls experiments`, `ls studies` or `ls claims`")

    check = commands.add_parser(
        "check",
        help="how your own file of sentences differs from the generator's",
        description="Read a tab-separated file, one item a line (`<sentence> . <task> TAB <target>`), tell which lines "
        "cannot be read and why, and compare its structures with those of the generator.",
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument(
        "--task", help="question_formation or tense_inflection (default: by the first line that says its task)"
    )

    serve = commands.add_parser(
        "serve",
        help="the lab in the browser",
        description="Show the lab in the browser: studies, runs, the ledger, claims, the explorable. Ctrl-C ends it.",
    )
    serve.add_argument("--host", default="127.0.0.1", help="interface to listen on (default: this machine only)")
    serve.add_argument("--port", type=int, default=0, help="port (default: any that is free)")
    serve.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    _ledger(serve)

    export = commands.add_parser(
        "export",
        help="a static site: ledger, claims, runs, explorable",
        description="Write the lab as a folder that opens from any web server, or from the disk without one.",
    )
    export.add_argument("out", type=Path, metavar="OUT", help="a folder that is new, empty, or an earlier export")
    export.add_argument("--study", action="append", metavar="STUDY", help="only this study (may be given again)")
    export.add_argument(
        "--snapshots", type=int, default=60, help="at most so many snapshots of a network (default: 60)"
    )
    _ledger(export)
    return parser


def _experiment(
    parser: argparse.ArgumentParser, what: str = "EXPERIMENT", where: str = "a name from `latebloom ls experiments`"
) -> None:
    parser.add_argument("experiment", metavar=what, help=where)
    parser.set_defaults(overrides=[])
    _scale(parser)


def _scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", default="quick", help="smoke, quick (default), laptop or paper")


def _workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, help="worker processes (default: one a core)")


def _ledger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ledger", type=Path, default=Path("ledger"), help="folder of the ledger (default: ./ledger)")
