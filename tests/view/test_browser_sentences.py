"""Sentences and trees in a real browser: people type, pick and scrub, and the page's network reads as Python's does."""

import re

import pytest
import torch

import latebloom
from latebloom.instruments.bracketings import to_nested
from latebloom.instruments.span_vectors import span_similarities
from latebloom.instruments.tree_projection import project
from latebloom.training.experiment import Experiment
from latebloom.view.lab import Lab
from tests.view.browsing import served
from tests.view.hosting import (
    IN_A_BROWSER,
    assert_fits_without_barriers,
    expect,
    first_page,
    go,
    hosted,
    quiet_page,
    screen,
    until,
)

pytestmark = IN_A_BROWSER
TYPED = "her walrus that does giggle doesn't applaud the zebras near my yak"
TREE = ".lb-tree canvas"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("sentences")
    return latebloom.run("structural_grokking.question", scale="smoke", home=home, workers=1)


@pytest.fixture(scope="module")
def address(run, assets, tmp_path_factory):
    lab = Lab(run.path.parents[1], tmp_path_factory.mktemp("none"), ("structural_grokking",))
    with served(lab, assets) as place:
        yield place


@pytest.fixture
def page(browser, address, run):
    with first_page(browser, address) as one:
        go(one, address, f"run/{run.hash}/structural_grokking")
        one.wait_for_selector(TREE)
        yield one


def _said(page):
    return page.locator(".lb-section > .lb-verdict")


def _tree(page):
    """The network's tree as a screen reader hears it."""
    label = page.locator(TREE).get_attribute("aria-label")
    return re.match(r"The network's tree: (.*)\. The grammar's tree: (.*)\.", label).groups()


def _bracketed(nested):
    return nested if isinstance(nested, str) else f"({' '.join(map(_bracketed, nested))})"


def _python_tree(run, member, step, text):
    own = Experiment.parse(run.specification(member))
    params = {name: value[None] for name, value in run.parameters(member, step).items()}
    words = own.task.vocabulary.encode(text.split()).tolist()

    def encode(tokens, positions):
        with torch.no_grad():
            return own.model.states(params, tokens[None], positions=positions)[0]

    spans = span_similarities(encode, [words], causal=True, before=[own.task.vocabulary.start])
    return _bracketed(to_nested(project(spans.similarity, spans.lengths, "greedy").trees[0], text.split()))


@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_and_has_no_barriers(browser, address, run, width):
    with first_page(browser, address, **screen(width)) as page:
        go(page, address, f"run/{run.hash}/structural_grokking")
        expect(_said(page)).to_contain_text("Step 30.")
        assert_fits_without_barriers(page, width)


def test_a_typed_sentence_is_read_as_in_python_at_every_step(page, run):
    page.get_by_label("Sentence", exact=True).fill(TYPED)
    expect(_said(page)).to_contain_text("of the 10 phrases of the grammar")
    gold = "((her walrus) (that (does giggle)))"
    found = {}
    for key, step in (("End", 30), ("Home", 0)):
        page.locator(".lb-player input").focus()
        page.keyboard.press(key)
        expect(_said(page)).to_contain_text(f"Step {step}.")
        found[step], grammar = _tree(page)
        assert grammar.startswith(f"({gold} ")
        assert found[step] == _python_tree(run, 0, step, TYPED)
    assert found[30] != _python_tree(run, 0, 30, " ".join(reversed(TYPED.split())))


def test_a_typed_sentence_stays_in_the_address_and_goes_along_to_other_views(page):
    box = page.get_by_label("Sentence", exact=True)
    box.fill(TYPED)
    until(page, "location.hash.includes('sentence=')")
    page.reload()
    expect(box).to_have_value(TYPED)
    page.get_by_role("link", name="Curves", exact=True).click()
    expect(box).to_have_count(0)
    expect(page.locator(".lb-player")).to_be_visible()
    page.get_by_role("link", name="Sentences and trees").click()
    expect(box).to_have_value(TYPED)


def test_another_network_reads_otherwise(page, run):
    page.get_by_label("Sentence", exact=True).fill(TYPED)
    expect(_said(page)).to_contain_text("Step 30.")
    page.get_by_label("Network", exact=True).select_option("1")
    expected = _python_tree(run, 1, 30, TYPED)
    until(page, "text => document.querySelector('.lb-tree canvas').ariaLabel.includes(text)", expected)
    assert expected != _python_tree(run, 0, 30, TYPED)


