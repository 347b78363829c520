"""What the views read: the same numbers as the run's, in a file the front end can read."""

import itertools
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import latebloom
from latebloom.errors import LatebloomError
from latebloom.instruments.outcome import outcome_by_time
from latebloom.models import ModularMLP
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.outcomes import labels
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Stop
from latebloom.view.pack import latest, pack, unpack
from latebloom.view.views import opened_members, packs_of, views_of
from latebloom.view.views.curves import MOST_BYTES, curves_pack, heading
from latebloom.view.views.grokking_outcomes import formula


@pytest.fixture
def modular(lab_home):
    return Logged(Run(next(lab_home.glob("grokking.modular_addition/*"))))


@pytest.fixture
def parity(lab_home):
    return Logged(Run(next(lab_home.glob("grokking.parity/*"))))


def _read(logged, name):
    return unpack(packs_of(logged)[name]())


def test_a_pack_holds_only_what_the_front_end_reads():
    with pytest.raises(LatebloomError, match="'x' is int64; a view reads float16"):
        pack({}, {"x": np.arange(3)})
    with pytest.raises(ValueError, match="JSON"):
        pack({"value": float("nan")}, {})


def test_curves_are_the_runs_measurements_in_nats(modular):
    document, arrays = _read(modular, "curves")
    steps = arrays[f"axis{document['columns']['test_loss']['axis']}"]
    frame = modular.frame
    for place, member in enumerate(document["members"]):
        own = frame[frame["member"] == member["member"]].set_index("step")["test_loss"]
        # The page's loss is divided by the 11 classes.
        expected = 11 * own.reindex(steps.astype(int)).to_numpy()
        assert np.allclose(arrays["test_loss"][place], expected, rtol=1e-6, equal_nan=True)
    assert [member["chance"] for member in document["members"]] == pytest.approx([1 / 11] * 2)
    assert document["loss_unit"] == "cross-entropy (nats)"


def test_a_large_run_is_thinned_and_says_so(modular, monkeypatch):
    assert MOST_BYTES < 2_000_000
    member, step = (part.ravel() for part in np.mgrid[:2, :90])
    modular.frame = pd.DataFrame({"member": member, "step": step, "train_loss": 100.0 * member + step})
    whole, _ = unpack(curves_pack(modular, ["train_loss"]))
    monkeypatch.setattr("latebloom.view.views.curves.MOST_BYTES", 4 * 2 * 16)
    document, arrays = unpack(curves_pack(modular, ["train_loss"]))
    assert (whole["stride"], document["stride"]) == (1, pytest.approx(90 / 16, abs=0.01))
    assert len(arrays["axis0"]) == 16 and arrays["axis0"][[0, -1]].tolist() == [0, 89]
    assert np.allclose(arrays["train_loss"], 11 * (arrays["axis0"] + [[0], [100]]))


def test_a_member_that_ends_between_two_logs_of_a_thinned_run_keeps_its_last_value(modular, monkeypatch):
    """One member stops at step 30 of 40; of five logs the first, the third and the last are kept."""
    table = np.array([[0.1, 0.2, 0.3, 0.4, np.nan], [0.1, 0.1, 0.1, 0.1, 0.1]])
    assert np.array_equal(latest(table, np.array([0, 2, 4]))[0], [0.1, 0.3, 0.4])
    assert np.array_equal(latest(table, np.arange(5)), table, equal_nan=True)
    frame = modular.frame
    modular.frame = frame[(frame["member"] == 1) | (frame["step"] < modular.last_step)]
    _, whole = modular.table("train_accuracy")
    ends = np.array([0, whole.shape[1] - 1])
    monkeypatch.setattr("latebloom.view.views.curves.thinned", lambda count, most: ends)
    _, arrays = unpack(curves_pack(modular, ["train_accuracy"]))
    assert np.isnan(whole[0, -1])
    assert np.allclose(arrays["train_accuracy"], [whole[0, [0, -2]], whole[1, [0, -1]]])


def test_a_guess_is_told_of_every_member_by_itself(modular):
    own = modular.specifications[1]
    modular.specifications[1] = own.model_copy(update={"task": own.task.replace({"p": 7})})
    assert [member["chance"] for member in heading(modular)["members"]] == [1 / 11, 1 / 7]


