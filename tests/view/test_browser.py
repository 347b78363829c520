"""The lab as a person meets it: headless Chromium clicks, scrubs, types and compares; axe-core looks for barriers."""

import os
import re
import time
from pathlib import Path

import pytest

from latebloom.view.lab import Lab
from tests.view.browsing import served
from tests.view.hosting import (
    IN_A_BROWSER,
    asked,
    assert_fits_without_barriers,
    expect,
    first_page,
    go,
    hosted,
    pixels,
    quiet_page,
    run_place,
    screen,
    until,
)

pytestmark = IN_A_BROWSER
ROOT = Path(__file__).parents[2]
PAGES = ("", "explorable", "experiments", "runs", "ledger?study=grokking", "claim/grokking.14", "compare")


@pytest.fixture(scope="module")
def address(lab_home, assets):
    with served(Lab(lab_home, ROOT / "ledger", ("grokking",)), assets) as place:
        yield place


@pytest.fixture
def page(browser, address):
    with first_page(browser, address) as one:
        yield one


def _step(page):
    return page.locator(".lb-player input").first.evaluate("slider => slider.valueAsNumber")


def test_the_token_leaves_the_address(page, address):
    assert page.url == address


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("place", [*PAGES, "grokking.modular_addition", "grokking.parity"])
def test_pages_fit_and_have_no_barriers(browser, address, lab_home, place, width):
    with first_page(browser, address, **screen(width)) as page:
        go(page, address, run_place(lab_home, place) if place.startswith("grokking.") else place)
        assert_fits_without_barriers(page, width)


def test_the_keyboard_scrubs_and_pictures_follow(page, address, lab_home):
    go(page, address, run_place(lab_home, "grokking.modular_addition") + "?member=0")
    page.wait_for_selector(".lb-heat")
    late = pixels(page, ".lb-heat")
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    expect(page.locator(".lb-player output")).to_have_text("0")
    until(page, "late => document.querySelector('.lb-heat').toDataURL() !== late", late)
    early = pixels(page, ".lb-heat")
    page.keyboard.press("ArrowRight")
    assert _step(page) == 1
    page.keyboard.press("End")
    until(page, "early => document.querySelector('.lb-heat').toDataURL() !== early", early)
    assert pixels(page, ".lb-heat") == late
    until(page, "location.hash.includes('step=40')")


def test_what_is_printed_is_drawn_whole(page, address, lab_home):
    """Pictures below the fold wait until they come into sight, or until the page is printed."""
    go(page, address, run_place(lab_home, "grokking.modular_addition"))
    empty = """() => [...document.querySelectorAll("figure canvas")].filter(canvas => canvas.width && !canvas
        .getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)).length"""
    until(page, "document.querySelectorAll('figure canvas').length > 8")
    page.wait_for_timeout(500)
    assert page.evaluate(empty) > 2
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(empty) == 0


def test_the_address_keeps_the_place_while_pictures_still_come(page, address, lab_home):
    held = []
    page.route("**/gallery", lambda route: held.append(route))  # the last that the view asks for
    page.goto(f"{address}#/{run_place(lab_home, 'grokking.modular_addition')}?member=0")
    page.wait_for_selector(".lb-heat")
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    until(page, "location.hash.includes('step=0')")
    assert held and page.locator(".lb-card").count() == 0
    for route in held:
        route.continue_()
    page.wait_for_selector(".lb-card")


def test_a_page_that_fails_late_does_not_replace_the_next(page, address, lab_home):
    held = []
    page.route("**/runs/**", lambda route: held.append(route))
    page.goto(f"{address}#/{run_place(lab_home, 'grokking.modular_addition')}")
    until(
        page, "document.querySelector('main .lb-wait') !== null || document.querySelector('main').children.length > 0"
    )
    page.wait_for_timeout(300)
    assert held
    go(page, address, "ledger?study=grokking")
    title = page.title()
    for route in held:
        route.fulfill(status=200, content_type="application/json", body="{")  # cut off
    page.wait_for_timeout(500)
    assert page.locator("h1").inner_text() == "The ledger"
    assert page.title() == title and title.startswith("The ledger")
    page.unroute("**/runs/**")


def test_an_address_that_cannot_be_read_is_said(page, address):
    page.goto(f"{address}#/claim/%E0%A4%A")
    expect(page.locator("h1")).to_have_text("This cannot be shown")


