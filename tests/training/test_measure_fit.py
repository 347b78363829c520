"""Accuracy is a share of rows: exactly 1 where every row is right. A measure that does not fit says so."""

import pytest
import torch

from latebloom import studies
from latebloom.errors import LatebloomError, RunFailed
from latebloom.models import MLP
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Experiment
from latebloom.training.measures import MEASURES, Adapter, fit, take
from latebloom.training.population import Population
from latebloom.training.view import View
from tests.training.build import parity, sequences, tiny

studies.load()


@pytest.mark.parametrize("p", [43, 53, 61, 67])
def test_all_rows_right_is_one_and_none_is_zero(p):
    experiment = Experiment(name="x", task=ModularArithmetic(p=p), model=MLP(hidden=2, layers=1))
    population = Population.start([experiment])
    view = View(population, 0)
    right = torch.nn.functional.one_hot(view.splits["train"].targets, p).float()
    view._logits = {
        "train": right,
        "test": torch.roll(torch.nn.functional.one_hot(view.splits["test"].targets, p), 1, -1).float(),
    }
    columns = fit(view)
    assert columns["train_accuracy"].tolist() == [1.0]
    assert columns["test_accuracy"].tolist() == [0.0]


def test_padding_rows_do_not_count():
    base = Experiment(name="x", task=ModularArithmetic(p=7), model=MLP(hidden=2, layers=1))
    population = Population.start([base.replace({"task.n_train": n}) for n in (5, 20)])
    view = View(population, 0)
    targets = view.splits["train"].targets
    wrong_first = torch.nn.functional.one_hot(targets, 7).float()
    wrong_first[:, 0] = torch.roll(wrong_first[:, 0], 1, -1)
    view._logits = {"train": wrong_first, "test": view.logits("test")}
    assert fit(view)["train_accuracy"].tolist() == pytest.approx([4 / 5, 19 / 20])


def test_a_split_whose_loss_is_not_finite_has_no_accuracy_and_the_other_keeps_its_own():
    population = Population.start(
        [Experiment(name="x", task=ModularArithmetic(p=7), model=MLP(hidden=2, layers=1))] * 2
    )
    view = View(population, 0)
    view.logits("test")[1, 3] = torch.nan
    columns = fit(view)
    assert columns["test_accuracy"].isnan().tolist() == [False, True]
    assert columns["train_accuracy"].isfinite().all()


def taken(experiment, name):
    """The columns of one measure, as training takes it."""
    return take([name], View(Population.start([experiment]), 0))[name]


@pytest.mark.parametrize("name", ["stability", "grokking.logit_scale"])
def test_a_measure_of_training_rows_refuses_sequences_in_a_sentence(name):
    for experiment in (tiny(), parity()):
        assert torch.isfinite(taken(experiment, name)["logit_rms"]).all()
    with pytest.raises(LatebloomError, match=rf"^{name} reads fixed training rows .*'majority' gives sequences"):
        taken(sequences(), name)


@pytest.mark.parametrize(
    ("reads", "told"),
    [
        (lambda view: view.params["no such table"], "KeyError: 'no such table'"),
        (lambda view: torch.ones(2, 3) @ torch.ones(2, 3), "RuntimeError: .*shapes cannot be multiplied"),
    ],
)
def test_a_measure_that_meets_what_it_was_not_written_for_is_named(monkeypatch, reads, told):
    adapter = Adapter("own.lost", 1, lambda view: {"x": reads(view)})
    monkeypatch.setitem(MEASURES._parts, "own.lost", adapter)
    with pytest.raises(RunFailed, match=rf"'own.lost' stopped with {told}.*measure.own.lost=false"):
        taken(tiny(), "own.lost")


def test_want_of_memory_and_refusals_of_a_measure_are_passed_on_as_they_are(monkeypatch):
    def failing(error):
        def measure(view):
            raise error

        return Adapter("own.failing", 1, measure)

    for error in (MemoryError(), RuntimeError("can't allocate memory"), LatebloomError("own.failing needs more.")):
        monkeypatch.setitem(MEASURES._parts, "own.failing", failing(error))
        with pytest.raises(type(error)) as caught:
            taken(tiny(), "own.failing")
        assert caught.value is error