def test_curves_tell_who_trains_no_further(lab_home, tmp_path):
    """Medians hold the last value of members that are done, and not of those that have not come so far yet."""
    home = tmp_path / "home"
    words = ("seed=0:2", "task.p=11", "training.steps=40", "log.every=10", "training.weight_decay=0,1")
    stop = ("training.stop.metric=train_accuracy", "training.stop.at_least=0", "training.stop.logs=2")
    run = latebloom.run("grokking.modular_addition", *words, *stop, scale="smoke", home=home, workers=1)
    assert run.members()["ended_at"].tolist() == [10.0] * 4
    for place in run.path.glob("populations/*/population.json"):  # as if others in it trained on
        place.write_text(json.dumps({**json.loads(place.read_text()), "status": "training"}))
    assert [member["done"] for member in heading(Logged(Run(run.path)))["members"]] == [True] * 4
    shutil.copytree(lab_home, tmp_path / "other")
    (place,) = (tmp_path / "other").glob("grokking.modular_addition/*/populations/*/population.json")
    place.write_text(json.dumps({**json.loads(place.read_text()), "status": "training"}))
    (path,) = (tmp_path / "other").glob("grokking.modular_addition/*")
    assert [member["done"] for member in heading(Logged(Run(path)))["members"]] == [False, False]
    whole = next(lab_home.glob("grokking.modular_addition/*"))
    assert [member["done"] for member in heading(Logged(Run(whole)))["members"]] == [True, True]


def test_tables_give_the_networks_own_logits(modular, lab_home):
    document, arrays = _read(modular, "tables-1")
    first, out = arrays["first"][-1].astype(float), arrays["out"][-1].astype(float)
    a, b = 3, 7
    ours = np.maximum(first[a] + first[b], 0) @ out.T
    with torch.no_grad():
        theirs = latebloom.network(modular.run, 1)([[a, b]])[0].numpy()
    assert np.allclose(ours, theirs, atol=0.02 * np.abs(theirs).max())
    assert not np.allclose(ours, np.roll(theirs, 1), atol=0.02 * np.abs(theirs).max())
    assert (document["p"], document["activation"], document["operation"]) == (11, "relu", "add")


def test_a_film_too_long_loses_snapshots_evenly(modular, monkeypatch):
    monkeypatch.setattr("latebloom.view.views.grokking_networks.MOST_BYTES", 2 * 11 * 24 * 2 * 4)
    _, arrays = _read(modular, "tables-0")
    assert len(arrays["steps"]) == 4 < len(modular.run.snapshot_steps(0))
    assert (arrays["steps"][0], arrays["steps"][-1]) == (0, 40)


def test_parity_weights_are_the_runs_own(parity):
    document, arrays = _read(parity, "parity-0")
    params = parity.run.parameters(0)
    assert (document["n"], document["k"]) == (30, 3)
    assert np.allclose(arrays["input"][-1], params["W_0"].numpy(), atol=1e-3)
    assert np.allclose(arrays["out"][-1], params["W_out"].numpy()[:, 0], atol=1e-3)


def test_outcomes_carry_the_labels_of_the_instrument(modular):
    document, arrays = _read(modular, "outcomes")
    steps, train = modular.table("train_accuracy")
    _, test = modular.table("test_accuracy")
    assert document["delay"] == 4  # a tenth of the run
    expected = outcome_by_time(steps, train, test, chance=1 / 11, level=0.95, min_delay=4)
    assert document["labels"][1] == expected.label.tolist()
    assert np.array_equal(arrays["t_gen"][1], expected.t_gen)


def test_the_view_of_a_short_run_opens_on_whom_its_figures_call_late(modular):
    """Member 1 knows what it was trained on at step 10, and the rest at 20: of 40 steps that is late."""
    frame = modular.frame
    known = {"train_accuracy": frame["step"] >= 10, "test_accuracy": frame["step"] >= 20}
    told = {name: frame[name].mask(frame["member"] == 1, now.astype(float)) for name, now in known.items()}
    modular.frame = frame.assign(**told)
    assert labels(modular)["by times"][1] == "grok"
    document, _ = _read(modular, "outcomes")
    assert document["labels"][1][1] == "grok" and document["opens"] == 1
    assert opened_members(modular) == [1]


