"""Where units are trained does not matter: one process or several, killed, failing, interrupted or orphaned workers."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

import latebloom
from latebloom.cli.progress import Progress
from latebloom.errors import LatebloomError, RunFailed, StoreError
from latebloom.fleet.interrupt import Flag, Interrupt
from latebloom.fleet.layout import finished_members, take_over
from latebloom.fleet.local import run_plan, run_plans
from latebloom.fleet.plan import plan
from latebloom.fleet.processes import LOST
from latebloom.fleet.queue import jobs
from latebloom.fleet.work import work
from latebloom.fleet.zoom import zoom_run
from latebloom.runs.lock import writing
from latebloom.runs.run import Run
from latebloom.studies.reproduce import judge_again, select
from latebloom.training.presets import members_of
from tests.fleet import small  # noqa: F401  registers the experiments
from tests.training.build import Watcher, assert_same_run, assert_same_tensors

ROOT = Path(__file__).parents[2]


class Heard:
    """A display that notes what it is shown."""

    def __init__(self):
        self.steps, self.results = [], []

    def update(self, unit, report):
        self.steps.append((unit.members[0].model.d_mlp, report.step))

    def done(self, result):
        self.results.append(result)


def assert_same_populations(one, other):
    assert [folder.path.name for folder in one.populations] == [folder.path.name for folder in other.populations]
    for folder, others in zip(one.populations, other.populations, strict=True):
        assert_same_run(folder, others)


def test_workers_that_fail_or_die_stop_no_other_and_the_rest_equals_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("LATEBLOOM_TEST_TRAP", "kill")
    display = Heard()
    laid = plan("small.trap", "smoke", (), tmp_path / "many")
    results = run_plan(laid, display, workers=2)
    told = {result.unit.members[0].model.d_mlp: result.failure for result in results}
    assert {width for width, failure in told.items() if failure is None} == {4, 7, 8}
    assert all(result.finished == (result.failure is None) for result in results)
    assert told[6] == LOST
    assert told[5].startswith("The measure 'small.trap' stopped with ZeroDivisionError: a planted fault (line ")
    assert sorted(id(result) for result in display.results) == sorted(id(result) for result in results)
    assert {step for width, step in display.steps if width == 4} == {0, 5, 10, 15, 20, 24}
    # What was kept of the fallen is intact; without the trap for processes the same command goes on.
    monkeypatch.delenv("LATEBLOOM_TEST_TRAP")
    with pytest.raises(RunFailed, match="a planted fault"):
        latebloom.run("small.trap", scale="smoke", home=tmp_path / "many", workers=1)
    with pytest.raises(RunFailed, match="a planted fault"):
        latebloom.run("small.trap", scale="smoke", home=tmp_path / "one", workers=1)
    many, one = (Run(next((tmp_path / home).glob("*/*/run.json")).parent) for home in ("many", "one"))
    assert one.status == many.status == "4 of 5 populations finished"
    assert_same_populations(many, one)


def test_a_failing_unit_in_this_process_stops_no_other(tmp_path):
    laid = plan("small.trap", "smoke", ["d_mlp=5,4"], tmp_path)
    results = run_plan(laid, workers=1)
    assert sorted(result.finished for result in results) == [False, True]


def test_sources_are_trained_first_and_their_weights_are_the_beginning(tmp_path):
    run = latebloom.run("small.last", scale="smoke", home=tmp_path, workers=1)
    later = latebloom.run("small.later", scale="smoke", home=tmp_path, workers=1)
    first = latebloom.run("small", scale="smoke", home=tmp_path, workers=1)
    for member in (0, 1):
        assert_same_tensors(run.parameters(member, 0), later.parameters(member, 12))
        assert_same_tensors(later.parameters(member, 0), first.parameters(member, 24))
    assert plan("small.last", "smoke", (), tmp_path).all_units == []


def test_members_begin_from_their_own_seeds_in_any_order(tmp_path):
    run = latebloom.run("small.later", "seed=2,0", scale="smoke", home=tmp_path, workers=1)
    first = latebloom.run("small", "seed=0:3", scale="smoke", home=tmp_path, workers=1)
    assert_same_tensors(run.parameters(0, 0), first.parameters(2, 24))
    assert_same_tensors(run.parameters(1, 0), first.parameters(0, 24))


def test_a_beginning_has_the_seed_of_its_member(tmp_path):
    with pytest.raises(LatebloomError, match=r"start\.overrides holds 'seed=3': weights come from the member"):
        plan("small.later", "smoke", ['start.overrides=["lr=0.1","seed=3"]'], tmp_path)


def test_a_source_that_is_not_finished_is_no_beginning(tmp_path):
    laid = plan("small.later", "smoke", (), tmp_path)
    (unit,) = laid.units
    result = work(unit, Watcher())
    assert not result.finished
    assert "is not finished, so there is nothing to begin from: latebloom run small" in result.failure


def test_a_zoom_computes_as_the_training_did(tmp_path):
    run = latebloom.run("small.denormal", scale="smoke", home=tmp_path, workers=1)
    zoom_run(run, 3, 8)
    assert set(Run(run.path).measurements(zooms=True)["tenth"]) == {0.0}
    assert (torch.full((1,), 1e-38) * 0.1).item() > 0  # afterwards arithmetic is as it was


def test_plans_that_share_units_train_them_once(tmp_path):
    laid = plan("small", "smoke", ["seed=0"], tmp_path)
    display = Heard()
    assert [result.finished for result in run_plans([laid, laid], display, workers=1)] == [True]


def test_members_that_two_plans_share_are_trained_once_and_placed_in_both_runs(tmp_path):
    whole = plan("small", "smoke", ["seed=0:4", "population=2"], tmp_path)
    mixed = plan("small", "smoke", ["seed=3,1,7", "population=2"], tmp_path)  # units of 3 and 1, and of 7
    display = Heard()
    results = run_plans([mixed, whole], display, workers=1)
    assert all(result.finished for result in results)
    assert sorted(id(result) for result in display.results) == sorted(id(result) for result in results)
    trained = [folder for folder in (tmp_path / "small").glob("*/populations/*") if not folder.name.startswith(".")]
    assert len({folder.name for folder in trained}) == 4  # 3 and 1, 7, 0 and 1, 2 and 3: no unit repeats the others
    part = plan("small", "smoke", ["seed=7,2", "population=1"], tmp_path / "other")
    five = plan("small", "smoke", ["seed=0:8", "population=8"], tmp_path / "other")
    assert [len(each.units) for each in (part, five)] == [2, 1]
    display = Heard()
    results = run_plans([part, five], display, workers=1)
    assert [len(result.unit.members) for result in results] == [8, 1, 1]
    assert sorted(id(result) for result in display.results) == sorted(id(result) for result in results)
    some, every = Run(part.run), Run(five.run)
    assert some.finished and some.status == "finished"
    assert list(some.members()["seed"]) == [7, 2]
    assert [folder.path.name for folder in some.populations] == [every.populations[0].path.name]
    for member, seed in enumerate((7, 2)):
        assert_same_tensors(some.parameters(member), every.parameters(seed))
    table = every.measurements().set_index(["seed", "step"]).drop(columns="member")
    own = some.measurements().set_index(["seed", "step"]).drop(columns="member")
    assert own.equals(table.loc[own.index])
    assert plan("small", "smoke", ["seed=7,2", "population=1"], tmp_path / "other").all_units == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_source_that_is_asked_for_as_well_is_trained_once(tmp_path, workers):
    last = plan("small.last", "smoke", (), tmp_path)
    four = plan("small", "smoke", ["seed=0:4", "population=2"], tmp_path)
    display = Heard()
    results = run_plans([last, four], display, workers=workers)
    assert all(result.finished for result in results)
    assert Run(last.run).finished
    assert Run(four.run).finished
    trained = [folder for folder in (tmp_path / "small").glob("*/populations/*") if not folder.name.startswith(".")]
    assert len({folder.name for folder in trained}) == 2  # the source's own, and that of seeds 2 and 3
    assert [step for _, step in display.steps].count(0) == 4  # two of `small`, and one each of what begins from it


def test_units_wait_for_what_they_begin_from_and_let_others_pass(tmp_path):
    """With three workers, of which one has the source and one the unit that waits for nothing; numbers are the same."""
    laid = [plan("small.last", "smoke", ["seed=0"], tmp_path), plan("small.slow", "smoke", (), tmp_path)]
    order = {job.unit.members[0].name: sorted(job.after) for job in jobs(laid)}
    assert list(order)[:2] == ["small", "small.later"]
    assert (order["small"], order["small.later"], order["small.last"], order["small.slow"]) == ([], [0], [1], [])
    display = Heard()
    results = run_plans(laid, display, workers=3)
    assert [result.finished for result in results] == [True] * 4
    ended = [result.unit.members[0].name for result in display.results]
    assert [name for name in ended if name != "small.slow"] == ["small", "small.later", "small.last"]
    alone = latebloom.run("small.last", "seed=0", scale="smoke", home=tmp_path / "alone", workers=1)
    assert_same_tensors(Run(laid[0].run).parameters(0), alone.parameters(0))


def test_what_waits_for_a_unit_that_failed_is_told_and_others_are_trained(tmp_path):
    words = ["start.experiment=small.trap", 'start.overrides=["model.d_mlp=5"]', "model.d_mlp=5"]
    later = plan("small.later", "smoke", words, tmp_path)
    results = run_plans([later, plan("small", "smoke", (), tmp_path)], workers=2)
    told = {result.unit.members[0].name: result.failure for result in results}
    assert "a planted fault" in told["small.trap"]
    assert "is not finished, so there is nothing to begin from" in told["small.later"]
    assert told["small"] is None


def test_a_worker_that_dies_while_others_wait_for_its_unit_leaves_them_a_word(tmp_path, monkeypatch):
    monkeypatch.setenv("LATEBLOOM_TEST_TRAP", "kill")
    words = ["start.experiment=small.trap", 'start.overrides=["model.d_mlp=6"]', "model.d_mlp=6"]
    later = plan("small.later", "smoke", words, tmp_path)
    results = run_plans([later, plan("small", "smoke", (), tmp_path)], workers=2)
    told = {result.unit.members[0].name: result.failure for result in results}
    assert told["small.trap"] == LOST
    assert "is not finished, so there is nothing to begin from" in told["small.later"]
    assert told["small"] is None


def test_units_in_a_row_train_in_this_process(tmp_path, monkeypatch):
    monkeypatch.setattr("latebloom.fleet.local.run_in_processes", None)
    results = run_plans([plan("small.last", "smoke", ["seed=0"], tmp_path)], workers=2)
    assert [result.finished for result in results] == [True, True, True]


def test_members_that_cannot_be_taken_over_stop_no_others(tmp_path, monkeypatch):
    def full(unit, known):
        raise StoreError("the disk is full")

    monkeypatch.setattr("latebloom.fleet.queue.take_over", full)
    laid = [plan("small", "smoke", words, tmp_path) for words in (["seed=0:2"], ["seed=0", "population=1"])]
    results = run_plans([*laid, plan("small.parity", "smoke", (), tmp_path)], workers=1)
    assert sorted(str(result.failure) for result in results) == ["None", "None", "the disk is full"]


def test_a_unit_that_begins_from_another_does_not_draw_what_it_is_given(tmp_path, monkeypatch):
    first = latebloom.run("small", scale="smoke", home=tmp_path, workers=1)
    monkeypatch.setattr(type(members_of("small.later", "smoke")[0].model), "initial", None)
    run = latebloom.run("small.later", scale="smoke", home=tmp_path, workers=1)
    assert_same_tensors(run.parameters(0, 0), first.parameters(0, 24))


def test_a_unit_that_was_begun_keeps_its_place(tmp_path):
    five = plan("small.slow", "smoke", ["seed=0:3", "population=8"], tmp_path)
    one = plan("small.slow", "smoke", ["seed=1"], tmp_path)
    (unit,) = one.units
    assert not work(unit, Watcher(steps=600)).finished
    run_plans([five], workers=1)
    assert not take_over(unit, finished_members(tmp_path))
    assert [result.finished for result in run_plans([one], workers=1)] == [True]
    assert [folder.path.name for folder in Run(one.run).populations] == [unit.path.name]


def test_a_folder_that_another_process_writes_is_left_alone(tmp_path):
    laid = plan("small", "smoke", ["seed=0"], tmp_path)
    script = (
        "from pathlib import Path\nfrom latebloom.runs.lock import writing\n"
        f"with writing(Path({str(laid.units[0].path)!r})):\n    print(flush=True)\n    input()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    (result,) = run_plan(laid, workers=1)
    process.communicate("\n")
    assert f"is being written by process {process.pid}" in result.failure
    (result,) = run_plan(laid, workers=1)
    assert result.finished


def test_memory_that_is_not_there_is_told_in_words(tmp_path, monkeypatch):
    laid = plan("small", "smoke", ["seed=0"], tmp_path)
    for error in (MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")):

        def refuse(*arguments, error=error):
            raise error

        monkeypatch.setattr("latebloom.fleet.work.train", refuse)
        assert "needs more memory than there is" in work(laid.units[0], Watcher()).failure
    assert laid.units[0].folder.header["status"] == "interrupted"


def test_a_flag_is_seen_and_stays():
    flag = Flag()
    assert not flag.is_set()
    flag.set()
    flag.set()
    assert flag.is_set()


def test_a_signal_at_any_moment_cannot_wait_for_the_code_it_interrupts():
    """With a lock inside the flag this hangs: the handler would wait for the check that it interrupted."""
    script = """
        import os, signal, threading, time
        from latebloom.fleet.interrupt import Interrupt
        for number in range(40):
            with Interrupt().listening() as interrupt:
                threading.Timer(0.001 * (number % 4), os.kill, (os.getpid(), signal.SIGTERM)).start()
                while not interrupt.asked.is_set():
                    pass
        print("done")
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=300, check=True
    )
    assert found.stdout == "done\n"


