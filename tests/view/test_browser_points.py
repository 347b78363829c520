"""Points and predictions in a real browser: people put, drag and delete points, and every host answers."""

import re

import pytest

import latebloom
from latebloom.runs.run import Run
from latebloom.view.lab import Lab
from tests.view.browsing import served
from tests.view.hosting import (
    IN_A_BROWSER,
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
BOARD = ".lb-board canvas"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("points")
    latebloom.run("model_selection.testbed", scale="smoke", home=place, workers=1)
    latebloom.run("model_selection.testbed_specialists", scale="smoke", home=place, workers=1)
    latebloom.run("model_selection.linear", "seed=0", scale="smoke", home=place, workers=1)
    return place


@pytest.fixture(scope="module")
def address(home, assets, tmp_path_factory):
    with served(Lab(home, tmp_path_factory.mktemp("none"), ("model_selection",)), assets) as place:
        yield place


def _place(home, name="testbed"):
    return run_place(home, f"model_selection.{name}") + "/model_selection"


@pytest.fixture
def page(browser, address, home):
    with first_page(browser, address) as one:
        go(one, address, _place(home))
        one.wait_for_selector(".lb-point")
        yield one


def _said(page):
    return page.locator(".lb-playground .lb-verdict")


def _at(page, share_x, share_y):
    box = page.locator(BOARD).bounding_box()
    return box["x"] + share_x * box["width"], box["y"] + share_y * box["height"]


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("name", ["testbed", "linear"])
def test_it_fits_and_has_no_barriers(browser, address, home, width, name):
    with first_page(browser, address, **screen(width)) as page:
        go(page, address, _place(home, name))
        page.wait_for_selector(".lb-chart")
        expect(page.get_by_text("Error by number of pairs seen")).to_be_visible()
        assert (page.locator(".lb-point").count() > 0) == (name == "testbed")
        assert_fits_without_barriers(page, width)


def test_a_click_puts_a_point_and_keys_move_and_delete_it(page):
    page.get_by_role("button", name="Take all away").click()
    expect(_said(page)).to_contain_text("No point yet")
    page.mouse.click(*_at(page, 0.7, 0.3))
    expect(page.locator(".lb-point")).to_have_count(1)
    expect(_said(page)).to_contain_text("1 of 4 points")
    point = page.locator(".lb-point").first
    label = point.get_attribute("aria-label")
    x = float(re.search(r"x (-?[\d.]+)", label)[1])
    point.focus()
    page.keyboard.press("Shift+ArrowLeft")
    until(page, "x => document.querySelector('.lb-point').ariaLabel.includes(x)", f"x {x - 0.5:.2f}")
    page.keyboard.press("Delete")
    expect(page.locator(".lb-point")).to_have_count(0)


def test_a_reload_brings_the_points_back_and_the_blend_they_lie_on(page):
    distance = page.locator(".lb-curve .lb-number").nth(0)
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    until(page, "location.hash.includes('blend=3,0,')")
    page.reload()
    expect(page.get_by_text("networks of step 0", exact=True)).to_be_visible()
    expect(distance).not_to_have_text("")
    page.get_by_role("button", name="Other functions").click()
    blend = page.get_by_label("Blend", exact=True)
    blend.focus()
    page.keyboard.press("End")
    page.get_by_label("Networks of seed").select_option("1")
    until(page, "/seed=1.*blend=4,1,\\d+$/.test(location.hash)")
    computed = "() => document.querySelector('.lb-playground .lb-verdict')?.dataset.computed !== undefined"
    until(page, computed)
    labels = [point.get_attribute("aria-label") for point in page.locator(".lb-point").all()]
    away = distance.text_content()
    page.reload()
    until(page, computed)
    expect(page.get_by_label("Networks of seed")).to_have_value("1")
    expect(distance).to_have_text(away)
    assert [point.get_attribute("aria-label") for point in page.locator(".lb-point").all()] == labels
    expect(blend).to_have_value("1")
    page.get_by_role("button", name="Take all away").click()
    page.mouse.click(*_at(page, 0.7, 0.3))
    until(page, "/points=[-.\\d]+,[-.\\d]+$/.test(location.hash) && !location.hash.includes('blend')")
    page.reload()
    expect(page.locator(".lb-point")).to_have_count(1)
    expect(distance).to_have_text("")


def test_a_drag_moves_a_point_all_curves_follow_and_out_is_away(page):
    page.get_by_role("button", name="Take all away").click()
    page.mouse.click(*_at(page, 0.6, 0.5))
    expect(page.locator(".lb-point")).to_have_count(1)
    until(page, "() => document.querySelector('.lb-playground .lb-verdict').dataset.computed !== undefined")
    page.wait_for_timeout(500)
    before = pixels(page, BOARD)
    page.mouse.move(*_at(page, 0.6, 0.5))
    page.mouse.down()
    page.mouse.move(*_at(page, 0.3, 0.2), steps=4)
    until(page, "before => document.querySelector('.lb-board canvas').toDataURL() !== before", before)
    label = page.locator(".lb-point").first.get_attribute("aria-label")
    assert re.match(r"Point 1: x -1\.\d+, y [12]\.\d+", label)
    page.mouse.move(*_at(page, 0.3, -0.2), steps=4)
    page.mouse.up()
    expect(page.locator(".lb-point")).to_have_count(0)


def test_a_finger_puts_a_point(browser, address, home):
    with first_page(browser, address, viewport={"width": 390, "height": 800}, has_touch=True) as page:
        go(page, address, _place(home))
        page.wait_for_selector(".lb-point")
        page.get_by_role("button", name="Take all away").tap()
        expect(page.locator(".lb-point")).to_have_count(0)
        page.locator(BOARD).scroll_into_view_if_needed()
        page.touchscreen.tap(*_at(page, 0.4, 0.4))
        expect(page.locator(".lb-point")).to_have_count(1)


def test_more_points_than_were_trained_are_refused_in_a_sentence(page):
    page.get_by_label("Points on it").focus()
    page.keyboard.press("End")
    expect(page.locator(".lb-point")).to_have_count(4)
    page.mouse.click(*_at(page, 0.9, 0.1))
    expect(_said(page)).to_contain_text(
        "trained with at most 4 points before a question. Take one away to put another."
    )
    expect(page.locator(".lb-point")).to_have_count(4)


def test_a_blend_moves_the_points_and_the_class_posterior(page):
    page.get_by_label("Points on it").focus()
    page.keyboard.press("End")
    blend = page.get_by_label("Blend", exact=True)
    blend.focus()
    page.keyboard.press("Home")
    expect(page.locator(".lb-playground .lb-key")).to_contain_text(re.compile(r"sinusoids (over 9\d|9\d|100) %"))
    first = page.locator(".lb-point").first.get_attribute("aria-label")
    page.keyboard.press("End")
    expect(page.locator(".lb-playground .lb-key")).to_contain_text(re.compile(r"lines (over 9\d|9\d|100) %"))
    # Words are told in one frame, points are put in the next.
    expect(page.locator(".lb-point").first).not_to_have_attribute("aria-label", first)
    expect(page.locator(".lb-curve .lb-number").nth(0)).not_to_have_text("")  # distance to the blend
    page.locator(".lb-point").first.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".lb-curve .lb-number").nth(0)).to_have_text("")  # own points are no blend


