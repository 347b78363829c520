"""A site that is whole, opens without a server, and never overwrites what is not ours."""

import base64
import json
import re

import pytest

from latebloom.errors import LatebloomError
from latebloom.view.export import MARK, chosen_packs, export, sampled, smaller
from latebloom.view.pack import unpack


def _taken(path):
    """Name and value of a data script."""
    name, value = re.fullmatch(r'latebloomTake\(("[^"]+"),(.*)\);\n', path.read_text(), re.DOTALL).groups()
    return json.loads(name), json.loads(value)


@pytest.fixture
def no_claims(monkeypatch):
    """The claims of a study are many and drawing them takes a minute: two are enough here."""
    from latebloom.view.lab import Lab

    every = Lab.claims.func
    monkeypatch.setattr(
        Lab,
        "claims",
        property(lambda lab: {k: v for k, v in every(lab).items() if k in ("grokking.14", "grokking.16")}),
    )


def test_a_site_holds_every_run_and_claim(lab_home, small_assets, tmp_path, no_claims):
    from pathlib import Path

    ledger = Path(__file__).parents[2] / "ledger"
    out = tmp_path / "site"
    written = export(lab_home, ledger, out, ["grokking"], snapshots=5, assets=small_assets)
    assert set(written) == {path for path in out.rglob("*") if path.is_file()}
    assert 'content="folder"' in (out / "index.html").read_text()
    name, index = _taken(out / "data" / "index.js")
    assert name == "index" and len(index["runs"]) == 3
    for run in index["runs"]:
        _, document = _taken(out / "data" / "runs" / f"{run['id']}.js")
        for name in document["packs"]:
            place = out / "data" / "packs" / run["id"] / f"{name}.js"
            told, value = _taken(place)
            assert told == f"packs/{run['id']}/{name}"
            _, arrays = unpack(base64.b64decode(value))
            if name.startswith("tables-"):
                assert len(arrays["steps"]) == 5
    _, claim = _taken(out / "data" / "claims" / "grokking.14.js")
    assert claim["rule"] and claim["command"] == "latebloom reproduce grokking.14 --scale quick"
    assert claim["pictures"] == len(list((out / "pictures").glob("grokking.14-*.png"))) >= 1


def test_no_text_can_end_a_script(tmp_path):
    from latebloom.view.export import _take

    _take(tmp_path, "x", {"text": "</script><script>alert(1)"})
    assert "<" not in (tmp_path / "data" / "x.js").read_text()
    assert _taken(tmp_path / "data" / "x.js")[1]["text"] == "</script><script>alert(1)"


def test_an_earlier_export_is_replaced_and_nothing_else(lab_home, small_assets, tmp_path, no_claims):
    out = tmp_path / "site"
    export(lab_home, tmp_path / "ledger", out, assets=small_assets)
    (out / "old.txt").write_text("left over")
    export(lab_home, tmp_path / "ledger", out, assets=small_assets)
    assert not (out / "old.txt").exists() and (out / MARK).exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(LatebloomError, match="holds other files"):
        export(lab_home, tmp_path / "ledger", mine, assets=small_assets)
    assert (mine / "thesis.txt").read_text() == "mine"
    with pytest.raises(LatebloomError, match="is a file"):
        export(lab_home, tmp_path / "ledger", mine / "thesis.txt", assets=small_assets)


def test_bad_words_are_told(lab_home, small_assets, tmp_path):
    with pytest.raises(LatebloomError, match=r"Unknown study 'groking'\. Did you mean 'grokking'"):
        export(lab_home, tmp_path, tmp_path / "out", ["groking"], assets=small_assets)
    with pytest.raises(LatebloomError, match="--snapshots 1: a film has at least two"):
        export(lab_home, tmp_path, tmp_path / "out", snapshots=1, assets=small_assets)
    assert not (tmp_path / "out").exists()


def test_long_lists_of_members_are_cut():
    packs = {"curves": bytes, "gallery": bytes, **{f"tables-{i}": bytes for i in range(20)}}
    assert sorted(chosen_packs(packs)) == ["curves", "gallery", *(f"tables-{i}" for i in range(6))]


def test_networks_that_are_too_large_for_a_site_are_left_out_and_not_listed(
    lab_home, small_assets, tmp_path, no_claims, monkeypatch
):
    def tables(out):
        export(lab_home, tmp_path / "ledger", out, ["grokking"], assets=small_assets)
        documents = [_taken(path)[1] for path in (out / "data" / "runs").glob("*.js")]
        document = next(one for one in documents if one["experiment"] == "grokking.modular_addition")
        listed = {name for name in document["packs"] if name.startswith("tables-")}
        written = {path.stem for path in (out / "data" / "packs" / document["id"]).glob("tables-*.js")}
        assert listed == written
        return listed

    assert tables(tmp_path / "whole") == {"tables-0", "tables-1"}
    monkeypatch.setattr("latebloom.view.export.MOST_BYTES", 10)
    assert tables(tmp_path / "first") == {"tables-0"}
    monkeypatch.setattr("latebloom.view.export.LARGEST", 10)
    assert tables(tmp_path / "none") == set()


def test_other_packs_are_not_sampled(lab):
    run = next(run for run in lab.runs().values() if run.experiment == "grokking.modular_addition")
    content = lab.packs(run)["curves"]()
    assert sampled(content, 2) == content


def test_pictures_shrink_and_stay_pictures():
    import io

    import numpy as np
    from PIL import Image

    out = io.BytesIO()
    smooth = np.tile(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], (300, 1, 3))
    Image.fromarray(smooth).save(out, "PNG", compress_level=0)
    small = smaller(out.getvalue())
    assert len(small) < len(out.getvalue())
    assert Image.open(io.BytesIO(small)).size == (400, 300)
