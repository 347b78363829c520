"""Default deny: every request is refused until it shows that it comes from the page this server gave to its owner.

What is checked, in this order: method, the raw path (plain characters only, so that no encoding can hide a path), Host
(against DNS rebinding), Origin and Sec-Fetch-Site (against other sites), and a random token, sent once in the printed
address and then kept in a cookie that scripts cannot read.
"""

import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PLAIN_PATH = re.compile(rb"/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*)?")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Guard:
    """An ASGI layer around the whole application."""

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str], cookie: str = "latebloom") -> None:
        self.app, self.token, self.hosts, self.cookie = app, token, hosts, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or lets the request through; every answer carries the protecting headers."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = self.answer(scope) or self.app
        await answer(scope, receive, _with_headers(send))

    def answer(self, scope: Scope) -> Response | None:
        """What to say instead of the page; None lets the request through."""
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("This server only shows: GET and HEAD.", 405)
        if not PLAIN_PATH.fullmatch(scope.get("raw_path") or scope["path"].encode()):
            return PlainTextResponse("No such page.", 404)
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return PlainTextResponse("This address is not mine. Use the one that `latebloom serve` printed.", 403)
        if not self._same_site(headers):
            return PlainTextResponse("Another site may not ask for this.", 403)
        if scope["path"] == "/" and (given := parse_qs(scope["query_string"].decode("latin-1")).get("token")):
            return self._enter(given[0])
        if not self._known(headers):
            return PlainTextResponse("Open the address that `latebloom serve` printed: it holds the key.", 401)
        return None

    def _same_site(self, headers: list[tuple[bytes, str]]) -> bool:
        """Whether no header tells of another site; clients that send neither header are no browsers with a cookie."""
        origins = [value for name, value in headers if name == b"origin"]
        places = [value for name, value in headers if name == b"sec-fetch-site"]
        own = {f"http://{host}" for host in self.hosts}
        return all(origin in own for origin in origins) and all(p in ("same-origin", "none") for p in places)

    def _enter(self, given: str) -> Response:
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return PlainTextResponse("This key is not mine. Use the address that `latebloom serve` printed.", 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer

    def _known(self, headers: list[tuple[bytes, str]]) -> bool:
        for name, value in headers:
            if name == b"authorization" and secrets.compare_digest(value.encode(), f"Bearer {self.token}".encode()):
                return True
            if name == b"cookie":
                try:
                    found = SimpleCookie(value).get(self.cookie)
                except CookieError:
                    continue
                if found and secrets.compare_digest(found.value.encode(), self.token.encode()):
                    return True
        return False


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = {name.lower() for name, _ in message["headers"]}
            extra = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items() if n.lower().encode() not in told]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return guarded
