"""Judges of claims on dense and sparse functions, each tried on planted networks that obey and that do not."""

import pytest
import torch

from latebloom import studies
from latebloom.randomness import stream
from latebloom.studies.model_selection.claims.references import least_squares, tuned_lasso
from latebloom.studies.model_selection.claims.shares import RARE
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE, weighted
from latebloom.studies.model_selection.experiments.variants import LOUD, NOISES, QUIET
from tests.studies.model_selection.planted import LINEAR, MIX, D, S, arm, average, exact, run, verdict, zero

studies.load()


def lasso(x, y):
    return tuned_lasso(LINEAR.task(MIXTURE, MIXTURE)).prefixes(x, y)


def test_the_sparse_specialist_on_dense_functions(monkeypatch):
    assert verdict(monkeypatch, "04", run()).verdict == "reproduced"
    assert verdict(monkeypatch, "04", run(sparse=MIX)).verdict == "contradicted"
    assert verdict(monkeypatch, "04", run(mixture=S)).verdict == "inconclusive"  # the control passes too


def test_the_dense_specialist_on_sparse_functions(monkeypatch):
    assert verdict(monkeypatch, "05", run()).verdict == "reproduced"
    assert verdict(monkeypatch, "05", run(dense=S)).verdict == "contradicted"


def test_the_dense_specialist_beside_least_squares(monkeypatch):
    assert verdict(monkeypatch, "20", run()).verdict == "reproduced"
    assert verdict(monkeypatch, "20", run(dense=zero)).verdict == "contradicted"


def test_the_sparse_specialist_beside_lasso_and_the_optimum(monkeypatch):
    assert verdict(monkeypatch, "21", run(sparse=lasso)).verdict == "reproduced"
    assert verdict(monkeypatch, "21", run(sparse=zero)).verdict == "contradicted"


def test_the_mixture_between_its_specialists(monkeypatch):
    assert verdict(monkeypatch, "06", run()).verdict == "reproduced"
    assert verdict(monkeypatch, "06", run(mixture=S)).verdict == "contradicted"
    seven = verdict(monkeypatch, "07", run(mixture=average))
    assert seven.verdict == "reproduced"
    assert seven.extra["share of dense by non-zero weights"]["2"]["network"] == pytest.approx(0.5, abs=0.01)
    assert verdict(monkeypatch, "07", run(mixture=S)).verdict == "contradicted"
    assert verdict(monkeypatch, "08", run()).verdict == "reproduced"
    assert verdict(monkeypatch, "08", run(mixture=average)).verdict == "contradicted"


def uneven(**changes):
    """The experiment on weights with exact answers, some of them changed."""
    texts = {"tenth": weighted(0.1), "most": weighted(0.9), "rare": RARE}
    rules = {name: exact(LINEAR, text, MIXTURE) for name, text in texts.items()} | changes
    return {texts[name]: arm(LINEAR, texts[name], MIXTURE, rule) for name, rule in rules.items()}


def hump(x, y):
    """Worse than nothing after two pairs, right in the end."""
    said = MIX(x, y).clone()
    said[..., 2] = -said[..., 2]
    return said


def test_weights_matter_little_or_much(monkeypatch):
    assert verdict(monkeypatch, "09", uneven(), run()).verdict == "reproduced"
    assert verdict(monkeypatch, "09", uneven(most=zero), run()).verdict == "contradicted"


def test_a_rare_class_has_a_hump(monkeypatch):
    assert verdict(monkeypatch, "10", uneven(rare=hump), run()).verdict == "reproduced"
    assert verdict(monkeypatch, "10", uneven(rare=D), run()).verdict == "contradicted"
    assert verdict(monkeypatch, "10", uneven(rare=hump), run(mixture=hump)).verdict == "inconclusive"


def test_a_name_removes_the_cost(monkeypatch):
    def listens(x, y, label):
        return (D, S)[label](x, y)

    def deaf(x, y, label):
        return average(x, y)

    for rule, found in ((listens, "reproduced"), (deaf, "contradicted")):
        named = {MIXTURE: arm(LINEAR, MIXTURE, MIXTURE, rule, name_class=True)}
        assert verdict(monkeypatch, "11", named, run(mixture=average)).verdict == found


def published(mixture):
    scaled = {"scaling": "published"}
    rules = {text: exact(LINEAR, text, MIXTURE, **scaled) for text in (DENSE, SPARSE)}
    rules[MIXTURE] = exact(LINEAR, MIXTURE, MIXTURE, **scaled) if mixture is None else mixture
    return {text: arm(LINEAR, text, MIXTURE, rule, **scaled) for text, rule in rules.items()}


def test_unequal_scales(monkeypatch):
    assert verdict(monkeypatch, "18", published(None), run(mixture=average), scale="paper").verdict == "reproduced"
    assert verdict(monkeypatch, "18", published(zero), run(), scale="paper").verdict == "contradicted"


def test_two_levels_of_noise(monkeypatch):
    def noisy(mixture):
        rules = {text: exact(LINEAR, text, NOISES) for text in (NOISES, QUIET, LOUD)}
        rules[NOISES] = mixture or rules[NOISES]
        return {text: arm(LINEAR, text, NOISES, rule) for text, rule in rules.items()}

    assert verdict(monkeypatch, "27", noisy(None)).verdict == "reproduced"
    assert verdict(monkeypatch, "27", noisy(zero)).verdict == "contradicted"


def test_references_are_what_they_are_called():
    task = LINEAR.task(MIXTURE, MIXTURE)
    assert len(set(tuned_lasso(task).alphas)) > 1
    x = torch.from_numpy(stream(0, "x").standard_normal((3, 11, 5)))
    w = torch.from_numpy(stream(0, "w").standard_normal((3, 5)))
    y = (x * w[:, None]).sum(-1)
    torch.testing.assert_close(least_squares(x, y)[:, 5:], y[:, 5:])
