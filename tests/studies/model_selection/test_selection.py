"""Each judge of the cost of selection says "reproduced" and "contradicted" where it should."""

import pytest

from latebloom import studies
from latebloom.studies.model_selection.claims.references import tuned_lasso
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE
from tests.studies.model_selection import planted
from tests.studies.model_selection.planted import LINEAR, arm, exact, zero

studies.load()
D, S, MIX = (exact(LINEAR, text, MIXTURE) for text in (DENSE, SPARSE, MIXTURE))


def run(mixture=MIX, dense=D, sparse=S):
    """The main experiment with these answers."""
    rules = {MIXTURE: mixture, DENSE: dense, SPARSE: sparse}
    return {text: arm(LINEAR, text, MIXTURE, rule) for text, rule in rules.items()}


def verdict(monkeypatch, claim, *groups):
    """With so many prompts that the largest of eleven differences is not chance."""
    return planted.verdict(monkeypatch, claim, *groups, prompts=2000)


def half(x, y):
    return 0.5 * MIX(x, y)


def lazy(x, y):
    """Nearly the optimum, but it never gets over the last tenth of a difference."""
    said = MIX(x, y)
    return said + 0.3 * (said.abs() + 0.5)


def lasso(x, y):
    return tuned_lasso(LINEAR.task(MIXTURE, MIXTURE)).prefixes(x, y)


@pytest.mark.parametrize("claim", ["01", "02", "28", "29"])
def test_the_exact_optimum_selects_at_little_cost(monkeypatch, claim):
    entry = verdict(monkeypatch, claim, run())
    assert entry.verdict == "reproduced", entry.note
    assert entry.seeds == 5
    assert entry.note.count("contradicted") == (2 if claim in ("01", "02") else 1)


@pytest.mark.parametrize("claim", ["01", "02", "28", "29"])
def test_half_the_answer_does_not(monkeypatch, claim):
    assert verdict(monkeypatch, claim, run(mixture=half)).verdict == "contradicted"


def test_the_three_readings_are_kept_apart(monkeypatch):
    """A mixture and specialists that all answer as Lasso does: as good as both, far from the optimum."""
    run_of_lasso = run(mixture=lasso, sparse=lasso, dense=zero)
    assert verdict(monkeypatch, "02", run_of_lasso).verdict == "reproduced"
    assert verdict(monkeypatch, "28", run_of_lasso).verdict == "reproduced"
    assert verdict(monkeypatch, "29", run_of_lasso).verdict == "contradicted"


def test_a_mixture_like_the_wrong_specialist_is_found_out(monkeypatch):
    assert verdict(monkeypatch, "01", run(mixture=S)).verdict == "contradicted"
    assert verdict(monkeypatch, "02", run(mixture=D)).verdict == "contradicted"


def test_deviations_that_decay_and_one_that_stays(monkeypatch):
    assert verdict(monkeypatch, "03", run()).verdict == "reproduced"
    assert verdict(monkeypatch, "03", run(mixture=lazy)).verdict == "contradicted"
    nothing = verdict(monkeypatch, "03", run(mixture=zero, dense=zero, sparse=zero))
    assert nothing.verdict == "inconclusive"
    assert "below 0.01" in nothing.note
