"""A population's folder: what is damaged is refused by name, what is whole serves, one writer at a time."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from latebloom.errors import StoreError
from latebloom.runs import files
from latebloom.runs.lock import writing
from latebloom.runs.population import PopulationFolder, to_parquet
from latebloom.training.loop import train
from latebloom.training.population import Population
from tests.training.build import Watcher, assert_same_run, quietly, read_parquet, run, seeds, tiny

MEMBERS = seeds(tiny(), 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(MEMBERS, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def copied(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "copy")
    return tmp_path / "copy"


def truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def alter(path):
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


DAMAGE = {"truncated": truncate, "altered": alter, "missing": lambda path: path.unlink()}
each_damage = pytest.mark.parametrize("damage", DAMAGE)


@each_damage
@pytest.mark.parametrize("kind", ["parts", "snapshots"])
def test_a_damaged_file_is_refused_by_name(copied, kind, damage):
    folder = PopulationFolder(copied)
    victim = copied / kind / folder.manifest[kind][0]["file"]
    DAMAGE[damage](victim)
    remedy = rf"Restore it from a copy, or delete {re.escape(str(copied))}: the command that made the run trains it"
    with pytest.raises(StoreError, match=rf"{victim.name} .*{damage}.*\. {remedy}"):
        folder.measurements() if kind == "parts" else folder.snapshot(0)
    if kind == "snapshots":  # the others are whole
        folder.snapshot(12)
        folder.measurements()


def interrupted(path, steps=(7, 7)):
    """A run stopped twice: checkpoints at 7 and 14 among others."""
    for count in steps:
        train(Population.start(MEMBERS), PopulationFolder(path), Watcher(count))
    return PopulationFolder(path)


@each_damage
def test_a_damaged_checkpoint_is_passed_over_and_the_one_before_serves(whole, tmp_path, damage):
    folder = interrupted(tmp_path)
    latest = folder.manifest["checkpoints"][-1]
    DAMAGE[damage](tmp_path / "checkpoints" / latest["file"])
    found, warned = quietly(PopulationFolder(tmp_path).last_checkpoint)
    assert found[0] < latest["step"]
    assert len(warned) == 1
    assert latest["file"] in warned[0]
    assert "Going on from the one before it" in warned[0]
    (again, _) = quietly(run, MEMBERS, tmp_path)
    assert_same_run(again, whole)


def test_if_every_checkpoint_is_damaged_training_starts_again(whole, tmp_path):
    folder = interrupted(tmp_path)
    for listed in folder.manifest["checkpoints"]:
        truncate(tmp_path / "checkpoints" / listed["file"])
    again, warned = quietly(run, MEMBERS, tmp_path)
    assert len(warned) == len(folder.manifest["checkpoints"])
    assert_same_run(again, whole)


def test_after_falling_back_the_manifest_tells_of_nothing_that_is_no_more(tmp_path):
    rule = {"metric": "train_loss", "at_least": 0.0, "logs": 2}  # members end at step 5
    members = seeds(tiny(training__stop=rule), 2)
    folder = run(members, tmp_path, (3,))
    assert folder.progress["ended_at"] == [5, 5]
    truncate(tmp_path / "checkpoints" / folder.manifest["checkpoints"][-1]["file"])
    again = PopulationFolder(tmp_path)
    (step, _, _), _ = quietly(again.last_checkpoint)
    assert step == 3
    assert PopulationFolder(tmp_path).progress["ended_at"] == [None, None]
    assert max(again.measurements()["step"].to_pylist()) <= 3


def test_a_session_that_stops_where_it_began_writes_over_nothing(tmp_path):
    interrupted(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")}
    train(Population.start(MEMBERS), PopulationFolder(tmp_path), Watcher(0))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.safetensors")} == before


def test_files_outside_the_manifest_do_not_exist(copied, whole):
    (copied / "parts" / "000000099-000000099.parquet").write_bytes(b"half a fi")
    (copied / "parts" / ".000000099.parquet.1.part").write_bytes(b"half")
    assert_same_run(PopulationFolder(copied), whole)


def test_old_checkpoints_leave_but_anchors_stay(tmp_path):
    folder = run(MEMBERS, tmp_path, checkpoint_seconds=-1.0)  # one at every step
    assert [c["step"] for c in folder.manifest["checkpoints"]] == [6, 12, 18, 23, 24]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 5


@pytest.mark.parametrize("name", ["manifest.json", "population.json"])
def test_a_newer_format_is_refused(copied, name):
    PopulationFolder(copied).write_header({"status": "finished", "members": []})
    path = copied / name
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"format": 2}))
    with pytest.raises(
        StoreError, match=rf"{name} was written in format 2; this version reads up to 1\. Update Latebloom"
    ):
        PopulationFolder(copied).measurements() if name == "manifest.json" else PopulationFolder(copied).header


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"format": 1', "is not readable JSON"),
        ("", "is not readable JSON"),
        ("[]", "names no format"),
        ("{}", "names no"),
    ],
)
def test_a_broken_manifest_is_named(copied, text, told):
    (copied / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=rf"manifest\.json.*{told}"):
        PopulationFolder(copied).measurements()


def test_a_finished_population_without_its_manifest_is_not_empty_but_damaged(copied):
    PopulationFolder(copied).write_header({"status": "finished"})
    (copied / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"manifest\.json is missing, though its population is finished"):
        PopulationFolder(copied).measurements()


def test_a_step_that_was_not_kept_is_told_with_those_that_were(whole):
    with pytest.raises(StoreError, match=r"has no snapshot at step 13; it has \[0, 12, 24\]"):
        whole.snapshot(13)


def test_a_second_process_is_told_who_writes(tmp_path):
    script = (
        "from pathlib import Path\nfrom latebloom.runs.lock import writing\n"
        f"with writing(Path({str(tmp_path)!r})):\n    print('held', flush=True)\n    input()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        told = rf"is being written by process {process.pid}: wait for it or stop it"
        with pytest.raises(StoreError, match=told), writing(tmp_path):
            pass
    finally:
        process.kill()
        process.communicate()
    with writing(tmp_path):  # the system dropped the lock with the process
        assert (tmp_path / "lock").read_text() == str(os.getpid())


REFUSALS = {
    "ENOSPC": "the disk is full: free some space and run the same command again",
    "EDQUOT": "the disk quota is used up",
    "EROFS": "the file system is read-only: set LATEBLOOM_HOME",
    "EACCES": "no permission to write there: set LATEBLOOM_HOME",
}


@pytest.mark.parametrize(("name", "after"), [*((name, 0) for name in REFUSALS), *(("ENOSPC", n) for n in (1, 2, 3, 4))])
def test_a_refusal_to_write_is_a_sentence_and_nothing_is_lost(monkeypatch, whole, tmp_path, name, after):
    """The n-th rename fails: a part, a snapshot, a checkpoint or the manifest itself."""
    train(Population.start(MEMBERS), PopulationFolder(tmp_path), Watcher(7))
    before = PopulationFolder(tmp_path).measurements().to_pylist()
    left, real = [after], os.replace

    def refuse(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "replace", refuse)
        with pytest.raises(StoreError, match=REFUSALS[name] + r".*What was recorded before is intact"):
            train(Population.start(MEMBERS), PopulationFolder(tmp_path), Watcher())
    again = PopulationFolder(tmp_path)
    assert again.measurements().to_pylist()[: len(before)] == before
    assert not list(tmp_path.rglob("*.part"))
    assert_same_run(run(MEMBERS, tmp_path), whole)


def test_a_disk_that_really_is_full(tmp_path):
    """/dev/full refuses every byte."""
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(StoreError, match="the disk is full"),
        files.explained(tmp_path),
        open("/dev/full", "wb") as file,
    ):
        file.write(b"x" * 100_000)


def test_a_file_where_a_folder_is_needed(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    for place in (tmp_path / "home" / "x.json", tmp_path / "home" / "deep" / "x.json"):
        with pytest.raises(StoreError, match="a file stands where a folder is needed"):
            files.write_json(place, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="no permission to write there"):
        files.write_json(tmp_path / "x.json", {})


def test_other_faults_are_not_dressed_up(tmp_path):
    with pytest.raises(IsADirectoryError), files.explained(tmp_path):
        tmp_path.write_bytes(b"")


def test_rows_become_columns_and_what_is_not_due_is_null():
    import numpy as np

    members = np.array([0, 2])
    content = to_parquet(
        [
            (0, members, {"loss": np.array([1.0, np.nan]), "key": np.array([[1, 2], [3, 4]])}),
            (5, members[:1], {"loss": np.array([0.5])}),
        ]
    )
    assert repr(read_parquet(content)) == repr(
        [
            {"step": 0, "member": 0, "loss": 1.0, "key": [1, 2]},
            {"step": 0, "member": 2, "loss": float("nan"), "key": [3, 4]},
            {"step": 5, "member": 0, "loss": 0.5, "key": None},
        ]
    )
