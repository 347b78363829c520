"""A home of runs: members finished elsewhere are taken over, runs are found by name, copied-in ones work."""

import errno
import json
import os
import re
import shutil
from typing import Literal

import pandas as pd
import pytest
import torch
from pydantic import Field

import latebloom
from latebloom.errors import LatebloomError, StoreError
from latebloom.fleet.plan import plan
from latebloom.fleet.work import work
from latebloom.runs.home import adopt, find_run, home, run_folders
from latebloom.runs.population import PopulationFolder
from latebloom.runs.run import Run
from latebloom.studies.drawing.curves import scalar_columns
from latebloom.studies.drawing.logged import Logged
from latebloom.tasks import TASKS, ModularArithmetic
from latebloom.training.presets import PRESETS, Entry, Preset
from tests.fleet import small  # noqa: F401  registers the experiments
from tests.training.build import Watcher, assert_same_tensors, tiny


def train(*words, name="small", scale="smoke"):
    return latebloom.run(name, *words, scale=scale, workers=1)


def inodes(run):
    return {path.stat().st_ino for path in run.path.rglob("*.parquet")}


def test_a_second_run_of_the_same_words_trains_nothing(runs_home):
    run = train()
    before = {path: path.stat().st_mtime_ns for path in runs_home.rglob("*") if path.is_file()}
    assert plan("small", "smoke", (), runs_home).units == ()
    assert train().path == run.path
    assert {path: path.stat().st_mtime_ns for path in runs_home.rglob("*") if path.is_file()} == before


def test_members_finished_in_another_run_are_not_trained_again(runs_home):
    old = train("seed=0:2")
    laid = plan("small", "smoke", ["seed=0:3"], runs_home)
    assert [[member.seed for member in unit.members] for unit in laid.units] == [[2]]
    new = train("seed=0:3")
    assert new.path != old.path
    assert new.members()["seed"].tolist() == [0, 1, 2]
    theirs, ours = old.measurements(), new.measurements()
    assert ours[ours["seed"] < 2].reset_index(drop=True).equals(theirs)
    for member in (0, 1):
        assert_same_tensors(new.parameters(member), old.parameters(member))
    assert inodes(old) <= inodes(new)  # linked, not copied


def test_members_taken_over_keep_their_names_in_another_order_and_selection(runs_home):
    train("seed=0:4")
    run = train("seed=3,1")
    assert run.members()[["member", "seed"]].to_numpy().tolist() == [[0, 3], [1, 1]]
    assert run.specification(0)["seed"] == 3
    assert plan("small", "smoke", ["seed=3,1"], runs_home).units == ()


def test_what_was_taken_over_outlives_the_run_it_came_from(runs_home):
    old = train("seed=0:2")
    new = train("seed=0:3")
    rows = new.measurements()
    shutil.rmtree(old.path)
    assert Run(new.path).measurements().equals(rows)


@pytest.mark.parametrize("words", [("seed=1,0",), ("seed=2:5",), ("seed=0:2",), ("seed=3:6", "population=2")])
def test_members_whose_population_was_deleted_are_trained_again_as_themselves(runs_home, words):
    whole = train("seed=0:5")
    run = train(*words)
    rows = run.measurements()
    weights = [run.parameters(number) for number in range(len(run.members()))]
    for folder in (run, whole):  # as a refusal of a damaged file advises
        for population in folder.populations:
            if population.path.name == whole.populations[0].path.name:
                shutil.rmtree(population.path)
    again = train(*words)
    assert again.path == run.path
    assert again.members()["seed"].tolist() == run.members()["seed"].tolist()
    assert [again.specification(n)["seed"] for n in range(len(weights))] == again.members()["seed"].tolist()
    pd.testing.assert_frame_equal(again.measurements(), rows)
    for number, own in enumerate(weights):
        torch.testing.assert_close(again.parameters(number), own, rtol=1e-4, atol=1e-5)
    train("seed=0:5")
    assert train("seed=0:6").measurements().groupby("seed").size().tolist() == [6] * 6  # from both of these runs


