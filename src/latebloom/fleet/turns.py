"""Whose turn it is among things that wait for one another."""

import heapq
from collections.abc import Collection, Sequence


class Turns:
    """Numbers 0, 1, ... in order, each handed out once all it waits for have ended; it waits for earlier ones only."""

    def __init__(self, after: Sequence[Collection[int]]) -> None:
        self.waiting = list(range(len(after)))
        self._left = [set(before) for before in after]

    def take(self) -> int | None:
        """The first that waits for nothing; None if there is none at the moment."""
        for number in self.waiting:
            if not self._left[number]:
                self.waiting.remove(number)
                return number
        return None

    def end(self, number: int) -> None:
        """It has ended."""
        for left in self._left:
            left.discard(number)


def makespan(seconds: Sequence[float], workers: int, after: Sequence[Collection[int]] | None = None) -> float:
    """Seconds until the last has ended, where each free worker takes the first that is ready.

    >>> makespan([3, 1, 1], workers=2)
    3.0
    >>> makespan([3, 1, 1], workers=2, after=[(), (0,), (1,)])
    5.0
    """
    turns, running, now = Turns(after or [()] * len(seconds)), list[tuple[float, int]](), 0.0
    while True:
        while len(running) < workers and (number := turns.take()) is not None:
            heapq.heappush(running, (now + seconds[number], number))
        if not running:
            return now
        now = running[0][0]
        while running and running[0][0] == now:
            turns.end(heapq.heappop(running)[1])


def in_a_row(after: Sequence[Collection[int]]) -> bool:
    """Whether no two can ever run side by side."""
    return makespan([1.0] * len(after), len(after), after) == len(after)
