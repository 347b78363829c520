"""The lab as a person meets it: headless Chromium clicks, scrubs, types and compares; axe-core looks for barriers."""

import os
import re
import time
from pathlib import Path

import pytest

from latebloom.view.lab import Lab
from tests.view.browsing import AXE, axe_problems, chromium, launched, served

expect = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright: extra `dev`").expect
pytest.importorskip("starlette", reason="the server needs the extra `view`")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None, reason="browser tests need Chromium (apt-get install chromium, or set $CHROMIUM)"
    ),
]
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
ROOT = Path(__file__).parents[2]
PAGES = ("", "explorable", "experiments", "runs", "ledger?study=grokking", "claim/grokking.14", "compare")


@pytest.fixture(scope="module")
def assets():
    from latebloom.errors import RunFailed
    from latebloom.view.assets import built

    try:
        return built(quiet=True)
    except RunFailed as error:
        pytest.skip(f"browser tests need the built views: {error}")


@pytest.fixture(scope="module")
def address(lab_home, assets):
    with served(Lab(lab_home, ROOT / "ledger", ("grokking",)), assets) as place:
        yield place


@pytest.fixture(scope="module")
def browser():
    with launched() as one:
        yield one


@pytest.fixture
def page(browser, address):
    """A page behind the front door; a script error, a refused resource or a broken policy fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    one = context.new_page()
    one.set_default_timeout(60_000)
    troubles = []
    one.on("pageerror", lambda error: troubles.append(str(error)))
    one.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    one.goto(f"{address}?token=a-token")
    one.wait_for_selector("h1")
    yield one
    context.close()
    assert troubles == []


def _open(page, address, place):
    page.goto(f"{address}#/{place}")
    _until(page, "!document.querySelector('main .lb-wait')")
    page.wait_for_selector("h1")


def _run(lab_home, experiment):
    from latebloom.runs.run import Run

    return Run(next(lab_home.glob(f"{experiment}/*"))).hash


def _until(page, expression, argument=None, seconds=60):
    """Waits for an expression; Playwright's own waiting compiles text, which the content policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never came: {expression}"
        time.sleep(0.05)


def _step(page):
    return page.locator(".lb-player input").first.evaluate("slider => slider.valueAsNumber")


def _pixels(page, selector):
    return page.locator(selector).first.evaluate("canvas => canvas.toDataURL()")


def test_the_token_leaves_the_address(page, address):
    assert page.url == address


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("place", [*PAGES, "run/grokking.modular_addition", "run/grokking.parity"])
def test_pages_fit_and_have_no_barriers(page, address, lab_home, place, width):
    if place.startswith("run/"):
        place = f"run/{_run(lab_home, place.removeprefix('run/'))}"
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if width == 360 else "light")
    _open(page, address, place)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    assert axe_problems(page) == []


def test_the_keyboard_scrubs_and_pictures_follow(page, address, lab_home):
    _open(page, address, f"run/{_run(lab_home, 'grokking.modular_addition')}?member=0")
    page.wait_for_selector(".lb-heat")
    late = _pixels(page, ".lb-heat")
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    expect(page.locator(".lb-player output")).to_have_text("0")
    _until(page, "late => document.querySelector('.lb-heat').toDataURL() !== late", late)
    early = _pixels(page, ".lb-heat")
    page.keyboard.press("ArrowRight")
    assert _step(page) == 1
    page.keyboard.press("End")
    _until(page, "early => document.querySelector('.lb-heat').toDataURL() !== early", early)
    assert _pixels(page, ".lb-heat") == late
    _until(page, "location.hash.includes('step=40')")


def test_the_pointer_scrubs_without_a_jump_of_the_layout(page, address, lab_home):
    _open(page, address, f"run/{_run(lab_home, 'grokking.modular_addition')}")
    page.wait_for_selector(".lb-heat")
    time.sleep(0.5)
    page.evaluate(
        "() => { window.jumps = 0; new PerformanceObserver(list => { for (const entry of list.getEntries()) "
        "window.jumps += entry.value; }).observe({type: 'layout-shift'}); }"
    )
    box = page.locator(".lb-scrub").first.bounding_box()
    seen = []
    for share in (0.25, 0.5, 0.75):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_timeout(100)
        seen.append(_step(page))
    assert 0 < seen[0] < seen[1] < seen[2] < 40
    assert page.evaluate("window.jumps") < 0.001  # a tenth of this scale is what people notice


