"""A run that was interrupted and goes on holds the bits of one that never was; a zoom replays the same bits."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.runs.population import PopulationFolder
from latebloom.training.experiment import Measure, Stop
from latebloom.training.loop import zoom
from latebloom.training.population import Population
from latebloom.training.schedule import Schedule
from tests.training.build import (
    Watcher,
    assert_same_rows,
    assert_same_run,
    assert_same_tensors,
    parity,
    run,
    seeds,
    sequences,
    tiny,
)

CASES = {
    "adamw": seeds(tiny(), 3, training__lr=(0.01, 0.02, 0.05)),
    "mini-batches, L1": seeds(parity(), 2),
    "grokfast_ma": seeds(tiny(training__optimiser="grokfast_ma", training__window=7), 2),
    "grokfast_ema": seeds(tiny(training__optimiser="grokfast_ema"), 2),
    "muon, warm-up": seeds(tiny(training__optimiser="muon", training__momentum=0.9, training__warmup=10), 2),
    "sgd, momentum, float64": seeds(
        tiny(training__optimiser="sgd", training__momentum=0.9, training__precision="float64"), 2
    ),
    "stopping rule": seeds(
        tiny(training__stop=Stop(metric="train_loss", at_least=None, at_most=1.8, logs=2).model_dump()),
        3,
        training__lr=(0.0, 0.03, 0.1),
    ),
    "diverging member": seeds(tiny(training__optimiser="sgd"), 3, training__lr=(0.01, 1e12, 0.02)),
    "fresh sequences, dropout, clipping, cosine": seeds(sequences(), 2, training__clip=(0.5, 0.1)),
    "clamped norm": seeds(tiny(training__clamp_norm=2.0), 2),
}
each_case = pytest.mark.parametrize("members", CASES.values(), ids=CASES)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The uninterrupted run of each case, made once."""
    made = {}

    def make(members):
        key = repr(members)
        if key not in made:
            made[key] = run(members, tmp_path_factory.mktemp("straight"))
        return made[key]

    return make


@each_case
@pytest.mark.parametrize("stops", [(1,), (5, 0, 0), (12, 1), (2, 3, 4, 5)], ids=str)
def test_interrupted_and_continued_is_uninterrupted_bit_for_bit(tmp_path, straight, members, stops):
    assert_same_run(run(members, tmp_path, stops), straight(members))


@settings(max_examples=15)
@given(stops=st.lists(st.integers(0, 12), max_size=5), every=st.sampled_from([-1.0, 1e9]))
def test_any_interruptions_and_any_checkpoints_leave_the_numbers_alone(tmp_path_factory, straight, stops, every):
    members = CASES["stopping rule"]
    found = run(members, tmp_path_factory.mktemp("broken"), stops, checkpoint_seconds=every)
    assert_same_run(found, straight(members))


@pytest.mark.parametrize("measured", ["norms", "stability"])
def test_measuring_more_ends_no_training_earlier(tmp_path, straight, measured):
    """Losses are measured at every look; those between log steps are no logs, though they meet the rule."""
    plain = CASES["stopping rule"]
    more = Measure(name=measured, when=Schedule(every=1))
    found = run([member.replace({"measure": (*member.measure, more)}) for member in plain], tmp_path)
    assert found.progress["ended_at"] == straight(plain).progress["ended_at"] != [None] * 3
    assert len(found.measurements()) > len(straight(plain).measurements())


def test_a_rule_on_what_has_steps_of_its_own_counts_these(tmp_path):
    """Norms at steps 2, 3, 7 and the ends, logs at every fifth: the third look at norms is at step 3."""
    rule = Stop(metric="l2_norm", at_least=0.0, logs=3).model_dump()
    member = tiny(training__stop=rule, measure=(Measure(name="norms", when=Schedule(at=(2, 3, 7))),))
    assert run([member], tmp_path).progress["ended_at"] == [3]


def test_equal_snapshots_and_checkpoints_are_equal_files(tmp_path, straight):
    members = CASES["stopping rule"]  # what is kept beside the numbers says more than one thing
    folders = (straight(members), run(members, tmp_path, (5, 7)))
    snapshots, checkpoints = ([folder.manifest[kind] for folder in folders] for kind in ("snapshots", "checkpoints"))
    assert snapshots[0] == snapshots[1] and len(snapshots[0]) > 1
    assert checkpoints[0][-1] == checkpoints[1][-1]


def test_checkpoints_are_kept_by_the_clock(tmp_path):
    ticks = itertools.count()
    folder = run(CASES["adamw"], tmp_path, checkpoint_seconds=7.0, clock=lambda: float(next(ticks)))
    assert len(folder.manifest["parts"]) > 1
    assert [listed["step"] for listed in folder.manifest["checkpoints"]][-1] == 24


def test_every_stopped_session_reports_only_its_own_steps(tmp_path):
    members = CASES["adamw"]
    run(members, tmp_path / "a", (7,))
    watcher = Watcher()
    from latebloom.runs.population import PopulationFolder
    from latebloom.training.loop import train

    folder = PopulationFolder(tmp_path / "b")
    assert not train(Population.start(members), folder, Watcher(7))
    assert train(Population.start(members), PopulationFolder(tmp_path / "b"), watcher)
    assert [report.step for report in watcher.reports] == [10, 15, 20, 24]
    assert {report.since for report in watcher.reports} == {7}
    assert {report.total for report in watcher.reports} == {24}


