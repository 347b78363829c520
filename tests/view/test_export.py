"""A site that is whole, opens without a server, and never overwrites what is not ours."""

import base64
import errno
import io
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from latebloom.errors import LatebloomError, StoreError
from latebloom.view.export import MARK, Site, export
from latebloom.view.lab import Lab
from latebloom.view.pack import pack, unpack
from latebloom.view.pictures import Pictures, smaller
from latebloom.view.sampling import ranked, sampled, water_level

LEDGER = Path(__file__).parents[2] / "ledger"


def _taken(path):
    """Name and value of a data script."""
    name, value = re.fullmatch(r'latebloomTake\(("[^"]+"),(.*)\);\n', path.read_text(), re.DOTALL).groups()
    return json.loads(name), json.loads(value)


@pytest.fixture
def no_claims(monkeypatch):
    """The claims of a study are many and drawing them takes a minute: two are enough here."""
    every = Lab.claims.func
    monkeypatch.setattr(
        Lab,
        "claims",
        property(lambda lab: {k: v for k, v in every(lab).items() if k in ("grokking.14", "grokking.16")}),
    )


def _pack_of(out, document, name):
    _, value = _taken(out / "data" / "packs" / f"{document['files'][name]}.js")
    return unpack(zlib.decompress(base64.b64decode(value)))


def test_a_site_holds_every_run_and_claim(lab_home, small_assets, tmp_path, no_claims):
    out = tmp_path / "site"
    written = export(lab_home, LEDGER, out, ["grokking"], snapshots=5, assets=small_assets)
    assert set(written) == {path for path in out.rglob("*") if path.is_file()}
    assert 'content="folder"' in (out / "index.html").read_text()
    name, index = _taken(out / "data" / "index.js")
    assert name == "index" and len(index["runs"]) == 3
    for run in index["runs"]:
        _, document = _taken(out / "data" / "runs" / f"{run['id']}.js")
        assert document["packs"] == sorted(document["files"])
        for name in document["packs"]:
            _, arrays = _pack_of(out, document, name)
            if name.startswith("tables-"):
                assert len(arrays["steps"]) == 5
    _, claim = _taken(out / "data" / "claims" / "grokking.14.js")
    assert claim["rule"] and claim["command"] == "latebloom reproduce grokking.14 --scale quick"
    assert claim["pictures"]
    _, other = _taken(out / "data" / "claims" / "grokking.16.js")
    # No picture is written that no claim shows.
    assert {path.name for path in (out / "pictures").iterdir()} == {*claim["pictures"], *other["pictures"]}


def test_all_claims_leave_room_for_networks(lab_home, small_assets, tmp_path, monkeypatch):
    """The limit is 15 MB. Drawing every claim takes a minute: a tenth is drawn, and counted ten times."""
    every = Lab.claims.func(Lab(lab_home, LEDGER))
    lab = Lab(lab_home, LEDGER)
    judged = [key for key, claim in every.items() if lab.standing_of(claim).entry.judged_at]
    kept = {key: every[key] for key in judged[::10]}
    monkeypatch.setattr(Lab, "claims", property(lambda lab: kept))
    written = export(lab_home, LEDGER, tmp_path / "site", assets=small_assets)
    size = sum(path.stat().st_size for path in written if {"pictures", "claims"} & set(path.parts))
    assert len(judged) > 50
    assert size * len(judged) / len(kept) < 6_000_000
    again = Lab(lab_home, LEDGER)
    assert all(again.pictures(claim) for claim in kept.values()) and again._pictures.drawn == 0


def test_films_fill_the_room_there_is_and_no_more(lab_home, small_assets, tmp_path, no_claims):
    sizes = {}
    for most in (10_000, 140_000, 14_000_000):
        files = export(lab_home, LEDGER, tmp_path / str(most), snapshots=60, assets=small_assets, most=most)
        sizes[most] = sum(path.stat().st_size for path in files)
    assert sizes[10_000] <= sizes[140_000] <= sizes[14_000_000]
    run = next(
        run.hash for run in Lab(lab_home, LEDGER).runs().values() if run.experiment == "grokking.modular_addition"
    )
    _, small = _taken(tmp_path / "10000" / "data" / "runs" / f"{run}.js")
    _, large = _taken(tmp_path / "14000000" / "data" / "runs" / f"{run}.js")
    assert {"curves", "tables-0"} <= set(small["packs"]) < set(large["packs"])  # what the view opens on stays