def test_a_neuron_is_followed_through_all_pictures(page, address, lab_home):
    _open(page, address, f"run/{_run(lab_home, 'grokking.modular_addition')}")
    page.wait_for_selector(".lb-heat")
    page.locator(".lb-heat").first.hover(position={"x": 40, "y": 40})
    expect(page.locator(".lb-row:not([hidden])")).to_have_count(4)
    expect(page.locator(".lb-told").first).to_contain_text("residue")
    page.locator("h1").hover()
    expect(page.locator(".lb-row:not([hidden])")).to_have_count(0)
    page.locator(".lb-heat").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lb-row:not([hidden])")).to_have_count(4)


def test_another_pair_changes_the_logits(page, address, lab_home):
    _open(page, address, f"run/{_run(lab_home, 'grokking.modular_addition')}")
    told = page.locator(".lb-verdict").first
    expect(told).to_contain_text("10 and 10: right is 9")  # 13 and 19 do not exist modulo 11
    page.get_by_label("a", exact=True).focus()
    page.keyboard.press("Home")
    expect(told).to_contain_text("0 and 10: right is 10")


def test_thresholds_change_what_a_run_is_called(page, address, lab_home):
    _open(page, address, f"run/{_run(lab_home, 'grokking.parity_sweep')}")
    dots = page.locator(".lb-dot")
    expect(dots).to_have_count(3)
    expect(page.locator(".lb-dot[data-ratio='nothing']")).to_have_count(3)
    page.get_by_label("Loss threshold").focus()
    page.keyboard.press("End")  # one nat: everything counts as low
    expect(page.locator(".lb-dot[data-ratio='together']")).to_have_count(3)
    expect(page.locator(".lb-dot[data-time='nothing']")).to_have_count(3)  # the other rule has not moved
    dots.first.focus()
    expect(page.locator(".lb-nine figure")).to_have_count(1)


