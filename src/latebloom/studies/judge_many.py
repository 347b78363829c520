"""Judging many claims: one after another in this process, or side by side in worker processes.

Verdicts enter the ledger as they come, so that whoever stops half-way keeps those that were there.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latebloom import studies
from latebloom.claims import Claim, Entry, Evidence, Ledger, get, judge
from latebloom.errors import RunFailed, StoreError
from latebloom.fleet.identity import existing_run
from latebloom.fleet.interrupt import Flag
from latebloom.fleet.local import cores
from latebloom.fleet.processes import run_in_processes
from latebloom.runs.run import Run
from latebloom.training.loop import Report, Watcher

Told = Callable[[Claim, int, int], None]  # who is told of a claim before it is judged: its number, and of how many


@dataclass(frozen=True)
class Case:
    """A claim whose runs are all finished, as it is sent to a worker."""

    claim: str
    scale: str
    runs: tuple[Path, ...]


def judge_finished(
    claims: Sequence[Claim],
    scale: str,
    root: Path | str,
    ledger: Path | str,
    told: Told | None = None,
    workers: int | None = None,
) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Judges each claim whose runs are all finished, and merges the ledger as verdicts come.

    Returns the entries in the order of the claims, and what went wrong while judging. One worker process a core by
    default; a single claim is judged in this process, and so are those that were written at a prompt, where no other
    process can import them.
    """
    studies.load()
    cases, mistakes = _cases(claims, scale, Path(root))
    docket = _Docket(cases, ledger, told)
    count = min(workers or cores(), len(cases))
    if count <= 1 or _only_here(claims):
        while (number := docket.take()) is not None:
            docket.end(number, _judge(cases[number]))
    else:
        modules = sorted({claim.judge.__module__ for claim in claims if claim.judge} - {"__main__", "__mp_main__"})
        run_in_processes(docket, _judge_there, modules, Flag(), count)
    entries = tuple(docket.entries[number] for number in sorted(docket.entries))
    return entries, tuple(dict.fromkeys([*mistakes, *docket.mistakes]))


def _cases(claims: Sequence[Claim], scale: str, root: Path) -> tuple[list[Case], list[str]]:
    cases, mistakes = list[Case](), list[str]()
    for claim in claims:
        if not claim.judgeable(scale):
            continue
        try:
            runs = [existing_run(need.experiment, need.scale, need.overrides, root) for need in claim.requests(scale)]
        except StoreError as error:
            mistakes.append(str(error))
            continue
        finished = tuple(run.path for run in runs if run is not None and run.finished)
        if len(finished) == len(runs):
            cases.append(Case(claim.id, scale, finished))
    return cases, mistakes


def _judge(case: Case) -> Entry | str:
    """The entry of a claim, or what went wrong while it was judged."""
    try:
        return judge(get(case.claim), Evidence(case.scale, tuple(Run(path) for path in case.runs)))
    except (RunFailed, StoreError) as error:
        return str(error)


def _judge_there(case: Case, watcher: Watcher) -> Entry | str:
    """The same in a worker process, which ends at once when it is told to: of a claim half judged nothing is kept."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    studies.load()
    return _unjudged(case, None) if watcher.stopping() else _judge(case)


def _unjudged(case: Case, failure: str | None) -> str:
    return f"Judging claim {case.claim}: {failure or 'it was stopped; run the same command again.'}"


class _Docket:
    """Hands out cases in order, and keeps what they came to."""

    def __init__(self, cases: Sequence[Case], ledger: Path | str, told: Told | None) -> None:
        self.cases, self.entries, self.mistakes = cases, dict[int, Entry](), list[str]()
        self._left = list(range(len(cases)))
        self._ledger, self._told = ledger, told

    @property
    def waiting(self) -> bool:
        """Whether cases are left that nobody has taken."""
        return bool(self._left)

    def take(self) -> int | None:
        """The number of the next case; None if there is none."""
        if not self._left:
            return None
        number = self._left.pop(0)
        if self._told is not None:
            self._told(get(self.cases[number].claim), number + 1, len(self.cases))
        return number

    def piece(self, number: int) -> Case:
        """The case of a number."""
        return self.cases[number]

    def report(self, number: int, report: Report) -> None:
        """Judges tell nothing while they are at it."""

    def end(self, number: int, result: Entry | str) -> None:
        """A verdict, or what went wrong."""
        if isinstance(result, str):
            self.mistakes.append(result)
        else:
            self.entries[number] = result
            Ledger.add(self._ledger, [result])

    def lose(self, number: int, failure: str | None) -> None:
        """Its worker died."""
        self.mistakes.append(_unjudged(self.cases[number], failure))

    def leave(self, failure: str | None) -> None:
        """No worker could start."""
        self.mistakes += [_unjudged(self.cases[number], failure) for number in self._left]
        self._left.clear()


def _only_here(claims: Sequence[Claim]) -> bool:
    written_here = any(claim.judge is not None and claim.judge.__module__ == "__main__" for claim in claims)
    return written_here and not hasattr(sys.modules["__main__"], "__file__")
