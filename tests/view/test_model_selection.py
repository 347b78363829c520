"""The packs of functions in context: the run's own numbers, and networks that say what Python's say."""

import numpy as np
import pytest
import torch

import latebloom
from latebloom.models import Decoder
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.model_selection.figures import icl
from latebloom.studies.model_selection.live import load, predict
from latebloom.tasks.functions.task import split_name
from latebloom.training.experiment import Experiment
from latebloom.view.pack import unpack
from latebloom.view.views import packs_of, views_of
from latebloom.view.views.curves import heading


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("functions")
    for name in ("testbed", "testbed_specialists", "linear"):
        latebloom.run(f"model_selection.{name}", scale="smoke", home=place, workers=1)
    return place


def _logged(home, name):
    return Logged(Run(next(home.glob(f"model_selection.{name}/*"))))


def test_networks_of_one_seed_stand_together_and_are_the_runs_own(home):
    logged = _logged(home, "testbed")
    document, arrays = unpack(packs_of(logged)["points-1"]())
    assert document["networks"] == ["line+sinusoid", "line+sinusoid+line~sinusoid:share=None", "line", "sinusoid"]
    assert document["seeds"] == [1, 1, 1, 1] and document["points"] == 5
    member = next(n for n, own in logged.specifications.items() if own.seed == 1 and "~" in own.task.mixture)
    for name, value in logged.run.parameters(member).items():
        assert np.abs(arrays[f"1/{name}"][-1] - value.numpy()).max() < 1e-3
    assert np.array_equal(arrays["steps"], logged.run.snapshot_steps(member))


def test_the_packed_network_predicts_what_the_live_one_does(home):
    logged = _logged(home, "testbed")
    document, arrays = unpack(packs_of(logged)["points-0"]())
    snapshot = load(logged.run)
    x, y, query = [0.5, -1.0], [1.0, 0.25], np.linspace(-2, 2, 9)
    expected = predict(snapshot, x, y, query).curves["trained on line+sinusoid"]
    halves = {k[2:]: torch.from_numpy(v[-1].astype(np.float32))[None] for k, v in arrays.items() if k.startswith("0/")}
    own = type(snapshot)(snapshot.task, Decoder.parse(snapshot.model.model_dump()), ("line+sinusoid",), halves, 0)
    found = predict(own, x, y, query).curves["trained on line+sinusoid"]
    assert np.abs(found - expected).max() < 0.01
    assert np.abs(np.roll(found, 1) - expected).max() > 0.01
    assert [row["weight"] for row in document["classes"]] == [0.5, 0.5]


def test_errors_by_pairs_are_the_measured_ones(home):
    logged = _logged(home, "linear")
    document, arrays = unpack(packs_of(logged)["pairs"]())
    assert document["classes"] == ["dense", "sparse"] and document["points"] == 5
    assert {member["chance"] for member in heading(logged)["members"]} == {None}  # real numbers are not guessed
    row = logged.frame.dropna(subset=["test_sparse_by_pairs"]).iloc[-1]
    place = list(logged.members["member"]).index(row["member"])
    step = list(arrays["steps"]).index(row["step"])
    assert np.allclose(arrays["errors1"][step, place], row["test_sparse_by_pairs"], rtol=1e-6)
    for references in document["references"]:
        assert {"Lasso, tuned", "least squares"} < set(references)
        optimum = next(curve for name, curve in references.items() if name.startswith("optimum"))
        assert optimum[-1] < optimum[0] and all(len(curve) == 5 for curve in references.values())


def test_errors_before_a_query_of_its_own_kind_are_not_shown(tmp_path):
    words = ("task.mixture=dense", "task.tests=dense+dense@orthant", "seed=0")
    latebloom.run("model_selection.linear", *words, scale="smoke", home=tmp_path, workers=1)
    document, arrays = unpack(packs_of(_logged(tmp_path, "linear"))["pairs"]())
    assert np.isfinite(arrays["errors0"]).all() and np.isfinite(arrays["errors1"][..., -1]).all()
    assert np.isnan(arrays["errors1"][..., :-1]).all()
    assert document["references"][0] and not document["references"][1]
    task = next(iter(_logged(tmp_path, "linear").specifications.values())).task
    of_the_query = icl.references(task, "dense@orthant", task.mixture)
    assert of_the_query and all(np.isfinite(curve).tolist() == [False] * 4 + [True] for curve in of_the_query.values())


