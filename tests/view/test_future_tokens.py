"""What the view of future tokens reads: the runs' own lists, and what their networks say of the same sequences."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import latebloom
from latebloom.data import Place
from latebloom.studies.drawing.logged import Logged
from latebloom.view.pack import unpack
from latebloom.view.views import packs_of, views_of
from latebloom.view.views.future_tokens import lists


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("future")


def _made(home, name, *settings):
    return Logged(latebloom.run(f"future_tokens.{name}", "seed=0:2", *settings, scale="smoke", home=home, workers=1))


@pytest.fixture(scope="module")
def text(home):
    return _made(home, "text", "snapshots.every=4")


@pytest.fixture(scope="module")
def sine(home):
    return _made(home, "sine")


@pytest.fixture(scope="module")
def products(home):
    return _made(home, "multiplication")


@pytest.fixture(scope="module")
def majorities(home):
    return _made(home, "majority")


def _read(logged, name):
    return unpack(packs_of(logged)[name]())


def test_losses_by_place_are_the_runs_own(text):
    document, arrays = _read(text, "future")
    frame = text.frame.set_index(["step", "member"])["loss_by_place"]
    for at, step in enumerate(arrays["by_place_steps"]):
        for place, member in enumerate(text.members["member"]):
            assert np.allclose(arrays["by_place"][at, place], frame[step, member], rtol=1e-6)
    assert [arm["past"] for arm in document["groups"][0]["arms"]] == ["whole", "hidden", "keys", "zeroed"]
    assert document["place_unit"] == "nats" and document["maps"]["lens"]["rows"][-1] == "pairs, chained"


def test_surprisal_is_the_networks_own(text):
    document, arrays = _read(text, "sample-0")
    assert [arm["past"] for arm in document["arms"]] == ["whole", "hidden", "keys", "zeroed"]
    own = text.specifications[document["arms"][1]["member"]]
    batch = own.task.data([own.task], [own.seed], Place()).splits["test"]
    inputs, targets = batch.inputs[0, :10], batch.targets[0, :10]
    with torch.no_grad():
        logits = latebloom.network(text.run, document["arms"][1]["member"])(inputs)
    logits = torch.as_tensor(logits).reshape(*targets.shape, -1)
    expected = torch.nn.functional.cross_entropy(logits.mT, targets, reduction="none").numpy()
    assert np.allclose(arrays["surprisal"][-1, 1], expected, atol=5e-3)
    assert not np.allclose(arrays["surprisal"][-1, 1], np.roll(expected, 1, -1), atol=5e-3)
    decode = own.task.corpus.tokenizer.decode
    assert "".join(document["symbols"][i] for i in arrays["targets"][3]) == decode(targets[3].tolist())
    likeliest = [decode([int(token)]) for token in logits[2].argmax(-1)]
    assert [document["symbols"][i] for i in arrays["top"][-1, 1, 2, :, 0]] == likeliest
    assert np.all(np.diff(arrays["chance"].astype(float), axis=-1) <= 1e-3)
    assert arrays["steps"].tolist() == [0, 4, 8, 12]


def test_where_no_loss_by_place_was_logged_it_is_computed(products):
    document, arrays = _read(products, "future")
    assert len(document["groups"]) == 2  # by the width that factors are filled up to
    last = products.frame[products.frame["step"] == products.last_step].set_index("member")["test_loss"]
    for place, member in enumerate(products.members["member"]):
        mean = np.nanmean(arrays["by_place"][-1, place])  # all 32 test rows, each place that counts as often
        assert mean == pytest.approx(last[member], rel=1e-4)
    document, arrays = _read(products, "sample-0")
    assert set(document["symbols"]) <= set("0123456789*=")
    assert not arrays["weight"][:, 0].any() and arrays["weight"][:, -1].all()


def test_all_sequences_begin_at_the_first_place_and_shorter_ones_end_before(products):
    _, arrays = _read(products, "future")
    lengths = [products.specifications[member].task.signature.n_ctx for member in products.members["member"]]
    assert len(set(lengths)) == 2 and arrays["by_place"].shape[-1] == max(lengths)
    for place, length in enumerate(lengths):
        assert np.isfinite(arrays["by_place"][:, place, length - 1]).all()  # the last digit of the product
        assert np.isnan(arrays["by_place"][:, place, length:]).all()


def test_logged_lists_may_differ_in_length():
    """Members on sequences of two lengths: the longest decides, the ends of the others stay empty."""
    rows = [(1, 0, [1.0, 2.0, 3.0]), (1, 1, [4.0, 5.0])]
    frame = pd.DataFrame(rows, columns=["step", "member", "loss_by_place"])
    logged = SimpleNamespace(frame=frame, members=pd.DataFrame({"member": [0, 1]}))
    for order in ([0, 1], [1, 0]):
        logged.frame = frame.iloc[order]
        steps, table = lists(logged, ["loss_by_place"])
        assert steps.tolist() == [1]
        assert np.array_equal(table[0, :, 0], [[1, 2, 3], [4, 5, np.nan]], equal_nan=True)


def test_kinds_of_majority_are_told_in_plain_words(majorities):
    document, _ = _read(majorities, "future")
    by_label = {group["label"]: group for group in document["groups"]}
    assert list(by_label) == ["majority", "conditioned majority"]
    for label, group in by_label.items():
        members = [majorities.members["member"].iloc[place] for arm in group["arms"] for place in arm["members"]]
        assert {majorities.specifications[n].task.conditioned for n in members} == {label.startswith("conditioned")}
    assert {sample["group"] for sample in document["samples"]} == set(by_label)
    assert not [word for arm in majorities.arms for word in ("True", "False") if word in arm.label]


def test_probe_maps_are_the_runs_own(sine):
    document, arrays = _read(sine, "future")
    told = document["maps"]["lags"]
    assert told["rows"] == ["embedding", "after block 1", "after block 2"] and told["columns"][-1] == "sum"
    row = sine.frame[(sine.frame["member"] == 1) & (sine.frame["step"] == sine.last_step)].iloc[0]
    place = list(sine.members["member"]).index(1)
    for layer in range(3):
        assert np.allclose(arrays["lags"][-1, place, layer, :-1], np.clip(row[f"lag_r2_{layer}"], -9, 9), atol=5e-3)
        assert arrays["lags"][-1, place, layer, -1] == pytest.approx(max(-9, row[f"sum_r2_{layer}"]), abs=5e-3)
    assert arrays["push"].shape[2] == 3
    assert document["samples"] == []  # its places hold real numbers


def test_views_are_chosen_by_what_is_measured(text, sine, lab_home):
    from latebloom.runs.run import Run

    for logged in (text, sine):
        assert [view.name for view in views_of(logged.specifications[0])] == ["curves", "future_tokens"]
    parity = Logged(Run(next(lab_home.glob("grokking.parity/*"))))
    assert "future_tokens" not in [view.name for view in views_of(parity.specifications[0])]


def test_every_pack_is_small_and_strict_json(text, sine, products, majorities):
    for logged in (text, sine, products, majorities):
        for name, make in packs_of(logged).items():
            content = make()
            header = content[8 : 8 + int.from_bytes(content[:8], "little")].decode()
            assert len(content) < 300_000 and "NaN" not in header, name
