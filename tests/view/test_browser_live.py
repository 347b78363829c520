"""Pages of a run that trains: what is open follows it, and keeps what the reader has chosen."""

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
# Counts frames in which the pictures of the network were missing, or the first of them empty.
WATCH = """() => {
    window.gaps = window.frames = 0;
    const main = document.querySelector('main');
    const look = () => {
        const shown = document.querySelector('.lb-linked:not(.lb-coming) .lb-heat, .lb-linked:not(.lb-coming) canvas');
        const data = shown && shown.getContext('2d').getImageData(0, 0, shown.width, shown.height).data;
        window.frames += 1;
        if (!data || !data.some(value => value)) window.gaps += 1;
        requestAnimationFrame(look);
    };
    look();
}"""

# Members in the shares of outcomes by time.
COUNTED = """() => [...document.querySelectorAll('.lb-shares[data-kind=time] li')]
    .reduce((sum, share) => sum + Number(share.textContent.match(/[0-9]+$/)[0]), 0)"""


@pytest.fixture(scope="module")
def two_shapes(tmp_path_factory):
    """A run of two populations, so that members can begin one after the other."""
    home = tmp_path_factory.mktemp("shapes")
    film = ("training.steps=40", "snapshots.every=4", "log.every=10", "model.d_mlp=8,16")
    latebloom.run("grokking.modular_addition", "seed=0:2", "task.p=11", *film, scale="smoke", home=home, workers=1)
    return home


class Training:
    """A finished run as it stood while it trained: what was committed later is taken from the lists, and comes back."""

    def __init__(self, home, experiment):
        self.run = Run(next(home.glob(f"{experiment}/*")))
        self.whole = {
            folder.path / "manifest.json": (folder.path / "manifest.json").read_text()
            for folder in self.run.populations
        }
        self.clock = time.time()

    def stand(self, *steps):
        """Each population as it was at a step; None: not begun, infinity: as it is at the end."""
        self.clock += 100
        for (place, text), step in zip(self.whole.items(), steps, strict=True):
            manifest = json.loads(text)
            reached = -1 if step is None else step
            parts = [part for part in manifest["parts"] if part["last"] <= reached]
            snapshots = [kept for kept in manifest["snapshots"] if kept["step"] <= reached]
            fresh = place.with_suffix(".part")  # put in place at once, as training does: the server may be reading
            fresh.write_text(json.dumps({**manifest, "parts": parts, "snapshots": snapshots}))
            os.utime(fresh, (self.clock, self.clock))
            os.replace(fresh, place)


