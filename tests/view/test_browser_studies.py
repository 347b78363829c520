"""The views of two studies as a person meets them: in Chromium, on runs made here; scrubbed, pointed at, slid."""

import re

import pytest

import latebloom
from latebloom.view.lab import Lab
from tests.view.browsing import served
from tests.view.hosting import (
    IN_A_BROWSER,
    asked,
    assert_fits_without_barriers,
    expect,
    first_page,
    go,
    pixels,
    quiet_page,
    run_place,
    screen,
    until,
)

pytestmark = IN_A_BROWSER
MADE = {
    "future_tokens.text": ("seed=0:2", "snapshots.every=4"),
    "future_tokens.sine": ("seed=0:2",),
    "future_tokens.multiplication": ("seed=0:2",),
    "mesa_optimization.deep": ("seed=0", "snapshots.every=5"),
    "mesa_optimization.hybrid": ("seed=0",),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("studies")
    for name, settings in MADE.items():
        latebloom.run(name, *settings, scale="smoke", home=place, workers=1)
    return place


@pytest.fixture(scope="module")
def address(home, assets):
    with served(Lab(home, home / "no ledger"), assets) as place:
        yield place


@pytest.fixture
def page(browser, address):
    with first_page(browser, address) as one:
        yield one


def _show(page, address, home, experiment, query=""):
    go(page, address, f"{run_place(home, experiment)}/{experiment.split('.')[0]}{query}")
    page.wait_for_selector(".lb-section")


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("experiment", MADE)
def test_views_fit_and_have_no_barriers(browser, address, home, experiment, width):
    with first_page(browser, address, **screen(width)) as page:
        _show(page, address, home, experiment)
        page.wait_for_timeout(300)
        assert_fits_without_barriers(page, width)


def test_a_text_is_scrubbed_and_read_symbol_by_symbol(page, address, home):
    _show(page, address, home, "future_tokens.text")
    options = page.locator(".lb-text [role=option]")
    expect(options).to_have_count(10 * 16)
    summary = page.locator(".lb-verdict", has_text="mean surprisal")
    expect(summary).to_contain_text("Step 12,")
    late = summary.text_content()
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    expect(summary).to_contain_text("Step 0,")
    expect(summary).to_contain_text("gain +0.000")  # both begin with the same weights
    colours = "spans => new Set(spans.map(span => span.style.backgroundColor)).size"
    assert options.evaluate_all(colours) == 1  # nobody gains anything yet
    page.keyboard.press("End")
    expect(summary).to_have_text(late)
    options.nth(33).hover()
    panel = page.locator(".lb-said")
    expect(options.nth(33)).to_have_attribute("aria-selected", "true")
    expect(panel.locator(".lb-nats")).to_have_text([re.compile(r"\d\.\d\d nats")] * 2)
    expect(panel.locator("li")).to_have_count(8)
    page.locator(".lb-text").focus()
    page.keyboard.press("ArrowRight")
    expect(options.nth(34)).to_have_attribute("aria-selected", "true")
    assert re.search(r"vanilla \d\.\d\d nats, myopic", options.nth(34).get_attribute("aria-label"))
    page.get_by_label("Vanilla compared with").select_option(label="no past")
    expect(summary).to_contain_text("no past")


def test_the_last_choice_of_sequences_is_shown_whatever_answer_comes_last(page, address, home):
    held = []
    page.route("**/sample-1", lambda route: held.append(route))
    _show(page, address, home, "future_tokens.text")
    box = page.get_by_label("Sequences and networks of")
    expect(box).to_have_value("sample-0")
    box.select_option("sample-1")
    page.wait_for_timeout(200)
    box.select_option("sample-0")
    page.wait_for_timeout(200)
    assert held
    for route in held:
        route.continue_()
    page.wait_for_timeout(1500)
    expect(box).to_have_value("sample-0")


def test_sequences_that_cannot_be_read_are_said_while_they_are_wanted(browser, address, home):
    held = []
    with first_page(browser, address, missing=True) as page:
        page.route("**/sample-1", lambda route: held.append(route))
        _show(page, address, home, "future_tokens.text")
        box = page.get_by_label("Sequences and networks of")
        refused = page.locator(".lb-error:visible")
        for wanted in ("sample-0", "sample-1"):  # which stands in the box when the refusal comes
            box.select_option("sample-1")
            while not held:
                page.wait_for_timeout(50)
            box.select_option(wanted)
            page.wait_for_timeout(200)
            held.pop().fulfill(status=422, body="half a file")
            page.wait_for_timeout(300)
            expect(refused).to_have_count(int(wanted == "sample-1"))
        expect(refused).to_contain_text("half a file")
        box.select_option("sample-0")
        expect(refused).to_have_count(0)


def test_a_network_that_cannot_be_read_leaves_no_pictures_of_another(browser, address, home):
    with first_page(browser, address, missing=True) as page:
        _show(page, address, home, "mesa_optimization.deep")
        members = page.get_by_label("Network", exact=True)
        now = members.input_value()
        other = next(v for v in members.evaluate("el => [...el.options].map(o => o.value)") if v != now)
        expect(page.locator(".lb-map").first).to_be_visible()
        page.route(f"**/weights-{other}", lambda route: route.fulfill(status=422, body="half a file"))
        members.select_option(other)
        expect(page.get_by_role("alert").locator("visible=true")).to_contain_text("half a file")
        expect(page.locator(".lb-map")).to_have_count(0)
        members.select_option(now)
        expect(page.locator(".lb-map").first).to_be_visible()


def test_places_and_probes_follow_the_step(page, address, home):
    _show(page, address, home, "future_tokens.sine")
    cells = ".lb-cells-plot canvas"
    expect(page.locator(cells)).to_have_count(2)
    page.locator(cells).first.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    late = pixels(page, cells)
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    expect(page.locator(".lb-note", has_text="measured at step 0")).to_be_visible()
    page.locator(cells).first.scroll_into_view_if_needed()
    until(page, "late => document.querySelector('.lb-cells-plot canvas').toDataURL() !== late", late)
    page.locator(cells).first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lb-told", has_text="after block 1, lag i 0: R²")).to_be_visible()
    said = page.locator(".lb-cells-plot").first.get_by_role("status")
    expect(said).to_contain_text("after block 1, lag i 0: R²")
    gap = page.locator("figure", has_text="Gap: loss minus")
    gap.locator("canvas").focus()
    expect(said).to_have_text("")
    page.keyboard.press("ArrowRight")
    expect(gap.locator(".lb-faint")).to_have_text("place 0")
    expect(gap.get_by_role("status")).to_have_text(re.compile(r"^place 0: .+\.$"))


def test_the_slider_goes_from_network_to_algorithm(page, address, home):
    _show(page, address, home, "mesa_optimization.deep")
    told = page.locator(".lb-verdict", has_text="of the way")
    expect(told).to_contain_text("0 % of the way")
    network = re.search(r"loss ([\d.]+)\. Network \(step 20\) \1, compressed ([\d.]+)", told.text_content())
    page.get_by_label("From the network to its compressed form").focus()
    page.keyboard.press("End")
    expect(told).to_contain_text(f"100 % of the way: loss {network[2]}")  # the end is the compressed form itself
    until(page, "location.hash.includes('step=20')")
    page.get_by_role("button", name="before training").click()
    expect(told).to_contain_text("(step 0)")
    expect(page.locator(".lb-map")).to_have_count(8)
    page.locator(".lb-map canvas").first.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    before = pixels(page, ".lb-map canvas")
    page.get_by_role("button", name="after training").click()
    until(page, "before => document.querySelector('.lb-map canvas').toDataURL() !== before", before)
    page.get_by_label("Network", exact=True).select_option(index=0)
    expect(page.get_by_label("Layer", exact=True)).to_have_count(0)  # one layer: nothing to choose


def test_plain_networks_show_what_they_bind(page, address, home):
    _show(page, address, home, "mesa_optimization.hybrid")
    expect(page.get_by_role("heading", name="What the first layer binds")).to_be_visible()
    expect(page.locator(".lb-map")).to_have_count(0)


def test_both_open_from_a_folder(browser, home, assets, tmp_path, monkeypatch):
    from latebloom.view.export import export

    monkeypatch.setattr(Lab, "claims", {})
    export(home, home / "no ledger", tmp_path / "site", assets=assets)
    start = (tmp_path / "site" / "index.html").as_uri()
    with quiet_page(browser, start) as page:
        for name, sign in (("future_tokens.text", ".lb-text [role=option]"), ("mesa_optimization.deep", ".lb-map")):
            page.goto(f"{start}#/{run_place(home, name)}")
            page.wait_for_selector(sign)


def test_a_notebook_hosts_them(home):
    pytest.importorskip("anywidget")
    from latebloom.view import FutureTokensView, MesaView
    from latebloom.view.pack import unpack

    mesa = MesaView(next(home.glob("mesa_optimization.deep/*")), share=0.5)
    text = FutureTokensView(next(home.glob("future_tokens.text/*")), step=4)
    assert (mesa.share, text.step) == (0.5, 4)
    for view, name in ((mesa, "weights-0"), (text, "sample-0")):
        content, buffers = asked(view, name)
        assert content == {"have": name} and unpack(buffers[0])[1]
        assert view._esm.endswith(".default;\n")
