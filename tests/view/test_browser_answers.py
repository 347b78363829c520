"""Where an answer is missing, late or refused, a page says so and shows nothing under a name that is not its own."""

import json
import os
import re
import shutil
import time

import pytest

import latebloom
from latebloom.runs.run import Run
from latebloom.view.lab import Lab
from tests.view.browsing import served
from tests.view.hosting import IN_A_BROWSER, expect, first_page, go, run_place, until

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module")
def address(lab_home, assets, tmp_path_factory):
    with served(Lab(lab_home, tmp_path_factory.mktemp("ledger"), ("grokking",)), assets) as place:
        yield place


@pytest.fixture
def page(browser, address):
    with first_page(browser, address) as one:
        yield one


def hash_of(home, experiment):
    return Run(next(home.glob(f"{experiment}/*"))).hash


def test_a_run_without_measurements_or_without_an_answer_leaves_the_others_of_a_comparison(
    browser, lab_home, assets, tmp_path
):
    home = tmp_path / "home"
    shutil.copytree(lab_home, home)
    (manifest,) = home.glob("grokking.parity/*/populations/*/manifest.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "parts": [], "snapshots": []}))
    runs = [hash_of(home, f"grokking.{name}") for name in ("parity", "modular_addition")] + ["0" * 12]
    lab = Lab(home, tmp_path / "ledger", ("grokking",))
    with served(lab, assets) as own, first_page(browser, own, missing=True) as page:
        page.goto(f"{own}#/compare?runs={','.join(runs)}")
        expect(page.locator("main figure")).not_to_have_count(0)
        rows = page.locator(".lb-key li")
        expect(rows).to_have_count(3)
        expect(rows.nth(0)).to_contain_text("has measured nothing yet")
        expect(rows.nth(2)).to_contain_text("No run '000000000000' is here")
        expect(page.locator("main figure .lb-legend").first).not_to_contain_text("parity")
        rows.nth(2).get_by_role("button").click()
        expect(rows).to_have_count(2)


def test_losses_of_different_kinds_stand_in_charts_of_their_own(browser, assets, tmp_path):
    """Cross-entropy and a squared error have no common axis, though both are called the loss."""
    home, words = tmp_path / "home", ("seed=0", "training.steps=20", "log.every=10")
    kinds = ("cross_entropy", "mse")
    runs = [
        latebloom.run("grokking.parity", *words, f"training.loss={kind}", scale="smoke", home=home, workers=1).hash
        for kind in kinds
    ]
    with served(Lab(home, tmp_path / "ledger", ("grokking",)), assets) as own, first_page(browser, own) as page:
        page.goto(f"{own}#/compare?runs={','.join(runs)}")
        expect(page.locator("main figure")).not_to_have_count(0)
        titles = [title.split("\n")[0] for title in page.locator("main figcaption").all_inner_texts()]
    assert [title for title in titles if title.startswith("test loss")] == [
        "test loss: cross-entropy (nats)",
        "test loss: mean squared error",
    ]
    assert titles.count("test accuracy") == 1


def test_the_way_past_the_menu_is_no_address(page, address):
    page.keyboard.press("Tab")
    expect(page.locator(".lb-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.locator("h1")).to_have_text("What did it learn, and when?")


def test_a_chapter_that_cannot_be_read_says_why_and_the_next_choice_is_shown(browser, lab_home, assets, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(lab_home, home)
    latebloom.run("grokking.parity", "seed=1", "training.steps=20", scale="smoke", home=home, workers=1)
    with (
        served(Lab(home, tmp_path / "ledger", ("grokking",)), assets) as own,
        first_page(browser, own, missing=True) as page,
    ):
        page.goto(f"{own}#/explorable")
        chapter = page.locator(".lb-chapter", has_text="Ones and zeros")
        chapter.scroll_into_view_if_needed()
        chapter.locator("canvas").first.wait_for()
        box = chapter.get_by_label("Run", exact=True)
        (other,) = [v for v in box.evaluate("el => [...el.options].map(o => o.value)") if v != box.input_value()]
        first = box.input_value()
        page.route(f"**/api/runs/{other}", lambda route: route.fulfill(status=422, body="half a file"))
        box.select_option(other)
        expect(chapter.get_by_role("alert")).to_contain_text("half a file")
        box.select_option(first)
        chapter.locator("canvas").first.wait_for()
        expect(chapter.get_by_role("alert").locator("visible=true")).to_have_count(0)


def test_pictures_of_one_network_do_not_stand_under_the_name_of_another(browser, lab_home, assets, tmp_path):
    """As in a site, which has the weights of few members: those of member 1 are not there."""
    home = lab_home
    whole = Lab.run
    lab = Lab(home, tmp_path / "ledger", ("grokking",))
    lab.run = lambda run: {**(told := whole(lab, run)), "packs": [p for p in told["packs"] if p != "tables-1"]}
    with served(lab, assets) as own, first_page(browser, own) as page:
        go(page, own, run_place(home, "grokking.modular_addition") + "?member=0")
        page.wait_for_selector(".lb-heat")
        page.get_by_label("Member", exact=True).select_option("1")
        expect(page.locator(".lb-heat")).to_have_count(0)
        expect(page.get_by_text("No weights of member 1")).to_be_visible()
        page.get_by_label("Member", exact=True).select_option("0")
        page.wait_for_selector(".lb-heat")


def test_a_network_that_cannot_be_read_is_said(browser, lab_home, assets, tmp_path):
    lab = Lab(lab_home, tmp_path / "ledger", ("grokking",))
    with served(lab, assets) as own, first_page(browser, own, missing=True) as page:
        page.route("**/tables-1", lambda route: route.fulfill(status=422, body="half a file"))
        go(page, own, run_place(lab_home, "grokking.modular_addition") + "?member=0")
        page.wait_for_selector(".lb-heat")
        page.get_by_label("Member", exact=True).select_option("1")
        expect(page.get_by_role("alert").locator("visible=true")).to_contain_text("half a file")
        expect(page.locator(".lb-heat")).to_have_count(0)


def test_an_address_without_a_number_opens_at_the_end(page, address, lab_home):
    go(page, address, run_place(lab_home, "grokking.modular_addition") + "?step=abc&member=x")
    page.wait_for_selector(".lb-heat")
    expect(page.locator(".lb-player output")).to_have_text("40")
    assert "NaN" not in page.locator("main").inner_text()
    go(page, address, run_place(lab_home, "grokking.modular_addition") + "?step=900000")
    expect(page.locator(".lb-player output")).to_have_text("40")


def test_every_measured_quantity_can_be_seen_and_what_was_set_stands_beside_the_title(page, address, lab_home):
    go(page, address, run_place(lab_home, "grokking.modular_addition") + "/curves")
    titles = page.locator("main figcaption")
    expect(titles).not_to_have_count(0)
    expect(page.get_by_text("In this run:")).to_contain_text("task.p=11")  # the title says modulo 67
    more = page.get_by_role("button", name="Show all")
    count = int(re.search(r"\d+", more.inner_text())[0])
    before = titles.count()
    more.click()
    expect(titles).to_have_count(before - 12 + count)
    expect(more).to_be_hidden()


def test_who_has_begun_while_a_page_still_comes_is_left_there(page, address, lab_home):
    """The gallery comes last; by then the reader has scrolled, and holds the slider."""
    held = []
    page.route("**/gallery", lambda route: held.append(route))
    page.goto(f"{address}#/{run_place(lab_home, 'grokking.modular_addition')}?member=0")
    page.wait_for_selector(".lb-heat")
    until(page, "document.querySelector('main').matches(':focus')")  # who comes from the menu is at the top
    page.locator(".lb-player input").focus()
    page.evaluate("scrollTo(0, 300)")
    for route in held:
        route.continue_()
    page.wait_for_selector(".lb-gallery .lb-card")
    page.wait_for_timeout(300)
    assert held and page.evaluate("[document.activeElement.type, scrollY]") == ["range", 300]


def test_the_members_that_are_shown_stay_in_the_address(page, address, lab_home):
    place = run_place(lab_home, "grokking.parity_sweep") + "/curves"
    go(page, address, place)
    box = page.get_by_label("Members")
    expect(box.locator("option").first).to_have_text("all members")
    names = box.locator("option").all_text_contents()
    assert len(names) > 2
    box.select_option(names[2])
    expect(page).to_have_url(re.compile("arm="))
    page.reload()
    expect(box).to_have_value(names[2])
    # All settings are drawn beside each other where none is chosen.
    expect(page.get_by_text("by setting")).to_have_count(0)
    box.select_option("all members")
    expect(page).not_to_have_url(re.compile("arm="))
    go(page, address, place + "?arm=none of these")
    expect(box).to_have_value("")


def test_another_view_keeps_its_address_though_the_first_was_just_scrubbed(page, address, lab_home):
    run = run_place(lab_home, "grokking.modular_addition")
    go(page, address, f"{run}/grokking?member=0")
    page.wait_for_selector(".lb-heat")
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    page.goto(f"{address}#/{run}/curves")
    expect(page.locator(".lb-tabs a[aria-current]")).to_have_text("Curves")
    page.wait_for_timeout(800)
    assert page.url.split("?")[0].endswith(f"{run}/curves")


def test_the_list_of_runs_leaves_the_keyboard_where_it_is(browser, lab_home, assets, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(lab_home, home)
    with served(Lab(home, tmp_path / "ledger", ("grokking",)), assets) as own, first_page(browser, own) as page:
        go(page, own, "runs")
        boxes = page.locator("tbody input")
        boxes.nth(1).focus()
        name = boxes.nth(1).get_attribute("aria-label")
        before = page.locator("tbody").element_handle()
        later = time.time() + 500
        os.utime(next(home.glob("grokking.parity_sweep/*/populations/*/manifest.json")), (later, later))
        until(page, "old => !old.isConnected", before)
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == name


def _train(page, address, **settings):
    go(page, address, "explorable")
    page.get_by_role("button", name="Train one here").click()
    chapter = page.locator(".lb-chapter", has_text="Train one here")
    for label, value in settings.items():
        box = chapter.get_by_label(label.replace("_", " "), exact=True)
        box.fill(value)
        box.press("Enter")
    chapter.get_by_role("button", name="Train", exact=True).click()
    return chapter


def test_the_last_weights_of_a_training_in_the_page_are_the_last(page, address):
    """Weights were kept until step 599 alone, and those stood under every later step."""
    chapter = _train(page, address, Modulus_p="5", Neurons="2", Embedding="2", Steps="899")
    expect(chapter.locator(".lb-verdict").first).to_contain_text("Done.")
    maps = chapter.locator(".lb-heat")
    maps.first.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    late = maps.first.evaluate("canvas => canvas.toDataURL()")
    slider = chapter.locator(".lb-player input")
    slider.evaluate("el => { el.value = 640; el.dispatchEvent(new Event('input')); }")
    page.wait_for_timeout(300)
    assert maps.first.evaluate("canvas => canvas.toDataURL()") != late


def test_who_scrubs_while_a_network_trains_is_left_there(page, address):
    chapter = _train(page, address, Modulus_p="59", Steps="100000")
    expect(chapter.locator(".lb-verdict").first).to_contain_text(re.compile(r"Step [1-9]"))
    page.wait_for_timeout(1500)
    slider = chapter.locator(".lb-player input")
    slider.focus()
    page.keyboard.press("Home")
    first = chapter.locator(".lb-verdict").first.inner_text()
    until(
        page, "([el, first]) => el.innerText !== first", [chapter.locator(".lb-verdict").first.element_handle(), first]
    )
    page.wait_for_timeout(700)
    assert slider.evaluate("el => el.valueAsNumber") == 0
    page.keyboard.press("End")
    now = slider.evaluate("el => el.valueAsNumber")
    until(
        page, "([el, now]) => el.valueAsNumber > now", [slider.element_handle(), now]
    )  # who stands at the end goes along


def test_a_frequency_that_cannot_be_is_not_left_in_its_box(page, address):
    go(page, address, "explorable")
    page.get_by_role("button", name="Solutions written down").click()
    chapter = page.locator(".lb-chapter", has_text="Solutions written down")
    box = chapter.get_by_label("Frequency", exact=True)
    box.fill("40")
    box.press("Enter")
    expect(box).to_have_value("33")  # of 67 residues there are 33 frequencies
    modulus = chapter.get_by_label("Modulus p", exact=True)
    modulus.fill("13")
    modulus.press("Enter")
    expect(box).to_have_value("6")