@pytest.fixture
def training(two_shapes, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(two_shapes, home)
    return Training(home, "grokking.modular_addition")


@pytest.fixture
def page(browser, training, assets):
    """The page of the run while only members 2 and 3 have begun, which are at step 20."""
    training.stand(None, 20)
    home = training.run.path.parents[1]
    with served(Lab(home, home / "ledger", ("grokking",)), assets) as address, first_page(browser, address) as one:
        go(one, address, run_place(home, "grokking.modular_addition") + "?member=3")
        one.wait_for_selector(".lb-heat")
        yield one


def shown(page, label, exact=True):
    """What is labelled so and can be seen: what is still being drawn stands in the page beside what was there."""
    return page.get_by_label(label, exact=exact).filter(visible=True)


def slider(page, label):
    """The value of a slider, whose label ends with it."""
    return shown(page, label, exact=False).evaluate("slider => slider.valueAsNumber")


def test_members_outcomes_and_gallery_follow(page, training):
    members = shown(page, "Member")
    expect(members.locator("option")).to_have_count(2)
    expect(page.locator(".lb-dot")).to_have_count(2)
    expect(page.locator(".lb-gallery .lb-card")).to_have_count(2)
    training.stand(float("inf"), float("inf"))
    expect(members.locator("option")).to_have_count(4)
    expect(page.locator(".lb-dot")).to_have_count(4)
    expect(page.locator(".lb-gallery .lb-card")).to_have_count(4)
    assert page.evaluate(COUNTED) == 4
    # Members 0 and 1 now stand before it in every list.
    expect(members).to_have_value("3")
    expect(page.locator(".lb-card canvas").first).to_have_attribute("aria-label", re.compile("over 40 steps"))
    expect(page.locator(".lb-player output:visible")).to_have_text("40")  # it stood at the end, and stands there now
    members.select_option("0")
    until(page, "location.hash.includes('member=0')")


def test_what_the_reader_has_chosen_stays(page, training):
    shown(page, "Loss threshold", exact=False).focus()
    page.keyboard.press("ArrowRight")
    shown(page, "Sorted by").select_option("ungrouped")
    shown(page, "join the dots", exact=False).first.uncheck()
    page.locator(".lb-dot").last.focus()
    expect(page.locator(".lb-nine figure")).to_have_count(2)
    page.locator(".lb-player input").focus()
    page.keyboard.press("Home")
    expect(page.locator(".lb-player output:visible")).to_have_text("0")
    shown(page, "a").focus()
    page.keyboard.press("Home")
    before = {name: slider(page, name) for name in ("Loss threshold", "Ratio threshold")}
    assert before["Loss threshold"] == pytest.approx(-4.9)
    training.stand(float("inf"), float("inf"))
    expect(page.locator(".lb-dot")).to_have_count(4)
    until(page, "!document.querySelector('.lb-coming')")
    assert {name: slider(page, name) for name in before} == before
    expect(shown(page, "Sorted by")).to_have_value("ungrouped")
    expect(shown(page, "join the dots", exact=False).first).not_to_be_checked()
    expect(page.locator(".lb-player output:visible")).to_have_text("0")
    expect(page.locator(".lb-nine figure")).to_have_count(2)
    expect(page.locator(".lb-nine canvas").first).to_have_attribute("aria-label", re.compile("over 40 steps"))
    expect(page.locator(".lb-verdict").first).to_contain_text("0 and ")
    expect(shown(page, "a")).to_be_focused()


def test_nothing_flickers_meanwhile(page, training):
    page.evaluate("() => window.scrollTo(0, document.querySelector('.lb-linked').offsetTop - 300)")
    page.wait_for_timeout(300)
    page.evaluate(WATCH)
    expect(page.locator(".lb-heat").first).to_be_visible()
    label = page.locator(".lb-charts canvas").first
    expect(label).to_have_attribute("aria-label", re.compile("over 20 steps"))
    training.stand(float("inf"), float("inf"))
    expect(label).to_have_attribute("aria-label", re.compile("over 40 steps"))
    expect(page.locator(".lb-gallery .lb-card")).to_have_count(4)
    page.wait_for_timeout(500)
    assert page.evaluate("window.frames") > 10
    assert page.evaluate("window.gaps") == 0
    # The watch itself can tell: with the picture taken away there are gaps.
    page.evaluate("document.querySelector('.lb-linked').remove()")
    until(page, "window.gaps > 0")


def test_a_chapter_of_the_explorable_follows(browser, training, assets):
    training.stand(None, 20)
    home = training.run.path.parents[1]
    with served(Lab(home, home / "ledger", ("grokking",)), assets) as address, first_page(browser, address) as page:
        go(page, address, "explorable")
        expect(page.locator(".lb-dot")).to_have_count(2)
        training.stand(float("inf"), float("inf"))
        expect(page.locator(".lb-dot")).to_have_count(4)


def test_curves_keep_the_place_of_a_reader_who_is_not_at_the_end(browser, training, assets):
    training.stand(None, 20)
    home = training.run.path.parents[1]
    with served(Lab(home, home / "ledger", ("grokking",)), assets) as address, first_page(browser, address) as page:
        go(page, address, run_place(home, "grokking.modular_addition") + "/curves?step=10")
        expect(shown(page, "Members")).to_have_count(0)
        training.stand(float("inf"), float("inf"))
        expect(shown(page, "Members").locator("option")).to_have_count(3)
        expect(page.locator("canvas").first).to_have_attribute("aria-label", re.compile("over 40 steps"))
        expect(page.locator(".lb-player output:visible")).to_have_text("10")


OTHERS = {
    "mesa_optimization.deep": ("seed=0", "snapshots.every=5"),
    "future_tokens.text": ("seed=0:2", "snapshots.every=4"),
    "structural_grokking.question": (),
    "model_selection.testbed": (),
}
REACH = "Number(document.querySelector('.lb-player input').max)"
TYPED = "her walrus that does giggle doesn't applaud the zebras near my yak"
# Whether no chart is left that ends at a step.
NONE_ENDS_AT = """step => ![...document.querySelectorAll('main canvas')]
    .some(one => (one.getAttribute('aria-label') ?? '').includes(` over ${step} steps`))"""


@pytest.fixture(scope="module", params=OTHERS)
def other(request, tmp_path_factory):
    """A run of another study, as it stands at half of its steps."""
    home = tmp_path_factory.mktemp("others")
    latebloom.run(request.param, *OTHERS[request.param], scale="smoke", home=home, workers=1)
    training = Training(home, request.param)
    half = json.loads(next(iter(training.whole.values())))["parts"][-1]["last"] / 2
    training.stand(*[half for _ in training.whole])
    return training


def test_views_of_other_studies_follow_and_keep_what_is_set(browser, other, assets):
    """Scrubbed to the first step, with one thing set: both stay, nothing vanishes, and the end moves away."""
    home, study = other.run.path.parents[1], other.run.experiment.split(".")[0]
    with served(Lab(home, home / "ledger", (study,)), assets) as address, first_page(browser, address) as page:
        go(page, address, f"{run_place(home, other.run.experiment)}/{study}")
        page.wait_for_selector(".lb-section canvas")
        control = {
            "mesa_optimization": shown(page, "Shown"),
            "future_tokens": page.locator(".lb-text:visible"),
            "structural_grokking": shown(page, "Sentence"),
            "model_selection": page.get_by_role("checkbox", name="least squares"),
        }[study]
        if study == "mesa_optimization":
            control.select_option("compressed")
        elif study == "future_tokens":
            control.focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowDown")
        elif study == "structural_grokking":
            control.fill(TYPED)
            page.wait_for_timeout(400)
        else:
            control.check()
        page.locator(".lb-player input").first.focus()
        page.keyboard.press("Home")
        before = page.evaluate(REACH)
        canvases, set_to = page.locator("main canvas").count(), _set_to(page, study, control)
        other.stand(*[float("inf") for _ in other.whole])
        assert not page.evaluate(NONE_ENDS_AT, before)
        until(page, f"{REACH} > {before}")
        until(page, NONE_ENDS_AT, before)
        until(page, "!document.querySelector('.lb-coming')")
        assert page.locator("main canvas").count() >= canvases
        assert page.locator(".lb-player input").first.evaluate("slider => slider.valueAsNumber") == 0
        assert page.evaluate("document.activeElement.type") == "range"
        assert _set_to(page, study, control) == set_to
        assert page.locator(".lb-error:visible").all_text_contents() == []


def _set_to(page, study, control):
    if study == "future_tokens":
        chosen = page.locator("[role=option][aria-selected=true]:visible")
        return chosen.evaluate("one => one.id.split('-').slice(-2).join()")
    return control.is_checked() if study == "model_selection" else control.input_value()


@pytest.mark.parametrize("late", [False, True])
def test_what_could_not_be_read_before_the_run_moved_on_is_not_said_of_what_is_read_now(
    browser, tmp_path_factory, assets, late
):
    """The answer is refused while it is asked for, or comes only when the run has moved on."""
    home = tmp_path_factory.mktemp("refused")
    latebloom.run("structural_grokking.question", scale="smoke", home=home, workers=1)
    training = Training(home, "structural_grokking.question")
    training.stand(15)
    lab, held = Lab(home, home / "ledger", ("structural_grokking",)), []
    with served(lab, assets) as address, first_page(browser, address, missing=True) as page:
        page.route("**/weights-0-15", lambda route: held.append(route), times=1)
        go(page, address, run_place(home, "structural_grokking.question"))
        while not held:  # the sentence that the page begins with is being read
            page.wait_for_timeout(50)
        shown(page, "Sentence").fill(TYPED)
        page.keyboard.press("Enter")  # at once: else it would be read anew a while after the last key
        page.evaluate("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")
        expect(page.locator(".lb-tree canvas")).to_have_attribute(
            "aria-label", re.compile("walrus.*giggle.*zebras.*yak")
        )
        refused = page.locator(".lb-error:visible")
        if not late:
            held[0].fulfill(status=422, body="half a file")
            expect(refused).to_contain_text("half a file")
        training.stand(float("inf"))
        until(page, f"{REACH} === 30")
        if late:
            expect(page.locator(".lb-stack canvas").first).to_have_attribute("aria-label", re.compile("over 30 steps"))
            page.wait_for_timeout(500)  # the next reader has asked, too
            held[0].fulfill(status=422, body="half a file")
        expect(page.locator(".lb-verdict").first).to_contain_text("Step 30.")
        assert refused.all_text_contents() == []