def test_a_zoom_into_a_taken_over_population_leaves_the_source_alone(runs_home):
    from latebloom.fleet.zoom import zoom_run

    old = train("seed=0:2")
    new = train("seed=1")
    zoom_run(new, 3, 6)
    assert len(Run(new.path).measurements(zooms=True)) > len(Run(new.path).measurements())
    assert len(Run(old.path).measurements(zooms=True)) == len(old.measurements())


def test_a_run_copied_in_from_elsewhere_is_found_and_used(runs_home, tmp_path, monkeypatch):
    run = train("seed=0:2")
    other = tmp_path / "other"
    shutil.copytree(run.path, other / "small" / "from a colleague")
    monkeypatch.setenv("LATEBLOOM_HOME", str(other))
    (found,) = latebloom.all_runs()
    assert found.measurements().equals(run.measurements())
    assert latebloom.network(found, 1)(found_rows := [[1, 2], [3, 4]]).shape == (len(found_rows), 7)
    for rows, told in (
        ([[1, 2, 3]], "takes 2 symbols"),  # a third column was left out without a word
        ([[-1, 2]], "Symbol -1 is not among the 7"),  # and a negative one counted from the end
        ([[1, 7]], "Symbol 7 is not among"),
        ([[0.5, 2]], "hold fractions"),
        ([], "takes 2 symbols"),
    ):
        with pytest.raises(LatebloomError, match=told):
            latebloom.network(found, 1)(rows)
    assert plan("small", "smoke", ["seed=0:2"], other).units == ()  # its members need no training here either


def test_runs_are_found_by_path_name_and_beginning(runs_home):
    one, other = train("seed=0"), train("seed=0", name="small.parity")
    for name in (str(one.path), one.label, one.path.name, one.path.name.split("-")[1], one.path.name.split("-")[1][:5]):
        assert find_run(runs_home, name) == one.path
    assert latebloom.load(other.label).experiment == "small.parity"
    assert sorted(run_folders(runs_home)) == sorted([one.path, other.path])
    assert find_run(runs_home, "small") == one.path  # the whole name of an experiment is no mere beginning
    with pytest.raises(LatebloomError, match=r"'smal' could be any of 2 runs: small/smoke-.*, small\.parity/smoke-"):
        find_run(runs_home, "smal")
    with pytest.raises(LatebloomError, match=r"No run 'large' under .*Runs there: small/smoke-"):
        find_run(runs_home, "large")


def test_two_runs_of_one_name_are_told_apart_by_their_folders(runs_home):
    run = train("seed=0")
    shutil.copytree(run.path, run.path.with_name(run.path.name + "-copy"))
    assert find_run(runs_home, run.label) == run.path  # an exact name is itself, whatever begins with it
    with pytest.raises(LatebloomError, match="could be any of 2 runs"):
        find_run(runs_home, run.hash[:6])


def test_home_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path / "there"))
    assert home() == tmp_path / "there"
    monkeypatch.delenv("LATEBLOOM_HOME")
    assert home().name == "runs"


def test_a_newer_run_is_refused(runs_home):
    run = train("seed=0")
    document = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(document | {"format": 9}))
    with pytest.raises(StoreError, match=r"run\.json was written in format 9; this version reads up to 1"):
        Run(run.path)
    with pytest.raises(StoreError, match="format 9"):
        train("seed=0")


def test_an_unreadable_neighbour_does_not_stop_a_run(runs_home):
    run = train("seed=0")
    (broken,) = (run.path / "populations").iterdir()
    (broken / "population.json").write_text("{")
    assert train("seed=0:2").finished