def test_another_step_is_another_network(page):
    page.wait_for_timeout(500)
    late = pixels(page, BOARD)
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    until(page, "late => document.querySelector('.lb-board canvas').toDataURL() !== late", late)
    expect(page.get_by_text("networks of step 0", exact=True)).to_be_visible()
    page.keyboard.press("End")
    until(page, "late => document.querySelector('.lb-board canvas').toDataURL() === late", late)


def test_errors_by_pairs_are_read_with_the_keyboard_and_say_when_they_were_measured(page, home):
    part = page.locator(".lb-section", has_text="Error by number of pairs seen")
    chart = part.locator("figure").first
    value = chart.locator(".lb-number").last
    expect(chart).to_be_visible()
    chart.locator("canvas").focus()
    late = value.text_content()
    page.keyboard.press("ArrowLeft")
    expect(value).not_to_have_text(late)
    expect(chart.get_by_role("status")).to_have_text(re.compile(r"^3 pairs seen: .+\.$"))
    page.keyboard.press("ArrowRight")
    expect(value).to_have_text(late)
    frame = Run(next(home.glob("model_selection.testbed/*"))).measurements()
    column = next(name for name in frame.columns if str(name).endswith("_by_pairs"))
    steps = sorted(frame.dropna(subset=[column])["step"].unique())
    slider = page.locator(".lb-player input").first
    for step in range(0, 9):
        slider.evaluate("(el, step) => { el.value = step; el.dispatchEvent(new Event('input')); }", step)
        measured = max((own for own in steps if own <= step), default=steps[0])
        expect(part.get_by_text("Measured at step")).to_have_text(f"Measured at step {int(measured)}.")