def test_the_ledger_is_filtered_by_typing(page, address):
    _open(page, address, "ledger")
    count = page.get_by_role("status")
    expect(count).to_have_text(re.compile(r"^(\d+) of \1 claims$"))
    page.get_by_label("words").fill("circle exact")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="grokking.14").click()
    expect(page.locator("h1")).to_contain_text("circle")
    expect(page.get_by_text("latebloom reproduce grokking.14")).to_be_visible()
    picture = page.locator(".lb-pictures img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 300


def test_runs_are_compared_side_by_side(page, address):
    _open(page, address, "runs")
    boxes = page.locator("tbody input")
    expect(boxes).not_to_have_count(0)  # the list comes after the page
    for number in range(2):
        boxes.nth(number).check()
    page.get_by_role("link", name="Compare the chosen").click()
    expect(page.locator("main figure")).not_to_have_count(0)
    expect(page.get_by_role("heading", name="What they differ in")).to_be_visible()
    expect(page.locator(".lb-key li")).to_have_count(2)


def test_a_written_down_solution_breaks_where_it_must(page, address):
    _open(page, address, "explorable")
    page.get_by_role("button", name="Solutions written down").click()
    answered = page.locator(".lb-verdict", has_text="Of all")
    expect(answered).to_contain_text("100 %")
    neurons = page.locator(".lb-chapter", has_text="Solutions written down").get_by_label("Neurons", exact=True)
    neurons.fill("4")
    neurons.press("Enter")
    expect(answered).not_to_contain_text("100 %")


def test_a_network_learns_in_the_page(page, address):
    _open(page, address, "explorable")
    page.get_by_role("button", name="Train one here").click()
    chapter = page.locator(".lb-chapter", has_text="Train one here")
    for label, value in (("Modulus p", "7"), ("Embedding", "16"), ("Steps", "300")):
        box = chapter.get_by_label(label, exact=True)
        box.fill(value)
        box.press("Enter")
    chapter.get_by_role("button", name="Train", exact=True).click()
    expect(chapter.locator(".lb-verdict").first).to_contain_text("Train 100 %")
    expect(chapter.locator(".lb-verdict").first).to_contain_text("Done.")
    assert chapter.locator(".lb-heat").count() == 4


def test_a_run_that_moves_on_is_read_again(page, address, lab_home):
    run = _run(lab_home, "grokking.parity_sweep")
    _open(page, address, f"run/{run}/curves")
    place = next(lab_home.glob("grokking.parity_sweep/*/populations/*/manifest.json"))
    with page.expect_request(re.compile(f"/api/runs/{run}/curves$")):
        later = time.time() + 500
        os.utime(place, (later, later))


def test_the_explorable_follows_a_run_that_trains(page, browser, lab_home, assets, tmp_path):
    """The same run twice: first without its measurements, then with them, as if it had trained on."""
    import json
    import shutil

    home = tmp_path / "home"
    shutil.copytree(lab_home, home)
    manifests = sorted(home.glob("grokking.modular_addition/*/populations/*/manifest.json"))
    whole = {place: place.read_text() for place in manifests}
    for place, text in whole.items():
        place.write_text(json.dumps({**json.loads(text), "parts": [], "snapshots": []}))
    with served(Lab(home, tmp_path / "ledger", ("grokking",)), assets) as other:
        context = browser.new_context()
        second = context.new_page()
        second.goto(f"{other}?token=a-token")
        _open(second, other, f"run/{_run(home, 'grokking.modular_addition')}/grokking")
        expect(second.get_by_text("measured nothing yet")).to_be_visible()
        for place, text in whole.items():
            place.write_text(text)
            later = time.time() + 900
            os.utime(place, (later, later))
        second.wait_for_selector(".lb-heat")
        context.close()


def test_a_site_opens_from_a_folder(browser, lab_home, assets, tmp_path, monkeypatch):
    from latebloom.view.export import export

    every = Lab.claims.func
    monkeypatch.setattr(Lab, "claims", property(lambda lab: {"grokking.14": every(lab)["grokking.14"]}))
    export(lab_home, ROOT / "ledger", tmp_path / "site", ["grokking"], assets=assets)
    context = browser.new_context()
    page = context.new_page()
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
    page.on("request", lambda request: request.url.startswith("http") and troubles.append(request.url))
    page.goto((tmp_path / "site" / "index.html").as_uri() + f"#/run/{_run(lab_home, 'grokking.modular_addition')}")
    page.wait_for_selector(".lb-heat")
    page.goto((tmp_path / "site" / "index.html").as_uri() + "#/claim/grokking.14")
    picture = page.locator(".lb-pictures img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 300
    context.close()
    assert troubles == []


def test_a_notebook_hosts_the_same_file(browser, lab_home, assets, monkeypatch):
    """The ES module that anywidget gets, on a model that answers as our widget does."""
    pytest.importorskip("anywidget")
    import base64

    from latebloom.view import notebook

    monkeypatch.setattr(notebook, "_assets", lambda: assets)
    view = notebook.GrokkingView(next(lab_home.glob("grokking.modular_addition/*")), member=1, step=20)
    sent = []
    monkeypatch.setattr(view, "send", lambda content, buffers=None: sent.append((content, buffers)))
    packs = {}
    for name in view.document["packs"]:
        view._answer(view, {"need": name}, [])
        content, buffers = sent.pop()
        assert content == {"have": name}
        packs[name] = base64.b64encode(buffers[0]).decode()
    view._answer(view, {"need": "../run.json"}, [])
    assert sent.pop()[0]["miss"] == "../run.json"

    page = browser.new_page()
    page.evaluate(
        """async ({text, packs, document: told}) => {
            const state = {document: told, step: 20, member: 1};
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
        }""",
        {"text": view._esm, "packs": packs, "document": view.document},
    )
    page.wait_for_selector(".lb-heat")
    assert page.evaluate("[model.get('step'), model.get('member')]") == [20, 1]
    page.evaluate("model.set('step', 8)")  # as Python does
    expect(page.locator(".lb-player output")).to_have_text("8")
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    _until(page, "model.get('step') === 0")  # as Python reads
    page.close()
