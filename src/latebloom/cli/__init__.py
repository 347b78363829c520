"""The command line. Thin: it parses words, calls the library, prints; heavy imports wait until a command needs them."""

import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence

from latebloom.cli.parser import parse
from latebloom.errors import LatebloomError

INTERRUPTED = 3
TRAINING = ("run", "reproduce")  # commands that a closed pipe cuts short, so that they are not done


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command. Exit codes: 0 done, 1 a run failed, 2 the words were wrong, 3 interrupted and resumable."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where the locale has no Greek, a "?" stands for it
    try:
        arguments = parse(sys.argv[1:] if words is None else words)
    except SystemExit:  # help was asked for, or the words were wrong
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_output()
        raise
    try:
        _load()
        from latebloom.cli import commands

        code = commands.run(arguments)
        sys.stdout.flush()  # what is held back fails here, where it is understood, or not at all
        return code
    except LatebloomError as error:
        print(f"latebloom: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("latebloom: interrupted; run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has left
        _forget_output()
        sys.stderr.close()
        return INTERRUPTED if arguments.command in TRAINING else 0
    except OSError as error:
        if error.filename is not None:
            print(f"latebloom: {error.filename}: {error.strerror}.", file=sys.stderr)
            return 1
        if error.errno != errno.ENOSPC:
            raise
        # What was being printed went to a full disk.
        print("latebloom: cannot write the output: the disk is full. Runs and ledger are intact.", file=sys.stderr)
        _forget_output()
        return 1


def _load() -> None:
    """Imports all that commands need. What is imported stays: looking for garbage among it would be in vain."""
    gc.disable()  # a seventh of the time
    try:
        importlib.import_module("latebloom.cli.commands")
        importlib.import_module("latebloom.studies").load()
    finally:
        gc.enable()


def _forget_output() -> None:
    """Sends what is still buffered nowhere, so that the end of the program does not fail on it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
