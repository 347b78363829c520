"""Nobody but the owner's own page gets anything: every route, every header, every spelling of a path."""

import re
import socket
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the server needs the extra `view`")

from latebloom.view.server.app import Handlers, build
from latebloom.view.server.guard import Guard
from latebloom.view.server.serving import addresses, guarded
from tests.view.asgi import ask

TOKEN = "the-right-token"
HOST = ("host", "127.0.0.1:8080")
COOKIE = ("cookie", f"latebloom-8080={TOKEN}")


@pytest.fixture
def app(lab: Any, small_assets: Any) -> Any:
    return guarded(lab, small_assets, TOKEN, "127.0.0.1", 8080)


def _routes(lab: Any, assets: Any) -> list[str]:
    """An address for every route, with things that exist in the places of its parameters."""
    run = next(iter(lab.runs()))
    filled = {"name": "app.js", "run": run, "pack": "curves", "claim": "grokking.14", "number:int": "0"}
    return [re.sub(r"{([^}]+)}", lambda m: filled[m[1]], route.path) for route in Handlers(lab, assets).routes()]


def test_every_route_refuses_without_a_token(lab, small_assets, app):
    routes = _routes(lab, small_assets)
    assert len(routes) == 9
    for route in routes:
        answer = ask(app, route, [HOST])
        assert answer.status == 401, route
        assert "latebloom serve" in answer.text
        for wrong in ("latebloom-8080=wrong", f"latebloom-9999={TOKEN}", f"latebloom-8080={TOKEN}x", "latebloom-8080="):
            assert ask(app, route, [HOST, ("cookie", wrong)]).status == 401, (route, wrong)


def test_the_walk_would_notice_an_open_route(lab, small_assets):
    unguarded = build(lab, small_assets)
    assert ask(unguarded, "/", [HOST]).status == 200


def test_the_owner_gets_every_route(lab, small_assets, app):
    for route in _routes(lab, small_assets):
        if route == "/api/live" or "/pictures/" in route:
            continue  # the one never ends; the other claim was not judged in this ledger
        assert ask(app, route, [HOST, COOKIE]).status == 200, route
        assert ask(app, route, [HOST, ("authorization", f"Bearer {TOKEN}")]).status == 200, route


def test_the_printed_address_gives_a_cookie_that_scripts_and_other_sites_cannot_use(app):
    answer = ask(app, f"/?token={TOKEN}", [HOST])
    assert answer.status == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert ask(app, "/?token=wrong", [HOST]).status == 401
    assert ask(app, f"/api/index?token={TOKEN}", [HOST]).status == 401  # the key opens the front door only


@pytest.mark.parametrize("host", ["evil.example:8080", "127.0.0.1", "127.0.0.1:81", "127.0.0.1.evil.example:8080", ""])
def test_another_host_name_is_refused(app, host):
    assert ask(app, "/api/index", [("host", host), COOKIE]).status == 403


def test_the_port_that_browsers_do_not_name_may_be_left_out_and_no_other(lab, small_assets, app):
    cookie, bare = ("cookie", f"latebloom-80={TOKEN}"), ("host", "127.0.0.1")
    short = guarded(lab, small_assets, TOKEN, "127.0.0.1", 80)
    assert ask(short, "/", [bare, cookie]).status == 200
    assert ask(short, "/", [bare, cookie, ("origin", "http://127.0.0.1")]).status == 200
    assert ask(short, "/", [("host", "evil.example"), cookie]).status == 403
    assert ask(short, "/", [bare, cookie, ("origin", "http://evil.example")]).status == 403
    assert ask(app, "/", [bare, COOKIE]).status == 403


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_on_all_interfaces_this_machine_is_known_by_its_own_names_and_no_other(lab, small_assets, everywhere):
    app = guarded(lab, small_assets, TOKEN, everywhere, 8080)
    for name in ("127.0.0.1", "localhost", "[::1]", socket.gethostname().lower()):
        assert ask(app, "/", [("host", f"{name}:8080"), COOKIE]).status == 200, name
        assert ask(app, "/", [("host", f"{name}:8080")]).status == 401, name
    for name in ("evil.example", f"{socket.gethostname().lower()}.evil.example"):
        assert ask(app, "/", [("host", f"{name}:8080"), COOKIE]).status == 403, name
    assert addresses("192.168.7.7") == ["192.168.7.7"]


def test_no_host_or_two_hosts_are_refused(app):
    assert ask(app, "/", [COOKIE]).status == 403
    assert ask(app, "/", [HOST, ("host", "evil.example"), COOKIE]).status == 403
    assert ask(app, "/", [("host", "localhost:8080"), COOKIE]).status == 200


@pytest.mark.parametrize(
    "header",
    [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "https://127.0.0.1:8080"),
        ("origin", "http://127.0.0.1:8081"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_another_site_is_refused(app, header):
    assert ask(app, "/api/index", [HOST, COOKIE, header]).status == 403


def test_the_own_site_is_not_refused(app):
    own = [HOST, COOKIE, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]
    assert ask(app, "/api/index", own).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../etc/passwd",
        "/static/..",
        "/static/%2e%2e/pack.py",
        "/static/..%2f..%2fpack.py",
        "/static/%252e%252e%252fpack.py",
        "/static/..\\pack.py",
        "/static/..%5cpack.py",
        "/static/app.js%00.css",
        "/static//etc/passwd",
        "//etc/passwd",
        "/static/./app.js",
        "/static/.hidden",
        "/static/ａpp.js",
        "/api/runs/../index",
        "/api/runs/..%2f..%2fledger",
        "/api/runs/*/curves",
        "http://127.0.0.1:8080/static/app.js",
        "",
    ],
)
def test_tricks_with_paths_find_nothing(app, path):
    assert ask(app, path, [HOST, COOKIE]).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/static/passwd",
        "/static/sources.sha256",
        "/api/runs/0123456789abcdef",
        "/api/runs/run.json",
        "/api/claims/grokking.9999",
        "/nothing",
        "/api",
    ],
)
def test_only_listed_names_are_served(app, path):
    assert ask(app, path, [HOST, COOKIE]).status == 404


def test_only_listed_packs_are_served(lab, app):
    run = next(iter(lab.runs()))
    for name in ("run.json", "population.json", "manifest.json", "tables-99", "nothing"):
        assert ask(app, f"/api/runs/{run}/{name}", [HOST, COOKIE]).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_nothing_can_be_changed(app, method):
    assert ask(app, "/api/index", [HOST, COOKIE], method=method).status == 405


def test_a_web_socket_is_closed(app):
    assert ask(app, "/", [HOST, COOKIE], kind="websocket").status == 1008


def test_every_answer_carries_the_protecting_headers(app):
    for path, headers in (("/", [HOST, COOKIE]), ("/", [HOST]), ("/static/..", [HOST]), ("/api/index", [HOST, COOKIE])):
        told = ask(app, path, headers).headers
        policy = told["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert told["x-content-type-options"] == "nosniff"
        assert told["referrer-policy"] == "no-referrer"
        assert told["cache-control"] == "no-store"


def test_the_guard_lets_the_lifespan_through():
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    import asyncio

    asyncio.run(Guard(app, TOKEN, frozenset())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