def test_curves_can_be_put_aside(page):
    page.wait_for_timeout(500)
    before = pixels(page, BOARD)
    page.get_by_role("checkbox", name="exact optimum").uncheck()
    until(page, "before => document.querySelector('.lb-board canvas').toDataURL() !== before", before)


def test_a_folder_without_a_server_answers_too(browser, home, assets, tmp_path, monkeypatch):
    from latebloom.view.export import export

    monkeypatch.setattr(Lab, "claims", property(lambda lab: {}))
    site = tmp_path / "site"
    export(home, tmp_path / "ledger", site, ["model_selection"], assets=assets)
    with quiet_page(browser, (site / "index.html").as_uri() + f"#/{_place(home)}") as page:
        page.wait_for_selector(".lb-point")
        until(page, "() => document.querySelector('.lb-playground .lb-verdict').dataset.computed !== undefined")


def test_a_notebook_shares_the_points_with_python(browser, home):
    pytest.importorskip("anywidget")
    from latebloom.view import ModelSelectionView

    view = ModelSelectionView(next(home.glob("model_selection.testbed/*")), points=[(0.5, 1.0)])
    page = browser.new_page()
    hosted(page, view, points=[[0.5, 1.0]])
    expect(page.locator(".lb-point")).to_have_count(1)
    page.evaluate("model.set('points', [[0.5, 1], [-1, 0.25]])")  # as Python does
    expect(page.locator(".lb-point")).to_have_count(2)
    page.locator(".lb-point").first.focus()
    page.keyboard.press("ArrowRight")
    until(page, "() => JSON.stringify(model.get('points')) === '[[0.55,1],[-1,0.25]]'")  # as Python reads
    page.evaluate("model.set('points', [0, 1, 2, 3, 40, 50].map((x) => [x, 0]))")  # more than were trained, and far out
    expect(page.locator(".lb-point")).to_have_count(4)
    expect(_said(page)).to_contain_text("trained with at most 4 points before a question")
    until(page, "() => JSON.stringify(model.get('points')) === '[[0,0],[1,0],[2,0],[3,0]]'")
    page.evaluate("model.set('points', [[40, -50]])")
    until(page, "() => JSON.stringify(model.get('points')) === '[[3,-3.2]]'")
    page.evaluate("model.set('blend', [5, 0.5, 3])")
    expect(page.locator(".lb-point")).to_have_count(3)
    until(page, "() => model.get('points').length === 3")
    page.evaluate("model.set('blend', [5, 7, 3])")
    until(page, "() => JSON.stringify(model.get('blend')) === '[5,0.5,3]'")
    page.close()


def test_networks_that_cannot_be_read_leave_no_board_of_another_seed(browser, address, home):
    with first_page(browser, address, missing=True) as page:
        go(page, address, _place(home))
        expect(page.locator(BOARD)).to_be_visible()
        page.route("**/points-1", lambda route: route.fulfill(status=422, body="half a file"))
        box = page.get_by_label("Networks of seed")
        box.select_option("1")
        expect(page.get_by_role("alert").locator("visible=true")).to_contain_text("half a file")
        expect(page.locator(BOARD)).to_have_count(0)
        box.select_option("0")
        expect(page.locator(BOARD)).to_be_visible()
        expect(page.get_by_role("alert").locator("visible=true")).to_have_count(0)
