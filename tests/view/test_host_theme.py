"""Views are light or dark as the notebook is that hosts them, whatever the system is; pictures are drawn anew."""

import pytest

from tests.view.hosting import HOST, IN_A_BROWSER, pixels, until

pytestmark = IN_A_BROWSER
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(19, 19, 24)"
WHERE = "(document.querySelector('#shade')?.shadowRoot ?? document)"
GROUND = f"getComputedStyle({WHERE}.querySelector('.latebloom')).backgroundColor"
DRAWN = """(() => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas?.getContext('2d').getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    return data.some(value => value);
})()"""
# How each host says which theme it has.
SAYS = {
    "JupyterLab": "mode => document.body.dataset.jpThemeLight = String(mode === 'light')",
    "VS Code": "mode => document.body.className = `vscode-${mode}`",
    "marimo": "mode => document.body.className = `${mode} ${mode}-theme`",
}


@pytest.fixture(params=["light", "dark"])
def system(request):
    return request.param


@pytest.fixture
def host(browser, assets, system):
    """A page with the style sheet and without a word on its theme, on a system that is light or dark."""
    pytest.importorskip("anywidget")
    page = browser.new_page(color_scheme=system)
    page.set_content(f"<!doctype html><style>{assets.text('style.css')}</style><title>host</title>")
    yield page
    page.close()


def shown(page, assets):
    text = assets.text("view-constructed.js") + "\nexport default latebloom_view_constructed.default;\n"
    page.evaluate(HOST, {"text": text, "packs": {}, "state": {"p": 12}})
    until(page, DRAWN)


def test_a_host_that_says_nothing_leaves_it_to_the_system(host, assets, system):
    shown(host, assets)
    assert host.evaluate(GROUND) == {"light": LIGHT, "dark": DARK}[system]


@pytest.mark.parametrize("name", SAYS)
def test_the_host_decides_when_it_opens_and_when_it_changes(host, assets, name):
    host.evaluate(SAYS[name], "dark")
    shown(host, assets)
    assert host.evaluate(GROUND) == DARK
    dark = pixels(host, "canvas")
    host.evaluate(SAYS[name], "light")
    until(host, f"{GROUND} === '{LIGHT}'")
    assert host.evaluate("getComputedStyle(document.querySelector('.latebloom')).colorScheme") == "light"
    until(host, "dark => document.querySelector('canvas').toDataURL() !== dark", dark)
    host.evaluate(SAYS[name], "dark")
    until(host, f"{GROUND} === '{DARK}'")
    until(host, "dark => document.querySelector('canvas').toDataURL() === dark", dark)


def test_a_shadow_root_is_dressed_as_well(host, assets):
    """marimo hosts widgets in one: no selector reaches from there to the body."""
    shown(host, assets)
    host.evaluate(
        "() => { const place = document.createElement('div'); place.id = 'shade'; document.body.append(place);"
        "const root = place.attachShadow({mode: 'open'}); root.append(document.querySelector('style').cloneNode(true),"
        "document.querySelector('.latebloom')); }"
    )
    host.evaluate(SAYS["marimo"], "dark")
    until(host, f"{GROUND} === '{DARK}'")
    host.evaluate(SAYS["marimo"], "light")
    until(host, f"{GROUND} === '{LIGHT}'")
