"""What browser tests share: pages that must stay free of errors and barriers, and a notebook's model."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from latebloom.runs.run import Run
from tests.view.browsing import AXE, axe_problems, chromium

expect = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: extra `dev`").expect
pytest.importorskip("starlette", reason="the server needs the extra `view`")
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None, reason="browser tests need Chromium (apt-get install chromium, or set $CHROMIUM)"
    ),
]
HOST = """async ({text, packs, state}) => {
    const callbacks = {};
    window.model = {
        get: name => state[name],
        set: (name, value) => {
            if (state[name] === value) return;
            state[name] = value;
            (callbacks['change:' + name] ?? []).forEach(f => f());
        },
        on: (event, f) => (callbacks[event] ??= []).push(f),
        off: () => {},
        save_changes: () => {},
        send: ({need}) => setTimeout(() => callbacks['msg:custom'].forEach(f => f({have: need},
            [new DataView(Uint8Array.from(atob(packs[need]), c => c.charCodeAt(0)).buffer)]))),
    };
    const module = await import(URL.createObjectURL(new Blob([text], {type: 'text/javascript'})));
    const el = window.document.createElement('div');
    window.document.body.append(el);
    await module.default.render({model: window.model, el});
}"""


@contextmanager
def quiet_page(browser: Any, address: str, missing: bool = False, **context: Any) -> Iterator[Any]:
    """A page at an address; a script error, a refused resource or a broken policy fails the test.

    From a folder it must ask nobody on the network either. `missing`: that a resource is refused is what is tested.
    """
    whole = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | context)
    page = whole.new_page()
    page.set_default_timeout(60_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    refusal = "Failed to load resource: the server responded"
    if address.startswith("file:"):
        page.on("request", lambda request: request.url.startswith("http") and troubles.append(request.url))
    page.goto(address)
    yield page
    whole.close()
    assert [told for told in troubles if not (missing and told.startswith(refusal))] == []


@contextmanager
def first_page(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """A quiet page behind the front door of a server."""
    with quiet_page(browser, f"{address}?token=a-token", **context) as page:
        page.wait_for_selector("h1")
        yield page


def go(page: Any, address: str, place: str) -> None:
    """Opens a place of the lab and waits until it is read."""
    page.goto(f"{address}#/{place}")
    until(page, "!document.querySelector('main .lb-wait')")
    page.wait_for_selector("h1")


def run_place(home: Path, experiment: str) -> str:
    """Where the lab shows the only run of an experiment."""
    return f"run/{Run(next(home.glob(f'{experiment}/*'))).hash}"


def screen(width: int) -> dict[str, Any]:
    """A small dark screen or a large light one."""
    return {"viewport": {"width": width, "height": 900}, "color_scheme": "dark" if width == 360 else "light"}


def assert_fits_without_barriers(page: Any, width: int) -> None:
    """Nothing stands out at the side, and axe-core finds nothing serious."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    assert axe_problems(page) == []


def until(page: Any, expression: str, argument: Any = None, seconds: float = 60) -> None:
    """Waits for an expression; Playwright's own waiting compiles text, which the content policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never came: {expression}"
        time.sleep(0.05)


def pixels(page: Any, selector: str) -> str:
    """What a canvas shows."""
    return str(page.locator(selector).first.evaluate("canvas => canvas.toDataURL()"))


def asked(view: Any, name: str) -> tuple[Any, Any]:
    """What a widget sends, content and buffers, when its front end asks for a pack."""
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    view._answer(view, {"need": name}, [])
    return sent.pop()


def hosted(page: Any, view: Any, **state: Any) -> None:
    """Renders the ES module of a widget on a model that answers as the widget does."""
    packs = {}
    for name in view.document["packs"]:
        content, buffers = asked(view, name)
        assert content == {"have": name}
        packs[name] = base64.b64encode(buffers[0]).decode()
    page.evaluate(HOST, {"text": view._esm, "packs": packs, "state": {"document": view.document, **state}})
