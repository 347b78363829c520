"""Errors that teach: what went wrong, where, the value seen, and what would be right."""

import difflib
from collections.abc import Iterable

FEW = 20  # names that an error still lists one by one
LISTS = {  # kind of thing -> what `latebloom ls` calls the list of them
    "experiment": "experiments",
    "study or claim": "claims",
    "experiment, study or claim": "experiments",
    "task": "tasks",
    "model": "models",
    "optimiser": "optimisers",
    "loss": "losses",
    "measure": "measures",
}


class LatebloomError(Exception):
    """Base of every error meant for the user; the command line prints its text without a traceback."""

    exit_code = 2


class SpecificationError(LatebloomError, ValueError):
    """A specification has a field or a value that does not fit."""


class UnknownName(LatebloomError):
    """A name that is in no table."""


class RunFailed(LatebloomError):
    """Training or measuring started and could not finish."""

    exit_code = 1


class StoreError(LatebloomError):
    """A run folder cannot be read or written as asked."""

    exit_code = 1


def not_fetched(what: str, error: Exception, instead: str) -> LatebloomError:
    """The error for what the Hugging Face hub did not give: not found there, or no way to it.

    >>> print(not_fetched("task.tokenizer = 'gpt3'", OSError("no such name"), "Name a folder."))
    task.tokenizer = 'gpt3' could not be fetched from the Hugging Face hub (OSError: no such name). Name a folder.
    """
    first = [type(error).__name__, *str(error).strip().splitlines()[:1]]
    return LatebloomError(f"{what} could not be fetched from the Hugging Face hub ({': '.join(first)}). {instead}")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that is in no table, with the nearest names.

    >>> print(unknown_name("scale", "laptpo", ["smoke", "quick", "laptop"]))
    Unknown scale 'laptpo'. Did you mean 'laptop'? Known: laptop, quick, smoke.
    >>> print(unknown_name("measure", "trees", ["norms", "structural_grokking.trees"]))
    Unknown measure 'trees'. Did you mean 'structural_grokking.trees'? Known: norms, structural_grokking.trees.
    >>> print(unknown_name("experiment", "parity", []))
    Unknown experiment 'parity'. No experiment is known yet: `latebloom.studies.load()` registers what ships.
    """
    names = sorted(known)
    hint = did_you_mean(name, names)
    return UnknownName(f"Unknown {kind} {name!r}.{hint} {_known(kind, names, bool(hint))}")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question with the one or two nearest names, a space before it; empty where none is near.

    >>> did_you_mean("groking.1", ["grokking.01", "grokking", "mesa_optimization"])
    " Did you mean 'grokking.01' or 'grokking'?"
    """
    known = sorted(names)
    # Said without its study, or a claim's number without its zero.
    own = [full for full in known if name and (full.endswith(f".{name}") or full.replace(".0", ".") == name)]
    near = (own or difflib.get_close_matches(name, known, n=2))[:2]
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _known(kind: str, names: list[str], hinted: bool) -> str:
    """All names if they are few; of many, where they are listed: a page of names hides the hint."""
    if not names:
        return f"No {kind} is known yet: `latebloom.studies.load()` registers what ships."
    if len(names) <= FEW:
        return f"Known: {', '.join(names)}."
    if kind in LISTS:
        return f"`latebloom ls {LISTS[kind]}` lists all."
    return f"There are {len(names)}." if hinted else f"Known: {', '.join(names)}."
