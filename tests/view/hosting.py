"""What browser tests of the studies' views share: a page that must stay free of errors, and a notebook's model."""

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

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


def built_assets() -> Any:
    """The built front end; without it tests are skipped."""
    from latebloom.errors import RunFailed
    from latebloom.view.assets import built

    try:
        return built(quiet=True)
    except RunFailed as error:
        pytest.skip(f"browser tests need the built views: {error}")


@contextmanager
def quiet_page(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """A page at an address; a script error, a refused resource or a broken policy fails the test."""
    whole = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | context)
    page = whole.new_page()
    page.set_default_timeout(60_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.goto(address)
    yield page
    whole.close()
    assert troubles == []


def until(page: Any, expression: str, argument: Any = None, seconds: float = 60) -> None:
    """Waits for an expression; Playwright's own waiting compiles text, which the content policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never came: {expression}"
        time.sleep(0.05)


def pixels(page: Any, selector: str) -> str:
    """What a canvas shows."""
    return str(page.locator(selector).first.evaluate("canvas => canvas.toDataURL()"))


def hosted(page: Any, view: Any, **state: Any) -> None:
    """Renders the ES module of a widget on a model that answers as the widget does."""
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append((content, buffers))
    packs = {}
    for name in view.document["packs"]:
        view._answer(view, {"need": name}, [])
        content, buffers = sent.pop()
        assert content == {"have": name}
        packs[name] = base64.b64encode(buffers[0]).decode()
    page.evaluate(HOST, {"text": view._esm, "packs": packs, "state": {"document": view.document, **state}})
