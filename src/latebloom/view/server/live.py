"""Which runs have moved on, as server-sent events. One look at the disk serves all who listen."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from latebloom.view.lab import Lab

SECONDS = 1.0  # between looks; training commits every 20 seconds or so
NAP = 0.1  # seconds after which the end of the server is noticed
BEAT = 15.0  # seconds after which silence is broken, so that a lost connection is noticed


class Live:
    """Watches the home until `ending` is set: a server that ends waits for answers that go on."""

    def __init__(self, lab: "Lab", seconds: float = SECONDS, ending: threading.Event | None = None) -> None:
        self.lab, self.seconds = lab, seconds
        self.ending = ending or threading.Event()
        self.looked = -float("inf")
        self.seen: dict[str, int] = {}

    async def events(self) -> AsyncIterator[str]:
        """First which runs there are, then those that changed: `{"runs": {id: stamp}}`."""
        told: dict[str, int] = {}
        spoken = time.monotonic()
        yield "retry: 2000\n\n"
        while not self.ending.is_set():
            now = await self._look()
            changed = {run: stamp for run, stamp in now.items() if told.get(run) != stamp}
            if changed:
                yield f"event: runs\ndata: {json.dumps({'runs': changed})}\n\n"
                told, spoken = dict(now), time.monotonic()
            elif time.monotonic() - spoken > BEAT:
                yield ": still here\n\n"
                spoken = time.monotonic()
            await self._pause()

    async def _pause(self) -> None:
        until = time.monotonic() + self.seconds
        while not self.ending.is_set() and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, NAP))

    async def _look(self) -> dict[str, int]:
        if time.monotonic() - self.looked >= self.seconds:
            self.looked = time.monotonic()
            self.seen = await run_in_threadpool(self._stamps)
        return self.seen

    def _stamps(self) -> dict[str, int]:
        return {key: self.lab.stamp(run) for key, run in self.lab.runs().items()}