def test_the_ratio_rule_has_the_unit_of_its_source(modular, parity):
    document, arrays = _read(modular, "outcomes")
    assert document["divisors"] == [11, 11]  # the explorable's losses of residues are nats over p
    raw = modular.frame.groupby("member")["train_loss"].min()
    assert np.allclose(arrays["min_train"] / document["divisors"], raw, rtol=1e-6)  # this run logs in that unit
    assert not np.allclose(arrays["min_train"], raw, rtol=1e-6)
    assert parity.source_divisor(0) == 1


def test_it_is_told_where_training_ends_by_accuracy(modular):
    own = modular.specifications[0]
    assert _read(modular, "outcomes")[0]["stops"] is False
    for metric, told in (("test_accuracy", True), ("test_loss", False)):
        training = own.training.model_copy(update={"stop": Stop(metric=metric, at_least=0.9)})
        modular.specifications[0] = own.model_copy(update={"training": training})
        assert _read(modular, "outcomes")[0]["stops"] is told, metric


def test_the_unit_of_the_source_does_not_depend_on_what_a_member_is_trained_on(modular):
    own = modular.specifications[0]
    for loss, divisor in (("cross_entropy", 11), ("cross_entropy_per_class", 11), ("mse", 1), ("stablemax", 1)):
        training = own.training.model_copy(update={"loss": loss})
        modular.specifications[0] = own.model_copy(update={"training": training})
        assert modular.source_divisor(0) == divisor, loss


def test_views_are_chosen_by_what_a_run_holds(modular, parity):
    assert [view.name for view in views_of(modular.specifications[0])] == ["curves", "grokking"]
    assert "gallery" in packs_of(modular) and "gallery" not in packs_of(parity)
    document, _ = _read(modular, "gallery")
    assert [network["member"] for network in document["networks"]] == [0, 1]
    for network in document["networks"]:
        assert sum(network["neurons"]) + network["ungrouped"] == 24


def test_every_pack_is_strict_json_and_small_at_first(modular, parity):
    for logged in (modular, parity):
        for name, make in packs_of(logged).items():
            content = make()
            length = int.from_bytes(content[:8], "little")
            header = content[8 : 8 + length].decode()
            assert "NaN" not in header and "Infinity" not in header, name
            json.loads(header)
        assert len(packs_of(logged)["curves"]()) < 2_000_000


LETTERS = {"E": "W_E", "U": "W_U", "B": "W_out", "C": "out_table", "A": "W_in", "A1": "W_in_a", "A2": "W_in_b"}
TABLES = {"A": "in_table", "A1": "in_table_a", "A2": "in_table_b"}  # where the input product is collapsed


def _computed(text, params, a, b):
    """What a formula says, computed from its words alone: letters are matrices, a space between two is a product."""
    given = {letter: params.get(name, params.get(TABLES.get(letter))) for letter, name in LETTERS.items()}
    code = text.replace("₁", "1").replace("₂", "2").replace("Eᵀ", "E.T").replace("²", "**2")
    code = re.sub(r"(?<=[\w\])]) (?=[A-Z])", " @ ", code)
    return eval(code, {"ReLU": lambda x: np.maximum(x, 0), "a": a, "b": b, **given})


@pytest.mark.parametrize(
    ("into", "out", "tied", "shared", "activation"),
    list(itertools.product(*[["factored", "collapsed"]] * 2, *[[True, False]] * 2, ["relu", "square"])),
)
def test_the_formula_of_an_architecture_gives_the_networks_logits(into, out, tied, shared, activation):
    settings = {"d_mlp": 5, "d_embed": 3, "tied": tied, "shared": shared, "activation": activation}
    model = ModularMLP(in_product=into, out_product=out, **settings)
    noise = np.random.default_rng(0)
    shapes = model.shapes(ModularArithmetic(p=7).signature)
    params = {name: noise.normal(size=shape.dims) for name, shape in shapes.items()}
    tensors = {name: torch.from_numpy(value)[None] for name, value in params.items()}
    logits = model.forward(tensors, torch.tensor([[[2, 5]]]))[0, 0].numpy()
    assert np.allclose(_computed(formula(model), params, 2, 5), logits)
    other = model.model_copy(update={"activation": "square" if activation == "relu" else "relu"})
    assert not np.allclose(_computed(formula(other), params, 2, 5), logits)