def test_the_pointer_scrubs_without_a_jump_of_the_layout(page, address, lab_home):
    go(page, address, run_place(lab_home, "grokking.modular_addition"))
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
    go(page, address, run_place(lab_home, "grokking.modular_addition"))
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
    go(page, address, run_place(lab_home, "grokking.modular_addition"))
    told = page.locator(".lb-verdict").first
    expect(told).to_contain_text("10 and 10: right is 9")  # 13 and 19 do not exist modulo 11
    page.get_by_label("a", exact=True).focus()
    page.keyboard.press("Home")
    expect(told).to_contain_text("0 and 10: right is 10")


def test_thresholds_change_what_a_run_is_called(page, address, lab_home):
    go(page, address, run_place(lab_home, "grokking.parity_sweep"))
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
    go(page, address, "ledger")
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
    go(page, address, "runs")
    boxes = page.locator("tbody input")
    expect(boxes).not_to_have_count(0)  # the list comes after the page
    for number in range(2):
        boxes.nth(number).check()
    page.get_by_role("link", name="Compare the chosen").click()
    expect(page.locator("main figure")).not_to_have_count(0)
    expect(page.get_by_role("heading", name="What they differ in")).to_be_visible()
    expect(page.locator(".lb-key li")).to_have_count(2)


def test_a_written_down_solution_breaks_where_it_must(page, address):
    go(page, address, "explorable")
    page.get_by_role("button", name="Solutions written down").click()
    answered = page.locator(".lb-verdict", has_text="Of all")
    expect(answered).to_contain_text("100 %")
    neurons = page.locator(".lb-chapter", has_text="Solutions written down").get_by_label("Neurons", exact=True)
    neurons.fill("4")
    neurons.press("Enter")
    expect(answered).not_to_contain_text("100 %")


def test_a_network_learns_in_the_page(page, address):
    go(page, address, "explorable")
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
    run = run_place(lab_home, "grokking.parity_sweep")
    go(page, address, f"{run}/curves")
    place = next(lab_home.glob("grokking.parity_sweep/*/populations/*/manifest.json"))
    with page.expect_request(re.compile(f"/api/runs/{run.removeprefix('run/')}/curves$")):
        later = time.time() + 500
        os.utime(place, (later, later))


def test_the_explorable_follows_a_run_that_trains(browser, lab_home, assets, tmp_path):
    """The same run twice: first without its measurements, then with them, as if it had trained on."""
    import json
    import shutil

    home = tmp_path / "home"
    shutil.copytree(lab_home, home)
    manifests = sorted(home.glob("grokking.modular_addition/*/populations/*/manifest.json"))
    whole = {place: place.read_text() for place in manifests}
    for place, text in whole.items():
        place.write_text(json.dumps({**json.loads(text), "parts": [], "snapshots": []}))
    lab = Lab(home, tmp_path / "ledger", ("grokking",))
    with served(lab, assets) as other, first_page(browser, other) as second:
        go(second, other, run_place(home, "grokking.modular_addition") + "/grokking")
        expect(second.get_by_text("measured nothing yet")).to_be_visible()
        for place, text in whole.items():
            place.write_text(text)
            later = time.time() + 900
            os.utime(place, (later, later))
        second.wait_for_selector(".lb-heat")


def test_a_site_opens_from_a_folder(browser, lab_home, assets, tmp_path, monkeypatch):
    from latebloom.view.export import export

    every = Lab.claims.func
    monkeypatch.setattr(Lab, "claims", property(lambda lab: {"grokking.14": every(lab)["grokking.14"]}))
    export(lab_home, ROOT / "ledger", tmp_path / "site", ["grokking"], assets=assets)
    site = (tmp_path / "site" / "index.html").as_uri()
    with quiet_page(browser, f"{site}#/{run_place(lab_home, 'grokking.modular_addition')}") as page:
        page.wait_for_selector(".lb-heat")
        page.goto(f"{site}#/claim/grokking.14")
        picture = page.locator(".lb-pictures img").first
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 300


def test_a_notebook_hosts_the_same_file(browser, lab_home):
    """The ES module that anywidget gets, on a model that answers as our widget does."""
    pytest.importorskip("anywidget")
    from latebloom.view import GrokkingView

    view = GrokkingView(next(lab_home.glob("grokking.modular_addition/*")), member=1, step=20)
    assert asked(view, "../run.json")[0]["miss"] == "../run.json"
    page = browser.new_page()
    hosted(page, view, member=1, step=20)
    page.wait_for_selector(".lb-heat")
    assert page.evaluate("[model.get('step'), model.get('member')]") == [20, 1]
    page.evaluate("model.set('a', 200)")  # there are 11 residues
    until(page, "model.get('a') === 10")
    page.evaluate("model.set('step', 8)")  # as Python does
    expect(page.locator(".lb-player output")).to_have_text("8")
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    until(page, "model.get('step') === 0")  # as Python reads
    page.close()