def test_no_text_can_end_a_script(tmp_path):
    Site(tmp_path).take("x", {"text": "</script><script>alert(1)"})
    assert "<" not in (tmp_path / "data" / "x.js").read_text()
    assert _taken(tmp_path / "data" / "x.js")[1]["text"] == "</script><script>alert(1)"


def test_equal_files_are_written_once(tmp_path):
    site = Site(tmp_path)
    assert site.pack(b"same") == site.pack(b"same") != site.pack(b"other")
    assert site.picture(b"one") == site.picture(b"one")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3 and site.size == sum(path.stat().st_size for path in files)


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


def test_a_site_is_replaced_where_one_stands_and_behind_a_link(
    lab_home, small_assets, tmp_path, no_claims, monkeypatch
):
    out, link = tmp_path / "site", tmp_path / "link"
    out.mkdir()
    link.symlink_to(out)
    for place in (Path("."), link):
        monkeypatch.chdir(out)
        written = export(lab_home, tmp_path / "ledger", place, assets=small_assets)
        assert set(written) == {path for path in out.rglob("*") if path.is_file()} >= {out / MARK}
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, out]


def test_a_site_that_cannot_be_put_in_place_leaves_what_stands_there(
    lab_home, small_assets, tmp_path, no_claims, monkeypatch
):
    out = tmp_path / "site"
    export(lab_home, tmp_path / "ledger", out, assets=small_assets)
    (out / "old.txt").write_text("left over")

    def refuse(source, target):
        raise OSError(errno.EACCES, "Permission denied")

    (out / "runs").mkdir()  # of somebody who has trained there
    with pytest.raises(LatebloomError, match=r"site is replaced as a whole, and .*runs lies in it"):
        export(out / "runs", tmp_path / "ledger", out, assets=small_assets)
    monkeypatch.setattr("latebloom.view.export.os.replace", refuse)
    with pytest.raises(StoreError, match=r"Cannot write .*site: no permission to write there: write the site to a f"):
        export(lab_home, tmp_path / "ledger", out, assets=small_assets)
    assert (out / "old.txt").exists() and (out / MARK).exists()
    assert list(tmp_path.iterdir()) == [out]


def test_bad_words_are_told(lab_home, small_assets, tmp_path):
    with pytest.raises(LatebloomError, match=r"Unknown study 'groking'\. Did you mean 'grokking'"):
        export(lab_home, tmp_path, tmp_path / "out", ["groking"], assets=small_assets)
    with pytest.raises(LatebloomError, match="--snapshots 1: a film has at least two"):
        export(lab_home, tmp_path, tmp_path / "out", snapshots=1, assets=small_assets)
    assert not (tmp_path / "out").exists()


def test_the_member_that_views_open_on_comes_first():
    packs = {"curves": bytes, "gallery": bytes, **{f"tables-{i}": bytes for i in range(20)}}
    assert ranked(packs) == [["curves", "gallery"], *([f"tables-{i}"] for i in range(6))]
    assert ranked(packs, [17])[1:3] == [["tables-17"], ["tables-0"]]
    assert ranked({"curves": bytes}) == [["curves"]]
    # Of one network's steps a view offers the last first: an export that has no room for all must not lose it.
    steps = ["weights-0-40", "weights-0-0", "weights-0-20"]
    assert ranked(dict.fromkeys(steps, bytes), [0])[1:] == [[name] for name in steps]


def test_steps_of_a_member_begin_at_its_rank_and_there_are_none_of_members_that_are_not_kept():
    steps = {f"weights-{member}-{step}": bytes for member in range(10) for step in (40, 0, 20)}
    packs = {**{f"parses-{member}": bytes for member in range(10)}, **steps}
    _, *ranks = ranked(packs)
    assert ranks[0] == ["parses-0", "weights-0-40"]  # what is written however small the room is
    assert ranks[1] == ["parses-1", "weights-0-0", "weights-1-40"]
    assert ranks[-1] == ["parses-5", "weights-3-20", "weights-4-0", "weights-5-40"]
    assert len(ranks) == 6
    assert ranked(packs, [7])[1] == ["parses-7", "weights-7-40"]


def test_large_films_share_the_room_and_small_ones_stay_whole():
    assert water_level([10, 50, 100], 110) == 50
    assert sum(min(size, water_level([10, 50, 100], 110)) for size in (10, 50, 100)) == 110
    assert water_level([], 5) == float("inf")