@pytest.mark.parametrize("changed", ["row", "snapshot", "end", "missing row"])
def test_assert_same_run_notices_what_differs(tmp_path, straight, changed):
    members = CASES["adamw"]
    other = {
        "row": tiny(log={"every": 4}),
        "snapshot": tiny(snapshots={"every": 6}),
        "end": tiny(training__steps=23),
        "missing row": tiny(),
    }[changed]
    others = seeds(other, 3 if changed != "missing row" else 2, training__lr=(0.01, 0.02, 0.05))
    with pytest.raises(AssertionError):
        assert_same_run(run(others, tmp_path), straight(members))


def test_assert_same_helpers_notice_one_bit():
    one, other = torch.tensor([1.0]), torch.tensor([1.0 + 2**-23])
    assert_same_tensors({"w": one}, {"w": one.clone()})
    with pytest.raises(AssertionError):
        assert_same_tensors({"w": one}, {"w": other})
    assert_same_rows([{"a": float("nan")}], [{"a": float("nan")}])
    with pytest.raises(AssertionError):
        assert_same_rows([{"a": 0.1}], [{"a": 0.1 + 2**-55}])
    with pytest.raises(AssertionError, match="1 rows, expected 2"):
        assert_same_rows([{"a": 1}], [{"a": 1}, {"a": 2}])


@each_case
@pytest.mark.parametrize("window", [(0, 24), (4, 16), (13, 20)], ids=str)
def test_zoom_equals_the_rows_of_the_run_wherever_both_have_some(tmp_path, members, window):
    folder = run(members, tmp_path)
    before = folder.measurements().to_pylist()
    assert zoom(Population.start(members), folder, *window, 1, Watcher())
    fine = _zoomed(folder)
    inside = [row for row in before if window[0] <= row["step"] <= window[1]]
    assert inside
    for row in inside:
        own = fine[row["member"], row["step"]]
        assert_same_rows([{name: own[name] for name in row if row[name] is not None}], [_told(row)])
    # A member's rows end where they ended in the run, also between its log steps.
    last = {member: max(r["step"] for r in before if r["member"] == member) for member in range(len(members))}
    for member, step in fine:
        assert step <= last[member] or folder.progress["diverged"][member]
    for step in range(window[0], window[1] + 1):
        assert {m for m, s in fine if s == step} >= {m for m in last if last[m] >= step}
    assert folder.measurements().to_pylist() == before


def _zoomed(folder):
    """Rows of the zooms alone, by member and step."""
    count = folder.measurements().num_rows
    rows = folder.measurements(zooms=True).to_pylist()[count:]
    return {(row["member"], row["step"]): row for row in rows}


def _told(row):
    return {name: value for name, value in row.items() if value is not None}


def test_zoom_changes_nothing_that_is_kept_and_replaces_a_zoom_of_the_same_window(tmp_path, straight):
    members = CASES["grokfast_ma"]
    folder = run(members, tmp_path)
    for _ in range(2):
        zoom(Population.start(members), folder, 8, 14, 2, Watcher())
    assert [(z["first"], z["last"]) for z in folder.manifest["zooms"]] == [(8, 14)]
    assert sorted({step for _, step in _zoomed(folder)}) == [8, 10, 12, 14]
    assert_same_run(folder, straight(members))


def test_a_zoom_at_another_stride_leaves_the_listed_one_whole_until_it_is_listed_itself(tmp_path, monkeypatch):
    members = CASES["adamw"]
    folder = run(members, tmp_path)
    zoom(Population.start(members), folder, 8, 14, 2, Watcher())

    def killed(path, content):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("latebloom.runs.population.write_json", killed)
        zoom(Population.start(members), folder, 8, 14, 3, Watcher())
    assert sorted({step for _, step in _zoomed(PopulationFolder(folder.path))}) == [8, 10, 12, 14]
    zoom(Population.start(members), folder, 8, 14, 3, Watcher())
    fresh = PopulationFolder(folder.path)
    assert sorted({step for _, step in _zoomed(fresh)}) == [8, 11, 14]
    assert [path.name for path in (folder.path / "zooms").iterdir()] == [z["file"] for z in fresh.manifest["zooms"]]


def test_an_interrupted_zoom_leaves_nothing(tmp_path):
    members = CASES["adamw"]
    folder = run(members, tmp_path)
    assert not zoom(Population.start(members), folder, 0, 20, 1, Watcher(3))
    assert folder.manifest["zooms"] == []


def test_a_stopping_rule_on_what_is_not_measured_is_told(tmp_path):
    members = seeds(tiny(training__stop={"metric": "tset_loss"}), 1)
    with pytest.raises(
        LatebloomError, match=r"training\.stop\.metric = 'tset_loss' is not measured\. Measured: .*test_loss"
    ):
        run(members, tmp_path)


def test_a_stopping_rule_on_a_rarely_measured_quantity_waits_for_it(tmp_path):
    rule = {"metric": "l2_norm", "at_least": 0.0, "logs": 2}
    members = seeds(tiny(training__stop=rule, measure=[{"name": "norms", "when": {"every": 10}}]), 2)
    folder = run(members, tmp_path)
    assert folder.progress["ended_at"] == [10, 10]  # measured at 0 and 10; at 5 it was not due


def test_the_cases_above_do_what_their_names_say(straight):
    assert straight(CASES["diverging member"]).progress["diverged"] == [False, True, False]
    ended = straight(CASES["stopping rule"]).progress["ended_at"]
    assert ended[0] is None
    assert 0 < ended[2] < 24
