"""What a notebook's host may demand of a widget: one module that stands alone, and a page that allows next to nothing.

JupyterLab, marimo and VS Code load `_esm` from a blob and put `_css` into a style element; what else is allowed, nobody
promises.
"""

import re

import pytest

from tests.view.hosting import HOST, IN_A_BROWSER, expect

VIEWS = (
    "constructed",
    "curves",
    "future_tokens",
    "grokking",
    "mesa_optimization",
    "model_selection",
    "structural_grokking",
    "train",
)
# Inline script is the test's own; blobs are how hosts load modules. Nothing else: no network, no eval, no pictures.
STRICT = "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'"


@pytest.fixture
def module(assets, monkeypatch):
    pytest.importorskip("anywidget")
    from latebloom.view import notebook

    monkeypatch.setattr(notebook, "_assets", lambda: assets)
    return notebook.module_text


def lonely(text):
    """Whether a module imports nothing, loads nothing by itself and exports once.

    >>> lonely("var a = 1;\\nexport default a;"), lonely('import x from "https://cdn/x.js";\\nexport default x;')
    (True, False)
    """
    loads = re.search(
        r"\bimport\s*[({\"'*\w]|\brequire\(|\bfetch\(|XMLHttpRequest|importScripts|https?://(?!www\.w3\.org)", text
    )
    return not loads and text.count("export default") == 1


@pytest.mark.parametrize("name", VIEWS)
def test_a_module_stands_alone(module, assets, name):
    assert lonely(module(name))
    assert not lonely('import "./other.js";\n' + module(name))
    assert not re.search(r"@import|url\(", assets.text("style.css"))


@pytest.fixture
def strict_page(browser):
    """A page of a host with a strict policy; what was refused or broke is in `troubles`."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.troubles.append(message.text))
    page.on("request", lambda request: request.url.startswith("http") and page.troubles.append(request.url))
    html = f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{STRICT}"><title>host</title>'
    page.set_content(html)
    yield page
    page.close()


class TestUnderAStrictPolicy:
    pytestmark = IN_A_BROWSER

    def test_a_network_is_trained(self, strict_page, module):
        strict_page.evaluate(HOST, {"text": module("train"), "packs": {}, "state": {"settings": {"p": 5}, "steps": 20}})
        strict_page.get_by_role("button", name="Train", exact=True).click()
        expect(strict_page.locator(".lb-verdict").first).to_contain_text("Done.")
        assert strict_page.troubles == []

    def test_a_host_without_workers_is_told_of(self, strict_page, module):
        strict_page.set_content(strict_page.content().replace(STRICT, f"{STRICT}; worker-src 'none'"))
        strict_page.evaluate(HOST, {"text": module("train"), "packs": {}, "state": {}})
        strict_page.get_by_role("button", name="Train", exact=True).click()
        expect(strict_page.locator(".lb-verdict").first).to_contain_text("the page it stands in allows no workers")