DAMAGED = {
    "no JSON": ("run.json", lambda text: text[:-9], "run.json is not readable JSON"),
    "another document": ("run.json", lambda text: "[]", "run.json does not look like a Latebloom run"),
    "populations": ("run.json", lambda text: json.dumps(json.loads(text) | {"populations": 3}), "no list of names"),
    "members": ("run.json", lambda text: json.dumps(json.loads(text) | {"members": None}), "members are no list"),
    "a place": (
        "run.json",
        lambda text: json.dumps(json.loads(text) | {"members": [{"population": 7, "index": 0, "varied": {}}]}),
        "member 0 has no place in one of its populations",
    ),
    "a header": ("populations/*/population.json", lambda text: "{", "population.json is not readable JSON"),
    "a manifest": ("populations/*/manifest.json", lambda text: "{", "manifest.json is not readable JSON"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_run_is_left_out_by_name_and_hides_no_other(runs_home, kind):
    from latebloom.cli.run_list import rows

    run, other = train("seed=0"), train("seed=1")
    pattern, damage, told = DAMAGED[kind]
    (place,) = run.path.glob(pattern)
    place.write_text(damage(place.read_text()))
    with pytest.warns(UserWarning, match=rf"{re.escape(str(run.path))}.*{told}.* The run is left out\."):
        (found,) = latebloom.all_runs()
    assert found.path == other.path
    assert {row["name"]: row["status"] for row in rows()} == {run.label: "unreadable", other.label: "finished"}


def test_words_given_as_a_list_are_refused_in_a_sentence(runs_home):
    with pytest.raises(LatebloomError, match=r"\['seed=0:4'\] is no word of the form field=value: .*\*words"):
        latebloom.run("small", ["seed=0:4"], scale="smoke")
    assert run_folders(runs_home) == []


def test_a_member_or_step_that_is_not_there_is_told(runs_home):
    run = train("seed=0:2")
    for ask in (run.parameters, run.specification, run.snapshot_steps, lambda m: latebloom.network(run, m)):
        for member in (2, -1):
            with pytest.raises(LatebloomError, match=rf"has members 0 to 1; there is no {member}"):
                ask(member)
    with pytest.raises(StoreError, match=r"no snapshot at step 3; it has \[0, 12, 24\]"):
        run.parameters(0, 3)


def test_a_run_that_is_only_laid_out_reads_as_such(runs_home):
    run = Run(plan("small", "smoke", ["seed=0:2", "d_mlp=3,4"], runs_home).run)
    assert run.status == "0 of 2 populations finished"
    assert not run.finished
    assert len(run.measurements()) == 0
    assert run.members()["diverged"].tolist() == [False] * 4
    with pytest.raises(StoreError, match=r"has kept no parameters yet\. Continue the run: latebloom run small"):
        run.parameters(0)


def test_the_command_of_a_run_repeats_it(runs_home):
    import shlex

    run = train("log.at=[1, 3]", "seed=0")
    *_, name, _, scale = shlex.split(run.command)[:5]
    assert plan(name, scale, shlex.split(run.command)[5:], runs_home).run == run.path


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        plan("small", "smoke", (), tmp_path / "file")


def test_a_finished_run_in_a_read_only_home_is_read(runs_home, monkeypatch):
    run = train()

    def refuse(*arguments, **options):
        raise AssertionError("wrote into a finished run")

    monkeypatch.setattr(os, "replace", refuse)
    assert train().measurements().equals(run.measurements())


def test_one_table_of_members_of_several_shapes(runs_home):
    run = train("seed=0:2", "d_mlp=3,4")
    frame = run.measurements()
    assert len(run.populations) == 2
    assert sorted(set(zip(frame["d_mlp"], frame["seed"], strict=True))) == [(3, 0), (3, 1), (4, 0), (4, 1)]
    assert frame.groupby("member").size().tolist() == [6] * 4  # steps 0, 5, 10, 15, 20, 24
    assert run.parameters(0)["W_in"].shape == (5, 3)
    assert run.parameters(3)["W_in"].shape == (5, 4)


def test_two_members_of_equal_settings_are_both_there(runs_home):
    frame = train("seed=0,0").measurements()
    one, other = (frame[frame["member"] == m].drop(columns="member").reset_index(drop=True) for m in (0, 1))
    assert len(one) == 6
    pd.testing.assert_frame_equal(one, other, rtol=1e-4)  # places in a batched product may round otherwise


def test_an_empty_home_is_the_default_and_a_tilde_the_users(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATEBLOOM_HOME", "")
    assert home() == tmp_path / "runs"
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("LATEBLOOM_HOME", "~/lab")
    assert home() == tmp_path / "me" / "lab"


def test_a_home_given_by_hand_is_found_from_anywhere_and_a_tilde_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    run = latebloom.run("small", "seed=0", scale="smoke", home="mine", workers=1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(run.measurements()) == 6
    assert latebloom.load("small", home="~/mine").path == tmp_path / "mine" / "small" / run.path.name


def test_what_a_killed_session_had_half_taken_over_is_no_population(runs_home):
    run = train("seed=0:2")
    (whole,) = (run.path / "populations").iterdir()
    part = run.path.parent / "smoke-0" / "populations" / f".{whole.name}.1.part"  # before the whole one in any order
    part.mkdir(parents=True)
    shutil.copy(whole / "population.json", part)  # the first file was linked, then came the kill
    new = train("seed=1:3")
    assert new.measurements().groupby("member").size().tolist() == [6, 6]


def test_nothing_is_fetched_for_members_that_are_taken_over(runs_home, monkeypatch):
    train("seed=0:3")

    def refuse(task):
        raise LatebloomError("The data set cannot be reached.")

    monkeypatch.setattr("latebloom.tasks.base.Task.reach", refuse)
    assert plan("small", "smoke", ["seed=1:3"], runs_home).units == ()
    assert plan("small", "smoke", ["seed=2:4"], runs_home, dry=True).units
    with pytest.raises(LatebloomError, match="cannot be reached"):
        plan("small", "smoke", ["seed=2:4"], runs_home)


def test_two_processes_that_take_over_the_same_population_do_not_mind(runs_home, monkeypatch):
    run = train("seed=0:2")
    (source,) = (run.path / "populations").iterdir()
    target = runs_home / "small" / "other" / "populations" / source.name
    replace = os.replace

    def late(part, place):
        replace(part, place)  # the other process was a moment quicker
        part.mkdir()
        replace(part, place)

    monkeypatch.setattr(os, "replace", late)
    adopt(source, target)
    assert [path.name for path in target.parent.iterdir()] == [source.name]
    assert PopulationFolder(target).finished


def test_a_population_of_other_members_is_not_taken_for_the_one_of_its_name(runs_home):
    one, other = train("seed=0:2"), train("seed=2:4")
    (source,), (target,) = ((run.path / "populations").iterdir() for run in (one, other))
    adopt(source, source)
    with pytest.raises(StoreError, match="does not hold the members of"):
        adopt(source, target)


def test_a_population_whose_header_says_nothing_of_its_members_is_not_taken_either(runs_home):
    (source,), (target,) = ((train(seeds).path / "populations").iterdir() for seeds in ("seed=0:2", "seed=2:4"))
    header = json.loads((target / "population.json").read_text())
    (target / "population.json").write_text(json.dumps({n: v for n, v in header.items() if n != "member_hashes"}))
    with pytest.raises(StoreError, match="does not hold the members of"):
        adopt(source, target)


class Listed(ModularArithmetic):
    """A task of one's own with a setting that cannot be hashed."""

    kind: Literal["listed"] = "listed"
    letters: list[str] = Field([])


def test_a_task_with_a_list_is_planned_and_trained(runs_home, monkeypatch):
    monkeypatch.setitem(TASKS._parts, "listed", Listed)
    task = Listed(p=7, train_fraction=0.5)
    base = tiny(training__steps=6).model_copy(update={"task": task})
    own = Preset(base, {"task.letters": (["a"], ["b", "c"])})
    monkeypatch.setitem(PRESETS._parts, "small", Entry("small", "a list", lambda scale: own))
    for unit in plan("small", "smoke", (), runs_home).units:
        assert work(unit, Watcher()).finished


def test_a_run_that_was_laid_out_under_another_preset_trains_the_members_that_are_asked_for(runs_home, monkeypatch):
    """Its command makes other members today: neither their number nor their settings may be taken from it."""
    before = plan("small", "smoke", (), runs_home)  # seeds 0 and 1 at today's rate
    fewer = Preset(tiny(), {"seed": range(1)})
    monkeypatch.setitem(PRESETS._parts, "small", Entry("small", "fewer seeds", lambda scale: fewer))
    again = plan("small", "smoke", ["seed=0:2"], runs_home)
    assert (again.run, [unit.path for unit in again.units]) == (before.run, [unit.path for unit in before.units])

    faster = Preset(tiny(training__lr=0.5), {"seed": range(2)})
    monkeypatch.setitem(PRESETS._parts, "small", Entry("small", "another rate", lambda scale: faster))
    rate = tiny().training.lr
    old = plan("small", "smoke", [f"training.lr={rate}"], runs_home)
    assert (old.run, [unit.path for unit in old.units]) == (before.run, [unit.path for unit in before.units])
    run = train(f"training.lr={rate},0.5")
    assert [run.specification(member)["training"]["lr"] for member in range(4)] == [rate, rate, 0.5, 0.5]


def test_a_disk_that_fills_while_a_population_is_copied_is_a_sentence(runs_home, monkeypatch):
    run = train("seed=0:2")
    (source,) = (run.path / "populations").iterdir()

    def refuse(*paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copy2", refuse)
    target = runs_home / "small" / "other" / "populations" / source.name
    with pytest.raises(StoreError, match="the disk is full"):
        adopt(source, target)
    assert list(target.parent.iterdir()) == []


def test_fewer_members_together_are_laid_out_anew_and_what_is_finished_stays(runs_home):
    before = plan("small", "smoke", ["seed=0:4", "d_mlp=3,4"], runs_home)
    assert [len(unit.members) for unit in before.units] == [4, 4]
    assert work(before.units[0], Watcher()).finished
    again = plan("small", "smoke", ["seed=0:4", "d_mlp=3,4", "population=2"], runs_home)
    assert again.run == before.run
    assert [len(unit.members) for unit in again.units] == [2, 2]
    more = plan("small", "smoke", ["seed=0:4", "d_mlp=3,4"], runs_home)  # fewer together are no other numbers
    assert [unit.path for unit in more.units] == [unit.path for unit in again.units]
    run = train("seed=0:4", "d_mlp=3,4", "population=2")
    assert run.path == before.run
    assert run.measurements().groupby("member").size().tolist() == [6] * 8


def test_a_varied_field_with_the_name_of_a_measured_quantity_leaves_it_its_name(runs_home):
    run = train("seed=0", "model.d_mlp=3,4", name="small.trap")
    for where in run.document["members"]:
        where["varied"] = {"width": where["varied"]["d_mlp"]}  # `width` is what this experiment measures
    frame = run.measurements()
    assert frame["width_setting"].tolist() == frame["width"].tolist()
    logged = Logged(run)
    assert "width_setting" in logged.settings and "width" not in logged.settings  # which is drawn
    assert "width" in scalar_columns(logged) and "width_setting" not in scalar_columns(logged)


def test_a_varied_field_does_not_hide_a_column_of_the_tables(runs_home):
    frame = train("start.step=0,24", "seed=0", name="small.later").measurements()
    assert frame.groupby("start.step")["step"].max().tolist() == [24, 24]


@pytest.mark.parametrize("name", ["run.json", "manifest.json", "population.json"])
def test_a_document_that_lacks_what_is_needed_is_named(runs_home, name):
    run = train("seed=0")
    (path,) = run.path.rglob(name)
    path.write_text('{"format": 1}')
    with pytest.raises(StoreError, match=rf"{name} says nothing of .*: restore it from a copy or delete its folder"):
        [folder.finished and folder.manifest for folder in Run(run.path).populations]


def test_a_file_that_cannot_be_read_is_named(runs_home):
    run = train("seed=0")
    (run.path / "run.json").unlink()
    (run.path / "run.json").mkdir()
    with pytest.raises(StoreError, match=r"run\.json cannot be read: Is a directory"):
        Run(run.path)
    with pytest.raises(LatebloomError, match="No run 'xxx"):
        find_run(runs_home, "x" * 5000)