def test_what_one_network_reads_does_not_stand_under_the_name_of_another(browser, run, assets, tmp_path):
    """As in a site, which has the weights of few members: those of member 1 are not there."""
    lab = Lab(run.path.parents[1], tmp_path, ("structural_grokking",))
    whole = lab.run
    lab.run = lambda one: {**(told := whole(one)), "packs": [p for p in told["packs"] if not re.search("s-1(-|$)", p)]}
    with served(lab, assets) as own, first_page(browser, own) as page:
        go(page, own, f"run/{run.hash}/structural_grokking")
        expect(_said(page)).to_contain_text("Step 30.")
        network = page.get_by_label("Network", exact=True)
        network.select_option("1")
        expect(page.get_by_text("No weights of member 1")).to_be_visible()
        expect(page.locator(TREE)).to_be_hidden()
        network.select_option("0")
        expect(page.locator(TREE)).to_be_visible()
        expect(_said(page)).to_contain_text("Step 30.")


def test_a_picked_sentence_has_a_film_and_the_words_that_decide(page):
    page.get_by_label("Pick one").select_option("2")
    words = page.get_by_label("Sentence", exact=True).input_value()
    assert len(words.split()) > 5
    expect(page.locator(".lb-front")).to_have_count(5)
    expect(page.locator(".lb-front", has_text="main auxiliary")).to_have_count(1)
    expect(page.locator(".lb-front", has_text="first auxiliary")).to_have_count(1)
    late = page.locator(".lb-front .lb-number").all_text_contents()
    charts = page.locator(".lb-section .lb-chart")
    expect(charts.last).to_contain_text("this sentence")
    for nudge in range(40):  # scrubs to the beginning; the chart may still grow while the film comes in
        charts.last.locator("canvas").hover(position={"x": 46 + nudge % 4, "y": 60})
        if "Step 0." in (_said(page).text_content() or ""):
            break
        page.wait_for_timeout(250)
    expect(_said(page)).to_contain_text("Step 0.")
    assert page.locator(".lb-front .lb-number").all_text_contents() != late


def test_what_is_no_sentence_is_answered_by_one(page):
    box, told = page.get_by_label("Sentence", exact=True), page.get_by_role("alert")
    box.fill("the nwet does sleep")
    expect(told).to_contain_text("Did you mean 'newt'?")
    box.fill("the newts does sleep")
    expect(told).to_contain_text("expected an auxiliary (do, don't) that agrees with 'newts', plural.")
    expect(told).to_contain_text("the network reads it all the same")
    expect(_said(page)).to_contain_text("It would begin with")
    assert _tree(page)[1] == "not known"
    box.fill(" ".join(["the newt near"] * 9))
    expect(told).to_contain_text("27 words are more than this network has ever seen")
    box.fill("The newt does sleep.")
    expect(told).to_have_text("")
    assert _tree(page)[1] == "((the newt) (does sleep))"


def test_a_folder_without_a_server_reads_too(browser, run, assets, tmp_path, monkeypatch):
    from latebloom.view.export import export

    monkeypatch.setattr(Lab, "claims", property(lambda lab: {}))
    site = tmp_path / "site"
    export(run.path.parents[1], tmp_path / "ledger", site, ["structural_grokking"], assets=assets)
    document = site / "data" / "runs" / f"{run.hash}.js"
    assert '"weights-0-0",' in document.read_text()
    document.write_text(document.read_text().replace('"weights-0-0",', ""))  # what does not fit is left out
    with quiet_page(browser, (site / "index.html").as_uri() + f"#/run/{run.hash}/structural_grokking") as page:
        page.get_by_label("Sentence", exact=True).fill(TYPED)
        expected = _python_tree(run, 0, 30, TYPED)
        until(page, "text => document.querySelector('.lb-tree canvas')?.ariaLabel.includes(text)", expected)


def test_a_notebook_shares_the_sentence_with_python(browser, run):
    pytest.importorskip("anywidget")
    from latebloom.view import StructuralGrokkingView

    view = StructuralGrokkingView(run, sentence=TYPED)
    page = browser.new_page()
    hosted(page, view, sentence=TYPED, step=15)
    expected = _python_tree(run, 0, 15, TYPED)
    until(page, "text => document.querySelector('.lb-tree canvas')?.ariaLabel.includes(text)", expected)
    page.evaluate("model.set('sentence', 'my yak does sleep')")  # as Python does
    expect(page.get_by_label("Sentence", exact=True)).to_have_value("my yak does sleep")
    page.get_by_label("Sentence", exact=True).fill("my yak does wait")
    until(page, "() => model.get('sentence') === 'my yak does wait'")  # as Python reads
    page.close()