def test_networks_that_are_too_large_for_a_site_are_left_out_and_not_listed(
    lab_home, small_assets, tmp_path, no_claims, monkeypatch
):
    def tables(out, most):
        export(lab_home, tmp_path / "ledger", out, ["grokking"], assets=small_assets, most=most)
        documents = [_taken(path)[1] for path in (out / "data" / "runs").glob("*.js")]
        document = next(one for one in documents if one["experiment"] == "grokking.modular_addition")
        assert set(document["packs"]) == set(document["files"])
        assert all((out / "data" / "packs" / f"{name}.js").exists() for name in document["files"].values())
        return {name for name in document["packs"] if name.startswith("tables-")}

    assert tables(tmp_path / "whole", 14_000_000) == {"tables-0", "tables-1"}
    assert tables(tmp_path / "first", 10) == {"tables-0"}
    monkeypatch.setattr("latebloom.view.export.LARGEST", 10)
    assert tables(tmp_path / "none", 10) == set()


def test_other_packs_are_not_sampled(lab):
    run = next(run for run in lab.runs().values() if run.experiment == "grokking.modular_addition")
    content = lab.packs(run)["curves"]()
    assert sampled(content, 2) == content


def test_films_and_curves_are_thinned_evenly():
    steps = np.arange(100, dtype=np.int32)
    film = pack({"film": ["steps", "x"]}, {"steps": steps, "x": np.ones((100, 50)), "still": np.ones((7, 3))})
    _, arrays = unpack(sampled(film, 60))
    assert len(arrays["steps"]) == len(arrays["x"]) == 60 and arrays["still"].shape == (7, 3)
    _, arrays = unpack(sampled(film, 60, most=20 * 404))
    assert (len(arrays["x"]), arrays["steps"][0], arrays["steps"][-1]) == (20, 0, 99)
    loss = np.ones((2, 90_000), dtype=np.float32)
    loss[1, 89_998:] = np.nan  # a member that ended a log before the last keeps its last value
    curves = pack(
        {"columns": {"loss": {"axis": 0}}, "stride": 2.0}, {"axis0": np.arange(90_000, dtype=np.float32), "loss": loss}
    )
    document, arrays = unpack(sampled(curves, 60))
    assert arrays["loss"].shape == (2, len(arrays["axis0"])) and arrays["axis0"][-1] == 89_999
    assert arrays["axis0"][-2] < 89_997 and arrays["loss"][1, -1] == 1
    assert document["stride"] == pytest.approx(2 * 90_000 / len(arrays["axis0"]), rel=1e-3)


def test_a_picture_is_drawn_again_only_when_what_it_shows_has_changed(lab_home, tmp_path, monkeypatch):
    import dataclasses

    lab = Lab(lab_home, LEDGER)
    claim = lab.claims["grokking.14"]
    entry = lab.standing_of(claim).entry
    pictures = Pictures(tmp_path)
    first = pictures.of(claim, entry, [])
    assert pictures.drawn == len(first) > 0
    assert pictures.of(claim, entry, []) == first and pictures.drawn == len(first)
    pictures.of(claim, dataclasses.replace(entry, judged_at="2001-01-01T00:00:00"), [])
    assert pictures.drawn == 2 * len(first)
    monkeypatch.setattr("latebloom.view.pictures._code", lambda: "another")
    pictures.of(claim, entry, [])
    assert pictures.drawn == 3 * len(first)


def test_claims_that_rest_on_one_run_share_its_picture(lab_home, tmp_path):
    lab = Lab(lab_home, LEDGER)
    run = next(run for run in lab.runs().values() if run.experiment == "grokking.modular_addition")
    pictures = Pictures(tmp_path)
    found = [
        pictures.of(lab.claims[name], lab.standing_of(lab.claims[name]).entry, [run])
        for name in ("grokking.14", "grokking.16")
    ]
    assert found[0][-1] == found[1][-1] and found[0][0] != found[1][0]


def test_a_home_that_cannot_be_written_is_still_drawn(tmp_path):
    (tmp_path / "file").write_text("")
    lab = Lab(tmp_path, LEDGER)
    claim = lab.claims["grokking.14"]
    pictures = Pictures(tmp_path / "file" / "pictures")
    assert pictures.of(claim, lab.standing_of(claim).entry, [])


def test_pictures_shrink_and_stay_pictures():
    from PIL import Image

    out = io.BytesIO()
    smooth = np.tile(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], (300, 1, 3))
    Image.fromarray(smooth).save(out, "PNG", compress_level=0)
    small = smaller(out.getvalue())
    assert len(small) < len(out.getvalue())
    assert Image.open(io.BytesIO(small)).size == (400, 300)
