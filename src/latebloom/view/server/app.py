"""The routes: built files by name, documents and packs by run id and name. No path of a request reaches the disk."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from threading import Event, Lock
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from latebloom.errors import LatebloomError
from latebloom.runs.run import Run
from latebloom.view.assets import Assets
from latebloom.view.lab import Lab
from latebloom.view.server.live import Live
from latebloom.wording import counted

KINDS = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
KEPT = 64  # packs in memory


class Handlers:
    """What each route answers. Reading is done in a thread, one at a time: DuckDB and matplotlib are not shared."""

    def __init__(self, lab: Lab, assets: Assets, ending: Event | None = None) -> None:
        self.lab, self.assets, self.live = lab, assets, Live(lab, ending=ending)
        self.packs: OrderedDict[tuple[str, tuple[tuple[str, int], ...]], bytes] = OrderedDict()
        self.drawn: dict[str, tuple[tuple[str, ...], list[bytes]]] = {}  # by claim: what they are drawn from, and they
        self.lock = Lock()

    def routes(self) -> list[Route]:
        """Every route there is."""
        return [
            Route("/", self.page),
            Route("/static/{name}", self.static),
            Route("/api/index", self.index),
            Route("/api/live", self.changes),
            Route("/api/runs/{run}", self.run),
            Route("/api/runs/{run}/{pack}", self.pack),
            Route("/api/claims/{claim}", self.claim),
            Route("/api/claims/{claim}/pictures", self.pictures),
            Route("/api/claims/{claim}/pictures/{number:int}", self.picture),
        ]

    async def page(self, request: Request) -> Response:
        """The one page; where one is in it stands behind the # of the address."""
        return Response(self.assets["index.html"], media_type="text/html")

    async def static(self, request: Request) -> Response:
        """A built file, by its name in the list of built files."""
        name = request.path_params["name"]
        if name not in self.assets:
            raise HTTPException(404, "No such file.")
        return Response(self.assets[name], media_type=KINDS.get(Path(name).suffix, "application/octet-stream"))

    async def index(self, request: Request) -> Response:
        """Studies, runs, claims."""
        return await self._json(self.lab.index)

    async def changes(self, request: Request) -> Response:
        """Server-sent events: which runs have moved on."""

        async def events() -> AsyncIterator[str]:
            async for event in self.live.events():
                if await request.is_disconnected():
                    return
                yield event

        return StreamingResponse(events(), media_type="text/event-stream")

    async def run(self, request: Request) -> Response:
        """A run's document."""
        run = await self._find_run(request)
        return await self._json(lambda: self.lab.run(run))

    async def pack(self, request: Request) -> Response:
        """Arrays of a run, by a name from its list."""
        run, name = await self._find_run(request), request.path_params["pack"]
        content = await self._work(lambda: self._pack(run, name))
        return Response(content, media_type="application/octet-stream")

    async def claim(self, request: Request) -> Response:
        """A claim's document."""
        claim = self._find_claim(request)
        return await self._json(lambda: self.lab.claim(claim))

    async def pictures(self, request: Request) -> Response:
        """How many pictures a claim has."""
        claim = self._find_claim(request)
        return await self._json(lambda: {"pictures": len(self._draw(claim))})

    async def picture(self, request: Request) -> Response:
        """One picture of a claim."""
        claim, number = self._find_claim(request), request.path_params["number"]
        drawn = await self._work(lambda: self._draw(claim))
        if number >= len(drawn):
            raise HTTPException(404, f"{claim.id} has no picture {number}; it has {len(drawn)}, from 0.")
        return Response(drawn[number], media_type="image/webp")

    def _pack(self, run: Run, name: str) -> bytes:
        key = name, self.lab.origin(run)
        if key not in self.packs:
            made = self.lab.packs(run)
            if name not in made:
                told = ", ".join(sorted(made)) or "none"
                raise HTTPException(404, f"{run.label} has no pack {name!r}; it has: {told}.")
            self.packs[key] = made[name]()
            if len(self.packs) > KEPT:
                self.packs.popitem(last=False)
        return self.packs[key]

    def _draw(self, claim: Any) -> list[bytes]:
        judged = self.lab.standing_of(claim).entry.judged_at
        key = judged, *(run.hash for run in self.lab.drawn_runs(claim))
        if self.drawn.get(claim.id, ((), []))[0] != key:
            self.drawn[claim.id] = key, self.lab.pictures(claim)
        return self.drawn[claim.id][1]

    async def _find_run(self, request: Request) -> Run:
        runs = await self._work(self.lab.runs)
        key = request.path_params["run"]
        if key not in runs:
            raise HTTPException(404, f"No run {key!r} is here; {counted(len(runs), 'run')} can be shown.")
        return runs[key]

    def _find_claim(self, request: Request) -> Any:
        key = request.path_params["claim"]
        if key not in self.lab.claims:
            first = next(iter(self.lab.claims), "grokking.01")
            raise HTTPException(404, f"No claim is called {key!r}; names are like {first}.")
        return self.lab.claims[key]

    async def _json(self, make: Callable[[], Any]) -> Response:
        return JSONResponse(await self._work(make))

    async def _work(self, make: Callable[[], Any]) -> Any:
        def locked() -> Any:
            with self.lock:
                return make()

        try:
            return await run_in_threadpool(locked)
        except LatebloomError as error:
            raise HTTPException(422, str(error)) from None


def build(lab: Lab, assets: Assets, ending: Event | None = None) -> Starlette:
    """The application without its guard: only `serving` and tests should see it so."""
    return Starlette(routes=Handlers(lab, assets, ending).routes())


__all__ = ["Handlers", "build"]
