"""Worker processes that take one unit after another, each over a pipe of its own.

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

from latebloom.fleet.interrupt import Flag
from latebloom.fleet.queue import Queue
from latebloom.fleet.unit import Unit
from latebloom.fleet.work import Result, work
from latebloom.training.loop import Report

LOST = "its worker process died (killed, or out of memory); what it had kept is intact: run the same command again."
STILLBORN = (
    "a worker process could not start (its own error stands above). A script that trains with several workers must do "
    'so under `if __name__ == "__main__":`; workers=1 trains in the process itself.'
)


class _There:
    """Watches a unit in a worker process; reports travel through the pipe."""

    def __init__(self, pipe: Connection, asked: Flag, parent: int) -> None:
        self.pipe, self.asked, self.parent = pipe, asked, parent

    def report(self, report: Report) -> None:
        with suppress(OSError):  # nobody listens any more: `stopping` sees to it
            self.pipe.send(report)

    def stopping(self) -> bool:
        # An orphan stops too: it would hold its folder's lock, and nobody would know why.
        return self.asked.is_set() or os.getppid() != self.parent


def _worker(modules: Sequence[str], pipe: Connection, asked: Flag, parent: int) -> None:
    """A worker process: says that it is ready, then takes units until it is told that there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends Ctrl-C to all; the parent decides
    signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    for module in modules:
        importlib.import_module(module)
    watcher = _There(pipe, asked, parent)
    with suppress(EOFError, OSError):  # the parent is gone
        pipe.send("ready")
        while (unit := pipe.recv()) is not None:
            pipe.send(Result(unit, False) if watcher.stopping() else work(unit, watcher))


class _Worker:
    """A worker process, seen from the parent: its end of the pipe, and the number of the unit it has."""

    def __init__(self, modules: Sequence[str], asked: Flag) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.ready = False
        self.job: int | None = None
        self.process: BaseProcess = context.Process(
            target=_worker, args=(modules, theirs, asked, os.getpid()), daemon=True
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


def run_in_processes(
    queue: Queue, modules: Sequence[str], asked: Flag, count: int, update: Callable[[Unit, Report], None]
) -> None:
    """Trains a queue in `count` workers; a worker that dies loses its unit only, and another takes its place."""
    workers = [_Worker(modules, asked) for _ in range(count)]
    while workers:
        for pipe in wait([worker.pipe for worker in workers]):
            worker = next(worker for worker in workers if worker.pipe is pipe)
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                workers.remove(worker)
                _bury(worker)
                if worker.job is not None:
                    failure = None if asked.is_set() else LOST
                    queue.end(worker.job, Result(queue.jobs[worker.job].unit, False, failure))
                if worker.ready and queue.waiting and not asked.is_set():
                    workers.append(_Worker(modules, asked))
                continue
            if isinstance(message, Report) and worker.job is not None:
                update(queue.jobs[worker.job].unit, message)
                continue
            worker.ready = True
            if isinstance(message, Result) and worker.job is not None:
                queue.end(worker.job, message)
            worker.job = None
        for worker in [own for own in workers if own.ready and own.job is None]:
            worker.job = queue.take()
            if worker.job is None and queue.waiting:
                continue  # what is left begins from what another worker has
            worker.ready = worker.job is not None
            with suppress(OSError):  # it died just now: its end of the pipe tells, next time round
                worker.pipe.send(None if worker.job is None else queue.jobs[worker.job].unit)
    queue.leave(None if asked.is_set() else STILLBORN)


def _bury(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.join(timeout=5)