def test_measured_errors_are_over_the_variance_that_their_references_are_over(tmp_path):
    words = ("task.mixture=dense", "task.tests=dense+dense@gaussian:scale=2", "seed=0")
    latebloom.run("model_selection.linear", *words, scale="smoke", home=tmp_path, workers=1)
    logged = _logged(tmp_path, "linear")
    _, arrays = unpack(packs_of(logged)["pairs"]())
    for number, (text, factor) in enumerate((("dense", 1), ("dense@gaussian:scale=2", 4))):
        measured = np.stack(logged.frame[f"{split_name(text)}_by_pairs"].dropna().to_list())
        np.testing.assert_allclose(arrays[f"errors{number}"][:, 0], measured / factor, rtol=1e-5)


def test_points_can_be_moved_where_functions_are_of_one_number(home):
    linear, testbed = _logged(home, "linear"), _logged(home, "testbed")
    assert not [name for name in packs_of(linear) if name.startswith(("points", "earlier"))]
    for logged in (linear, testbed):
        first: Experiment = next(iter(logged.specifications.values()))
        assert [view.name for view in views_of(first)] == ["curves", "model_selection"]
        assert "curves" in packs_of(logged)


def test_snapshots_that_are_too_many_for_a_first_picture_come_later(home, monkeypatch):
    monkeypatch.setattr("latebloom.view.views.model_selection.MOST_BYTES", 1)
    made = packs_of(_logged(home, "testbed"))
    steps = {name: unpack(made[name]())[1]["steps"].tolist() for name in ("points-0", "earlier-0")}
    assert steps["points-0"] == [8] and steps["earlier-0"] == [0, 2, 4, 6]


def test_a_server_makes_a_pack_anew_when_the_neighbouring_run_has_moved_on(home, small_assets, tmp_path):
    import json
    import os
    import shutil
    import time

    pytest.importorskip("starlette", reason="the server needs the extra `view`")
    from latebloom.view.lab import Lab
    from latebloom.view.server.app import Handlers

    place = tmp_path / "home"
    shutil.copytree(home, place)
    handlers = Handlers(Lab(place, tmp_path / "ledger"), small_assets)
    (run,) = [run for run in handlers.lab.runs().values() if run.experiment == "model_selection.testbed"]

    def served():
        document, arrays = unpack(handlers._pack(run, "points-0"))
        return len(document["networks"]), arrays["steps"].tolist()

    assert served() == (4, [0, 2, 4, 6, 8])
    later = time.time() + 100
    for manifest in place.glob("model_selection.testbed_specialists/*/populations/*/manifest.json"):
        told = json.loads(manifest.read_text())
        kept = [snapshot for snapshot in told["snapshots"] if snapshot["step"] < 6]
        manifest.write_text(json.dumps({**told, "snapshots": kept}))
        os.utime(manifest, (later, later))
    assert served() == (4, [0, 2, 4])
    shutil.rmtree(place / "model_selection.testbed_specialists")
    assert served() == (2, [0, 2, 4, 6, 8])


def test_specialists_of_another_shape_do_not_come_along(home, tmp_path):
    import shutil

    place = tmp_path / "other"
    shutil.copytree(home / "model_selection.testbed", place / "model_selection.testbed")
    latebloom.run(
        "model_selection.testbed_specialists", "seed=0", "model.d_model=12", scale="smoke", home=place, workers=1
    )
    document, _ = unpack(packs_of(_logged(place, "testbed"))["points-0"]())
    assert document["networks"] == ["line+sinusoid", "line+sinusoid+line~sinusoid:share=None"]
