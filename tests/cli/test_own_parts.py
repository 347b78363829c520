"""The command line of a file outside the package: what it registers is known to every command, workers included."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import latebloom
from latebloom import studies
from latebloom.training.presets import PRESETS, Entry
from latebloom.view.lab import Lab

EXAMPLES = Path(__file__).parents[2] / "examples"


def call(folder, script, *words):
    """Exit code, output and errors of a script's command line, in a process of its own."""
    done = subprocess.run([sys.executable, EXAMPLES / script, *words], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_an_experiment_of_ones_own_trains_in_several_workers(tmp_path, runs_home):
    words = ("d_mlp=4,5", "seed=0:2", "lr=1e-2", "training.steps=20", "--workers", "2")
    code, out, err = call(tmp_path, "own_task_and_measure.py", "run", "own.larger", *words)
    assert code == 0, err
    assert "populations 2/2  step done" in out
    assert "4 members, finished" in out
    code, out, _ = call(tmp_path, "own_task_and_measure.py", "ls", "studies", "--json")
    assert {"name": "own", "experiments": 1, "claims": 0} in json.loads(out)
    # Without the file its runs can be read, and its parts are not known.
    code, out, _ = call(tmp_path, "own_claim.py", "show", "own.larger")
    assert code == 0 and "accuracy, median over members" in out
    code, _, err = call(tmp_path, "own_claim.py", "run", "own.larger")
    assert code == 2 and "Unknown experiment 'own.larger'" in err


def test_a_claim_of_ones_own_goes_through_every_command(tmp_path, runs_home):
    code, out, err = call(tmp_path, "own_claim.py", "reproduce", "own", "--scale", "smoke")
    assert code == 0, err
    assert "no verdict is due" in out
    code, out, err = call(tmp_path, "own_claim.py", "plan", "own")
    assert code == 0 and "16 members in" in out, err
    code, out, _ = call(tmp_path, "own_claim.py", "claims", "own", "--json")
    (entry,) = json.loads(out)
    assert (entry["id"], entry["verdict"], entry["fixed"]) == ("own.01", "not run", "2026-11-30")
    code, out, _ = call(tmp_path, "own_claim.py", "show", "own.01")
    assert code == 0 and "the same rule" in out


@pytest.fixture
def own_study(monkeypatch):
    """A study that does not ship, with one experiment."""
    studies.load()
    built = PRESETS["grokking.parity"].build
    monkeypatch.setitem(PRESETS._parts, "elsewhere.parity", Entry("elsewhere.parity", "Parity again.", built))


def test_the_lab_shows_runs_of_a_study_of_ones_own(own_study, runs_home, tmp_path):
    latebloom.run("elsewhere.parity", "seed=0", "training.steps=10", scale="smoke")
    index = Lab(runs_home, tmp_path / "ledger").index()
    assert [(row["study"], row["status"]) for row in index["runs"]] == [("elsewhere", "finished")]
    (study,) = (study for study in index["studies"] if study["name"] == "elsewhere")
    assert study["experiments"] == [{"name": "elsewhere.parity", "title": "Parity again."}]
    assert study["about"]