def test_the_first_ctrl_c_asks_and_the_second_insists():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt().listening() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


GUARDED = """
    from pathlib import Path
    from tests.fleet import small
    from latebloom.fleet.local import run_plan
    from latebloom.fleet.layout import finished_members, take_over
    from latebloom.fleet.plan import plan
    if __name__ == "__main__":
        laid = plan("small.slow", "smoke", ["seed=0:2", "d_mlp=3,4", "training.steps=200000"], Path("home"))
        results = run_plan(laid, workers=2)
        print([(result.finished, result.failure) for result in results])
"""


def start(tmp_path, text):
    """A script of its own process group, as a terminal starts one."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_the_whole_group_ends_several_workers_with_checkpoints(tmp_path, name):
    process = start(tmp_path, GUARDED)
    wait_until(lambda: len(list(tmp_path.glob("home/*/*/populations/*/population.json"))) == 2)
    os.killpg(process.pid, getattr(signal, name))
    out, err = process.communicate(timeout=300)
    assert out == "[(False, None), (False, None)]\n", err
    run = Run(next(tmp_path.glob("home/*/*/run.json")).parent)
    for folder in run.populations:
        assert folder.header["status"] == "interrupted"
        assert folder.last_checkpoint() is not None


def test_a_signal_to_a_worker_that_is_just_starting_does_not_end_it(tmp_path):
    """The first of a process: starting it also starts the tracker of `multiprocessing`, which unblocks SIGINT."""
    text = """
        import os, signal
        from latebloom.fleet.interrupt import Flag
        from latebloom.fleet.processes import _Worker
        from latebloom.fleet.work import work
        if __name__ == "__main__":
            worker = _Worker(work, [], Flag())
            os.kill(worker.process.pid, signal.SIGINT)
            print(worker.pipe.recv())
            worker.pipe.send(None)
    """
    out, err = start(tmp_path, text).communicate(timeout=300)
    assert (out, err) == ("ready\n", "")


def test_orphaned_workers_keep_a_checkpoint_and_let_go(tmp_path):
    process = start(tmp_path, GUARDED)
    wait_until(lambda: len(list(tmp_path.glob("home/*/*/populations/*/population.json"))) == 2)
    process.kill()
    process.communicate()
    run = Run(next(tmp_path.glob("home/*/*/run.json")).parent)
    wait_until(lambda: all(folder.header["status"] == "interrupted" for folder in run.populations))
    for folder in run.populations:
        with writing(folder.path):
            assert folder.last_checkpoint() is not None


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path):
    text = textwrap.dedent(GUARDED).replace('if __name__ == "__main__":', "if True:")
    process = start(tmp_path, text)
    out, err = process.communicate(timeout=300)
    assert out.count("a worker process could not start") == 2, err
    assert 'if __name__ == "__main__":' in out


def test_a_source_of_several_members_a_seed_is_refused(tmp_path):
    words = ['start={"experiment":"small.trap"}', "seed=0"]
    with pytest.raises(LatebloomError, match=r"small\.trap makes 5 members of seed 0, which differ in model\.d_mlp"):
        plan("small", "smoke", words, tmp_path)


def test_a_zoom_keeps_what_another_process_has_zoomed_since_the_run_was_opened(tmp_path):
    run = latebloom.run("small", scale="smoke", home=tmp_path, workers=1)
    run.measurements()
    zoom_run(Run(run.path), 2, 4)
    zoom_run(run, 3, 8)
    assert [zoom["first"] for zoom in Run(run.path).populations[0].manifest["zooms"]] == [2, 3]
    assert len(run.measurements(zooms=True)) > len(run.measurements())


def test_a_run_is_not_laid_out_anew_while_another_process_trains_for_it(tmp_path):
    """Fewer members together are another layout; what is being trained would have no place in it."""
    (unit,) = plan("small", "smoke", ["seed=0:2"], tmp_path).units
    smaller = ("small", "smoke", ["seed=0:2", "population=1"], tmp_path)

    class Beside(Watcher):
        def stopping(self):
            with pytest.raises(StoreError, match=r"is being written by process"):
                plan(*smaller)
            assert len(plan(*smaller, dry=True).units) == 2
            return super().stopping()

    assert not work(unit, Beside(3)).finished
    assert len(Run(unit.run).populations) == 1
    assert len(plan(*smaller).units) == 2  # nobody trains any more


def test_a_zoom_measures_no_member_beyond_its_own_end(tmp_path):
    run = latebloom.run("small", "steps=24,12", "seed=0", scale="smoke", home=tmp_path, workers=1)
    with pytest.raises(LatebloomError, match=r"--zoom 3:20:1 is no window of small/smoke-.*it has steps 0 to 12"):
        zoom_run(run, 3, 20)
    assert zoom_run(run, 3, 12)


def test_a_zoom_waits_for_the_end_of_its_run(tmp_path):
    rule = 'training.stop={"metric":"train_loss","at_least":0,"logs":4}'  # ends both at step 15
    laid = plan("small", "smoke", [rule], tmp_path)
    assert not work(laid.units[0], Watcher(8)).finished
    with pytest.raises(LatebloomError, match=r"is not finished, and a window is replayed when it is: latebloom run"):
        zoom_run(Run(laid.run), 10, 20)
    assert work(laid.units[0], Watcher()).finished
    assert zoom_run(Run(laid.run), 10, 20)
    assert Run(laid.run).measurements(zooms=True)["step"].max() == 15


def test_an_interrupted_zoom_says_so(tmp_path, monkeypatch):
    run = latebloom.run("small", scale="smoke", home=tmp_path, workers=1)
    assert zoom_run(run, 3, 8)
    monkeypatch.setattr(Flag, "is_set", lambda flag: True)
    assert not zoom_run(run, 3, 9)
    assert set(Run(run.path).populations[0].manifest["zooms"][0].items()) >= {("first", 3), ("last", 8)}


def test_units_of_two_plans_are_counted_once(tmp_path):
    laid = plan("small", "smoke", ["seed=0"], tmp_path)
    progress = Progress([*laid.units, *laid.units])
    assert progress.lines["small"].cells()[1] == "0/1"


@pytest.mark.parametrize("terminal", [True, False])
def test_who_waits_for_verdicts_is_told_which_claim_is_judged(terminal, tmp_path, capsys):
    claims = select(["mesa_optimization.01", "mesa_optimization.12", "mesa_optimization.04"])
    console = Console(force_terminal=terminal, file=StringIO(), width=120)
    with Progress([], console) as progress:
        progress.printed = -math.inf
        outcome = judge_again(claims, "quick", tmp_path, tmp_path / "ledger", progress.judging)
        assert progress.judged == "judging mesa_optimization.04, 2 of 2"  # claim 12 cannot be judged at quick
    assert [entry.id for entry in outcome.entries] == ["mesa_optimization.01", "mesa_optimization.04"]
    shown = console.file.getvalue() if terminal else capsys.readouterr().out
    assert "judging mesa_optimization.01, 1 of 2" in shown
    assert not progress.judged


def test_an_interrupted_call_does_not_return_as_if_it_were_done(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Flag, "is_set", lambda flag: True)
        with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
            latebloom.run("small", scale="smoke", home=tmp_path, workers=1)
    assert latebloom.run("small", scale="smoke", home=tmp_path, workers=1).finished
