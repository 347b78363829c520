"""What the view of mesa-optimization reads: the network's own products, the judges' references, the judges' probes."""

import json

import numpy as np
import pytest
import torch

import latebloom
from latebloom.instruments.linear_attention import Products
from latebloom.instruments.linear_attention import run as run_products
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.deep_probes import r2
from latebloom.studies.mesa_optimization.claims.networks import Network, by_place, formula, one_step, ridge_of, zero
from latebloom.studies.mesa_optimization.figures.references import references
from latebloom.view.pack import unpack
from latebloom.view.views import opened_members, packs_of, views_of
from tests.view.mesa_numbers import PLACE, numbers
from tests.view.test_numbers import _close

SETTINGS = ("seed=0", "snapshots.every=10")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("mesa")


@pytest.fixture(scope="module")
def deep(home):
    settings = ("seed=0:2", "model.n_layers=1,2", "snapshots.every=10")
    return Logged(latebloom.run("mesa_optimization.deep", *settings, scale="smoke", home=home, workers=1))


@pytest.fixture(scope="module")
def hybrid(home):
    return Logged(latebloom.run("mesa_optimization.hybrid", *SETTINGS, scale="smoke", home=home, workers=1))


def _read(logged, name):
    return unpack(packs_of(logged)[name]())


def test_products_are_the_networks_own(deep):
    document, arrays = _read(deep, "weights-3")
    assert (document["layers"], document["movable"], document["channels"][0]) == (2, True, "said")

    def product(kind, layer):
        return torch.from_numpy(arrays[kind][-1, layer].astype(float) * float(arrays[f"{kind}_scale"][-1, layer]))

    layers = [Products(product("qk", layer), product("ov", layer)) for layer in range(2)]
    net = Network(deep.run, 3, 24)
    tokens, states, targets = net.test
    ours = run_products(layers, tokens, document["clip"])[-1][..., : document["width"]]
    theirs = net.outputs()
    assert torch.allclose(ours, theirs, atol=2e-3 * float(theirs.abs().max()))
    assert not torch.allclose(ours, theirs.roll(1, 0), atol=2e-3 * float(theirs.abs().max()))
    assert np.allclose(arrays["states"][:, :-1], states) and np.allclose(arrays["states"][:, 1:], targets)


def test_references_are_those_that_claims_are_judged_by(deep):
    document, arrays = _read(deep, "mesa")
    found = dict(zip(document["references"], arrays["references"], strict=True))
    net = Network(deep.run, 0)  # its 64 test sequences are fewer than the view's
    for name, said in (
        ("zero", zero(net)),
        ("ridge", ridge_of(net)),
        ("ridge, newest pair left out", ridge_of(net, True)),
        ("one gradient step", one_step(net)),
        ("best of 12 numbers", formula(net)),
    ):
        assert np.allclose(found.pop(name), by_place(net, said), rtol=1e-5), name
    six, shown = by_place(net, solved(net, fitted(net))), found.pop("6 solver steps")
    assert np.allclose(shown, six, rtol=0.1)  # fitted on a quarter of the sequences
    assert shown.mean() == pytest.approx(six.mean(), rel=0.01) and not found
    assert not np.allclose(by_place(net, ridge_of(net)), by_place(net, zero(net)), rtol=0.1)
    assert document["window"] == 1
    assert document["solver"]["steps"] == [1, 2, 3, 4, 6]
    assert document["solver"]["loss"][0] > document["solver"]["loss"][-1]


def test_partly_seen_systems_have_the_ridge_of_the_picture(home):
    """A predictor that reads the last state alone is hardly better than nothing there, and is not called ridge."""
    words = ("seed=0", "snapshots.every=10", "task.length=16", "task.n_test=256")
    partial = Logged(latebloom.run("mesa_optimization.partial", *words, scale="smoke", home=home, workers=1))
    document, arrays = _read(partial, "mesa")
    found = dict(zip(document["references"], arrays["references"], strict=True))
    picture = references(Network(partial.run, 0))
    for name in ("zero", "one gradient step", "ridge", "ridge, last state alone", "Kalman filter (told W, C)"):
        assert np.allclose(found[name], picture.fair[name], rtol=1e-5), name
    assert document["window"] == picture.window > 1 and document["solver"] is None
    last = {name: losses[-1] for name, losses in found.items()}
    assert last["Kalman filter (told W, C)"] < last["ridge"] < 0.7 * last["ridge, last state alone"]


def test_losses_by_place_are_the_runs_own(deep):
    document, arrays = _read(deep, "mesa")
    frame = deep.frame[deep.frame["loss_by_place"].notna()]
    last = frame[frame["step"] == frame["step"].max()].set_index("member")["loss_by_place"]
    for place, member in enumerate(deep.members["member"]):
        assert np.allclose(arrays["by_place"][-1, place], last[member], rtol=1e-6)
    names = [arm["name"] for arm in document["groups"][0]["arms"]]
    assert names == ["1 linear layer", "2 linear layers"]


def test_the_view_opens_on_the_first_of_the_deepest_networks(deep):
    deepest = [member for member, own in deep.specifications.items() if own.model.n_layers == 2]
    assert len(deepest) == 2
    assert _read(deep, "mesa")[0]["opens"] == deepest[0]
    assert opened_members(deep) == deepest[:1]


def test_probes_read_what_the_judges_read(deep):
    document, arrays = _read(deep, "probes-2")
    net = Network(deep.run, 2)
    theirs = r2(torch.stack(net.streams()), net.test[2], outliers=False)
    assert document["kinds"][0] == "next state"
    assert np.allclose(arrays["r2"][-1, 0], np.clip(theirs, -9, 9), atol=0.05)
    assert arrays["steps"][0] == 0 and arrays["steps"][-1] == deep.last_step


def test_plain_networks_show_what_they_bind(hybrid):
    packs = packs_of(hybrid)
    assert "weights-0" not in packs
    _, arrays = _read(hybrid, "binding-0")
    assert arrays["attention"].shape[1] == 4
    assert np.all(arrays["attention"] >= 0) and np.all(arrays["attention"] <= 1)
    assert arrays["unread"].shape == (len(arrays["steps"]), arrays["attention"].shape[-1])


def test_a_text_has_no_references_and_other_runs_no_such_view(home, lab_home):
    from latebloom.runs.run import Run

    text = Logged(latebloom.run("mesa_optimization.language_mesa", "seed=0", scale="smoke", home=home, workers=1))
    document, arrays = _read(text, "mesa")
    assert document["references"] == [] and document["unit"] == "nats" and "by_place" in arrays
    parity = Logged(Run(next(lab_home.glob("grokking.parity/*"))))
    assert "mesa_optimization" not in [view.name for view in views_of(parity.specifications[0])]


def test_every_pack_is_small_and_strict_json(deep, hybrid):
    for logged in (deep, hybrid):
        for name, make in packs_of(logged).items():
            content = make()
            header = content[8 : 8 + int.from_bytes(content[:8], "little")].decode()
            assert len(content) < 500_000 and "NaN" not in header, name


def test_stored_numbers_are_those_of_today():
    stored, now = json.loads(PLACE.read_text()), numbers()
    assert _close(stored, now), "run `python -m tests.view.mesa_numbers` and look at web/tests"
    now["stacks"][0]["blends"][1]["said"][3] += 1e-3
    assert not _close(stored, now)
