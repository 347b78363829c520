"""Worker processes that take one piece of work after another, each over a pipe of its own.

Nothing is shared but one byte: a worker that is killed at any moment, even while it speaks, harms no other.
"""

import importlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from latebloom.fleet.interrupt import Flag
from latebloom.training.loop import Report, Watcher

LOST = "its worker process died (killed, or out of memory); what it had kept is intact: run the same command again."
STILLBORN = (
    "a worker process could not start (its own error stands above). A script that works with several processes must do "
    'so under `if __name__ == "__main__":`; workers=1 works in the process itself.'
)

Do = Callable[[Any, Watcher], Any]  # what a worker does with a piece; a function of a module, so that it can be sent
READY = "ready"


class Pieces(Protocol):
    """Whoever hands out pieces of work by number, and hears how they ended."""

    @property
    def waiting(self) -> bool:
        """Whether pieces are left that nobody has taken; they may not be ready."""

    def take(self) -> int | None:
        """The number of the next piece; None if none is ready."""

    def piece(self, number: int) -> Any:
        """What to send to a worker; it can be pickled."""

    def report(self, number: int, report: Report) -> None:
        """A worker told how far it is."""

    def end(self, number: int, result: Any) -> None:
        """A worker has done it."""

    def lose(self, number: int, failure: str | None) -> None:
        """Its worker died, by a fault or (None) because all were asked to stop."""

    def leave(self, failure: str | None) -> None:
        """Nobody takes what is left, for a reason or (None) because all were asked to stop."""


class _There:
    """Watches a piece of work in a worker process; reports travel through the pipe."""

    def __init__(self, pipe: Connection, asked: Flag, parent: int) -> None:
        self.pipe, self.asked, self.parent = pipe, asked, parent

    def report(self, report: Report) -> None:
        with suppress(OSError):  # nobody listens any more: `stopping` sees to it
            self.pipe.send(report)

    def stopping(self) -> bool:
        # An orphan stops too: it would hold its folder's lock, and nobody would know why.
        return self.asked.is_set() or os.getppid() != self.parent


def _worker(do: Do, modules: Sequence[str], pipe: Connection, asked: Flag, parent: int) -> None:
    """A worker process: says that it is ready, then takes pieces until it is told that there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends Ctrl-C to all; the parent decides
    signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    for module in modules:
        importlib.import_module(module)
    watcher = _There(pipe, asked, parent)
    with suppress(EOFError, OSError):  # the parent is gone
        pipe.send(READY)
        while (piece := pipe.recv()) is not None:
            pipe.send(do(piece, watcher))


class _Worker:
    """A worker process, seen from the parent: its end of the pipe, and the number of the piece it has."""

    def __init__(self, do: Do, modules: Sequence[str], asked: Flag) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.ready = False
        self.job: int | None = None
        self.process: BaseProcess = context.Process(
            target=_worker, args=(do, modules, theirs, asked, os.getpid()), daemon=True
        )
        # Blocked while it starts, so that a Ctrl-C in its first seconds does not kill it; it inherits that. The tracker
        # comes first, since whoever starts it finds SIGINT no longer blocked afterwards.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # ours is the only other end: when the worker dies, the pipe says so


def run_in_processes(pieces: Pieces, do: Do, modules: Sequence[str], asked: Flag, count: int) -> None:
    """Has pieces done in `count` workers; a worker that dies loses its piece only, and another takes its place.

    A worker imports `modules` first, so that it knows what they register. Workers that are at work when this ends by an
    exception are told to stop.
    """
    workers = [_Worker(do, modules, asked) for _ in range(count)]
    try:
        while workers:
            for pipe in wait([worker.pipe for worker in workers]):
                worker = next(worker for worker in workers if worker.pipe is pipe)
                try:
                    message = worker.pipe.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    _bury(worker)
                    if worker.job is not None:
                        pieces.lose(worker.job, None if asked.is_set() else LOST)
                    if worker.ready and pieces.waiting and not asked.is_set():
                        workers.append(_Worker(do, modules, asked))
                    continue
                if isinstance(message, Report) and worker.job is not None:
                    pieces.report(worker.job, message)
                    continue
                worker.ready = True
                if worker.job is not None:
                    pieces.end(worker.job, message)
                worker.job = None
            for worker in [own for own in workers if own.ready and own.job is None]:
                worker.job = pieces.take()
                if worker.job is None and pieces.waiting:
                    continue  # what is left begins from what another worker has
                worker.ready = worker.job is not None
                with suppress(OSError):  # it died just now: its end of the pipe tells, next time round
                    worker.pipe.send(None if worker.job is None else pieces.piece(worker.job))
    finally:
        for worker in workers:
            worker.pipe.close()
            worker.process.terminate()
    pieces.leave(None if asked.is_set() else STILLBORN)


def _bury(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(timeout=5)
