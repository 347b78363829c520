"""The command line as a user meets it: exit codes, tables, and sentences that say what would be right."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latebloom import studies
from latebloom.claims import Ledger, blank, get
from latebloom.cli import main
from latebloom.cli.curves import braille
from latebloom.cli.run_list import in_bytes
from latebloom.fleet.plan import plan
from latebloom.fleet.work import work
from latebloom.runs.home import run_folders
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from tests.training.build import Watcher

TINY = ["grokking.modular_addition", "--scale", "smoke", "training.steps=20", "log.every=10", "d_embed=8"]


def call(capsys, *words):
    """Exit code and what was printed."""
    code = main(list(words))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_run_makes_members_and_finds_them_again(capsys, runs_home):
    code, out, _ = call(capsys, "run", *TINY, "seed=0:3")
    assert code == 0
    assert "3 members, finished" in out
    (folder,) = run_folders(runs_home)
    before = (folder / "run.json").read_bytes()
    code, out, _ = call(capsys, "run", *TINY, "seed=0:3")
    assert code == 0
    assert (folder / "run.json").read_bytes() == before


def test_settings_may_stand_before_options(capsys, runs_home):
    name, *options = TINY
    code, out, _ = call(capsys, "run", name, "seed=0:2", *options)
    assert code == 0
    assert "2 members, finished" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "grokking.modular_adition"], "Did you mean 'grokking.modular_addition'"),
        (["run", *TINY, "weight_dcay=1"], "Did you mean 'weight_decay' or 'training.weight_decay'?"),
        (["run", *TINY, "seed=5:5"], "is empty"),
        (["run", *TINY, "training.decay=linear", "training.warmup=5", "decay_steps=5"], "training.decay_steps = 5"),
        (["run", *TINY, "train_fraction=1"], "task.train_fraction = 1"),
        (["run", *TINY, "train_fraction=0.0001"], "training rows"),
        (["run", *TINY, "lr=fast"], "training.lr = 'fast'"),
        (["run", *TINY, "optimiser=adamW"], "Did you mean 'adam"),
        (["run", *TINY, "loss=mae"], "Unknown loss 'mae'"),
        (["run", *TINY, "device=tpu"], "Unknown device 'tpu'"),
        (["run", "grokking.modular_addition", "--scale", "laptpo"], "Did you mean 'laptop'?"),
        (["run", *TINY, "--workers", "0"], "at least one worker"),
        (["reproduce", "grokking.999"], "Unknown study or claim"),
        (["show", "nothing"], "No run 'nothing'"),
        (["show", "grokking.99"], "Unknown study or claim 'grokking.99'"),
        (["show", "grokking.1"], "Unknown study or claim 'grokking.1'. Did you mean 'grokking.01'?"),
        (["run", "grokking"], "`latebloom reproduce grokking` runs what its claims need"),
        (["run", "grokking.01"], "`run` trains one experiment, which 'grokking.01' is not"),
        (["run", *TINY, "zzz=1"], "has no field 'zzz'. `latebloom show grokking.modular_addition --fields` lists all"),
        (["run", "modular_addition"], "`latebloom ls experiments` lists all"),
        (["run", *TINY, "weight_dcay=1"], "Fields beside it: training.steps"),
        (["run", *TINY, "seed=0:1000000000"], "1,000,000,000 members; a run holds at most 100,000"),
        (["run", *TINY, "seed=0:1000", "lr=" + ",".join(map(str, range(1, 200)))], "199 of training.lr"),
        (["run", *TINY, "weight_dcay=1"], "`latebloom show grokking.modular_addition --fields` lists all"),
        (["run", *TINY, "measure=norm"], "Unknown measure 'norm'. Did you mean 'norms'?"),
        (["run", *TINY, "measure=stabilty"], "`latebloom ls measures` lists all"),
        (["show", "grokking.modular_adition", "--fields"], "Did you mean 'grokking.modular_addition'"),
        (["show", "grokking.modular_addition", "--fields", "--scale", "laptpo"], "Did you mean 'laptop'?"),
        (["show", "grokking.modular_addition", "--json"], "--json belongs to `latebloom show EXPERIMENT --fields`"),
        (["show", "grokking.modular_addition", "--fields", "--out", "x"], "--out x belongs to `latebloom show RUN`"),
        (
            ["show", "grokking.modular_addition", "--fields", "--member", "0"],
            "--member 0 belongs to `latebloom show RUN`",
        ),
        (["show", "grokking", "--fields"], "grokking is a study; fields belong to one of its experiments"),
        (["show", "grokking.01", "--member", "2"], "--member 2: the picture of grokking.01 is drawn from all"),
        (["show", "grokking.modular_addition"], "`latebloom run grokking.modular_addition` makes one"),
        (["show", "grokking"], "`latebloom claims grokking` shows its claims"),
        (["run", *TINY, "--zoom", "10:5"], "START must be below END"),
        (["run", *TINY, "--zoom", "late"], "START:END"),
        (["run", *TINY, "--zoom", "²:³"], "START:END"),
        (["run", *TINY, "--zoom", "9" * 5000 + ":1"], "START:END"),
        (["run", *TINY, "seed=" + "9" * 5000], "seed = '999"),
        (["run", *TINY, "seed=0:" + "9" * 5000], "seed = '0:999"),
        (["run", *TINY, "log.at=" + "[" * 50_000], "log.at = '[[["),
        (["run", *TINY, "seed=true"], "seed = True: a number is meant"),
        (["run", *TINY, "device=cpu:x"], "device = 'cpu:x' is no device"),
        (["run", *TINY, "population=1,2"], "how many members train together"),
        (["run", *TINY, "=5"], "has no field ''"),
        (["reproduce", "grokking", "--scale", "laptpo"], "Did you mean 'laptop'?"),
        (["reproduce", "grokking", "--judge-only", "--scale", "laptpo"], "Did you mean 'laptop'?"),
        (["reproduce", "grokking.01", "--scale", "quick"], "What can: grokking.01 at laptop, paper."),
        (["show", "groking"], "Did you mean 'grokking'"),
        (["show", "grokking.modular_additon"], "Did you mean 'grokking.modular_addition'"),
        (["plan", "groking"], "Did you mean 'grokking'"),
        (["plan", "nothing"], "Unknown experiment, study or claim 'nothing'. `latebloom ls experiments` lists all"),
        (["run", "settings.yaml"], "'settings.yaml' reads like a file"),
        (["run", *TINY, "d_mlp=1,000"], "'1,000' would be 2 values. If one number is meant, write 1000."),
        (["show", "x" * 5000], "No run 'xxx"),
        (["show", "a=b"], "No run 'a=b'"),
    ],
)
def test_wrong_words_end_with_code_2_and_a_hint(capsys, runs_home, words, told):
    code, _, err = call(capsys, *words)
    assert code == 2
    assert told in err
    assert "Traceback" not in err
    assert run_folders(runs_home) == []


@pytest.mark.parametrize("words", [("run", *TINY[:1], "--scal", "smoke"), ("claims", "--js"), ("--vers",)])
def test_an_option_is_written_in_full(capsys, runs_home, words):
    """A shortened one would be another as soon as a second option begins like it."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert run_folders(runs_home) == []


@pytest.mark.parametrize("words", [("run", "lr", "1e-3"), ("plan", "--lr", "1e-3"), ("run", "lr:1e-3")])
def test_a_setting_that_is_no_assignment_is_told_how_one_is_written(capsys, words):
    command, *rest = words
    with pytest.raises(SystemExit) as ended:
        main([command, "grokking.modular_addition", *rest])
    assert ended.value.code == 2
    assert f"arguments: {' '.join(rest)}. A setting is written field=value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rnu"], "Did you mean 'run'?"),
        (["ls", "modles"], "Did you mean 'models'?"),
        (["claims", "seed=1"], "takes no settings"),
        (["it's"], 'Unknown command "it\'s"'),
        (["ls", "it's"], 'Unknown list "it\'s"'),
        ([], "required"),
    ],
)
def test_wrong_commands_are_answered_by_the_nearest(capsys, words, told):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert told in capsys.readouterr().err


def test_zoom_measures_a_window_and_refuses_one_outside(capsys, runs_home):
    assert call(capsys, "run", *TINY, "--zoom", "5:9")[0] == 0
    (folder,) = run_folders(runs_home)
    assert set(Run(folder).measurements(zooms=True)["step"]) >= {5, 6, 7, 8, 9}
    code, _, err = call(capsys, "run", *TINY, "--zoom", "15:25")
    assert code == 2
    assert "it has steps 0 to 20" in err
    code, _, err = call(capsys, "run", *TINY, "--zoom", "late")
    assert code == 2
    assert "START:END" in err


def test_claims_as_json_have_the_promised_keys(capsys, tmp_path):
    code, out, _ = call(capsys, "claims", "grokking", "--json", "--ledger", str(tmp_path))
    assert code == 0
    rows = json.loads(out)
    promised = "id study statement source published measured interval verdict scale seeds runs seconds command"
    assert set(promised.split()) <= set(rows[0])
    assert all(row["verdict"] == "not run" for row in rows)


def test_fields_of_an_experiment_are_listed_with_value_kind_and_meaning(capsys, runs_home):
    code, out, _ = call(capsys, "show", "grokking.modular_addition", "--fields", "--scale", "smoke")
    assert code == 0
    (line,) = (line for line in out.splitlines() if line.startswith("training.lr="))
    assert line.split() == ["training.lr=0.001", "float", ">=", "0", "learning", "rate"]
    code, out, _ = call(capsys, "show", "grokking.modular_addition", "--fields", "--scale", "smoke", "--json")
    assert code == 0
    by_field = {row["field"]: row for row in json.loads(out)}
    expected = {"field": "training.lr", "value": "0.001", "type": "float >= 0", "meaning": "learning rate"}
    assert by_field["training.lr"] == expected
    assert by_field["training.stop.logs"]["value"] is None
    assert run_folders(runs_home) == []


def test_measures_are_chosen_on_the_command_line(capsys, runs_home):
    code, _, _ = call(capsys, "run", *TINY, "seed=0", "measure=norms", "measure.stability.at=[15]")
    assert code == 0
    (folder,) = run_folders(runs_home)
    measured = Run(folder).measurements()
    assert measured.dropna(subset=["l2_norm"])["step"].tolist() == [0, 10, 20]
    assert measured.dropna(subset=["zero_loss"])["step"].tolist() == [0, 15, 20]
    assert "neuron_frequency" not in measured
    assert call(capsys, "show", folder.parent.name)[0] == 0  # pictures of what was not measured are left out


@pytest.mark.parametrize(
    "what", ["studies", "experiments", "claims", "tasks", "models", "optimisers", "losses", "runs"]
)
def test_every_list_prints(capsys, runs_home, what):
    code, out, _ = call(capsys, "ls", what)
    assert code == 0
    assert out.strip()


def test_titles_keep_their_room_in_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = call(capsys, "ls", "claims")
    lines = out.splitlines()
    assert lines[0].index("scales") - lines[0].index("title") > 25
    assert [line.split()[-1] for line in lines[1:3]] == ["quick,", "laptop"]  # one below the other
    assert all(len(line) <= 60 for line in lines)


def test_a_terminal_of_unknown_width_is_one_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, expected, _ = call(capsys, "ls", "claims")
    monkeypatch.setenv("COLUMNS", "0")
    assert call(capsys, "ls", "claims") == (0, expected, "")
    assert "grokking.01" in expected


def test_plan_tells_parameters_and_trains_nothing(capsys, runs_home):
    code, out, _ = call(capsys, "plan", *TINY, "seed=0:4")
    assert code == 0
    assert f"{67 * 8 + 2 * 8 * 24:,}" in out
    assert run_folders(runs_home) == []


def test_show_draws_curves_of_a_run(capsys, runs_home):
    call(capsys, "run", *TINY, "seed=0:2")
    (folder,) = run_folders(runs_home)
    code, out, _ = call(capsys, "show", f"{folder.parent.name}/{folder.name}")
    assert code == 0
    assert "accuracy, median over members" in out
    assert any("\u2800" < sign <= "\u28ff" for sign in out)


def test_medians_in_print_are_those_of_the_figures_where_members_end_early(capsys, runs_home, tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("latebloom.cli.show.braille", lambda series, title, *rest: drawn.update({title: series}) or "")
    rule = ("training.stop.metric=train_accuracy", "training.stop.at_least=0.59", "training.stop.logs=1")
    words = ("grokking.parity", "--scale", "smoke", "training.steps=100", "log.every=5", "seed=0:5", *rule)
    assert call(capsys, "run", *words, "--workers", "1")[0] == 0
    assert call(capsys, "show", "grokking.parity", "--out", str(tmp_path))[0] == 0
    (folder,) = run_folders(runs_home)
    assert len(set(Run(folder).members()["ended_at"])) > 2
    steps, held = Logged(Run(folder)).table("train_accuracy", hold=True)
    own_steps, own = drawn["accuracy, median over members"]["train"]
    assert own_steps.tolist() == steps.tolist()
    assert own == pytest.approx(np.median(held, axis=0))


def test_braille_curve_rises_where_the_values_do():
    steps = np.arange(100.0)
    lines = braille({"up": (steps, steps / 99)}, "t", 60, 0.0, 1.0).plain.split("\n")
    first = next(i for i, sign in enumerate(lines[10]) if sign > "\u2800")
    last = next(i for i, sign in enumerate(lines[1]) if sign > "\u2800")
    assert first < last


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["claim"], ["ls", "claimz"]])
def test_help_and_misspelt_commands_answer_at_once_without_heavy_imports(words):
    script = (
        f"import sys\nfrom latebloom.cli import main\ntry:\n    main({words})\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'pandas', 'pydantic', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize("sign", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_with_code_3_and_the_same_command_goes_on_bit_for_bit(runs_home, tmp_path, sign):
    import signal

    words = ["run", "grokking.modular_addition", "--scale", "smoke", "training.steps=3000", "d_embed=8", "seed=0:2"]
    command = [sys.executable, "-m", "latebloom.cli", *words, "--workers", "1"]
    straight = os.environ | {"LATEBLOOM_HOME": str(tmp_path / "straight")}
    broken = os.environ | {"LATEBLOOM_HOME": str(tmp_path / "broken")}
    process = subprocess.Popen(command, env=broken, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "broken").glob("*/*/populations/*/population.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(getattr(signal, sign))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, (out, err)
    assert "Interrupted" in out
    for environment in (broken, straight):
        subprocess.run(command, env=environment, check=True, capture_output=True)
    (one,), (other,) = run_folders(tmp_path / "broken"), run_folders(tmp_path / "straight")
    assert Run(one).measurements().equals(Run(other).measurements())
    for name, value in Run(one).parameters(1).items():
        assert value.equal(Run(other).parameters(1)[name])


def test_a_run_of_a_newer_version_hides_no_other(capsys, runs_home):
    call(capsys, "run", *TINY, "seed=0:1")
    call(capsys, "run", *TINY, "seed=1:2")
    first, second = run_folders(runs_home)
    document = json.loads((first / "run.json").read_text())
    (first / "run.json").write_text(json.dumps(document | {"format": 99}))
    code, out, _ = call(capsys, "ls", "runs")
    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if first.name in line] == ["unreadable"]
    assert [line.split()[2] for line in out.splitlines() if second.name in line] == ["finished"]


def test_runs_are_listed_with_what_they_take_on_disk(capsys, runs_home):
    code, out, _ = call(capsys, "ls", "runs")
    assert code == 0
    assert "No runs under" in out and "`latebloom run EXPERIMENT` makes one" in out
    call(capsys, "run", *TINY, "seed=0:2", "population=1")
    call(capsys, "run", *TINY, "seed=0:1")  # taken over from the first: hard links
    folders = run_folders(runs_home)
    files = {path: path.stat() for folder in folders for path in folder.rglob("*") if path.is_file()}
    whole = {folder.name: sum(s.st_size for path, s in files.items() if folder in path.parents) for folder in folders}
    _, out, _ = call(capsys, "ls", "runs", "--json")
    rows = json.loads(out)
    assert {Path(row["path"]).name: row["bytes"] for row in rows} == whole
    assert {row["members"]: row["status"] for row in rows} == {1: "finished", 2: "finished"}
    _, out, _ = call(capsys, "ls", "runs")
    once = sum({s.st_ino: s.st_size for s in files.values()}.values())
    assert once < sum(whole.values())
    assert f"2 runs, {in_bytes(once)} (files that several of them share count once)" in out
    for folder in folders:
        (line,) = (line for line in out.splitlines() if folder.name in line)
        assert line.split("finished")[0].endswith(" ") and line.endswith(in_bytes(whole[folder.name]))


@pytest.mark.parametrize("what", ["studies", "experiments", "claims", "tasks", "losses", "measures"])
def test_every_list_is_there_for_programs(capsys, what):
    code, out, _ = call(capsys, "ls", what, "--json")
    assert code == 0
    rows = json.loads(out)
    assert all(row["name"] and all(value != "" for key, value in row.items() if key != "needs") for row in rows)
    _, printed, _ = call(capsys, "ls", what)
    assert [row["name"] for row in rows] == [line.split()[0] for line in printed.splitlines()[1:] if line[0] != " "]


@pytest.mark.parametrize("width", ["80", "120"])
def test_no_name_of_a_run_is_cut(capsys, runs_home, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    call(capsys, "run", *TINY, "seed=0:1")
    (folder,) = run_folders(runs_home)
    _, out, _ = call(capsys, "ls", "runs")
    assert f"{folder.parent.name}/{folder.name}" in out
    assert out.splitlines()[0].split() == ["run", "members", "state", "seconds", "size"]


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_no_number_of_a_member_is_cut(capsys, runs_home, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    varied = ("seed=0:2", "d_mlp=3,4", "training.weight_decay=0.125,1", "training.lr=0.0123,0.0456")
    _, out, _ = call(capsys, "run", *TINY, *varied)
    run = Run(run_folders(runs_home)[0])
    last = run.measurements().groupby("member").tail(1).set_index("member")
    rows = {int(line.split()[0]): line.split() for line in out.splitlines() if line[:2].strip().isdigit()}
    assert len(rows) == 16
    for number, row in rows.items():
        assert [float(word) for word in row[-4:]] == [
            pytest.approx(last.loc[number, name], rel=5e-3)
            for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
        ]


BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
SENT = BUFFERED | {"PYTHONUNBUFFERED": "1"}
each_way = pytest.mark.parametrize("environment", [BUFFERED, SENT], ids=["held", "sent"])


@each_way
@pytest.mark.parametrize(
    "words", [["claims"], ["ls", "claims"], ["claims", "--json"], ["ls", "tasks", "--json"], ["--help"]]
)
def test_a_closed_pipe_is_no_failure(words, environment):
    command = [sys.executable, "-m", "latebloom.cli", *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@each_way
def test_a_training_whose_reader_leaves_does_not_end_as_if_it_were_done(runs_home, environment):
    environment = environment | {"LATEBLOOM_HOME": str(runs_home)}
    command = [sys.executable, "-m", "latebloom.cli", "run", *TINY, "seed=0:2", "--workers", "1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 3
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("words", [["claims", "grokking"], ["ls", "claims", "--json"]])
def test_a_terminal_that_knows_ascii_only_is_no_failure(words):
    command = [sys.executable, "-m", "latebloom.cli", *words]
    plain = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True)
    assert plain.stdout.isascii() and plain.stderr == b""
    if "--json" in words:  # nothing is lost of what programs read
        whole = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "utf-8"}, capture_output=True, check=True)
        assert json.loads(plain.stdout) == json.loads(whole.stdout)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_to_a_full_disk_is_told_in_a_sentence():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "latebloom.cli", "claims"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "latebloom: cannot write the output: the disk is full. Runs and ledger are intact.\n"


def test_equal_populations_are_one_line_of_a_plan(capsys, monkeypatch):
    monkeypatch.setattr("latebloom.fleet.estimate.PROBE_SECONDS", 0.01)
    monkeypatch.setenv("COLUMNS", "120")
    _, out, _ = call(capsys, "plan", *TINY, "seed=0:8", "population=2")
    rows = [line.split() for line in out.splitlines() if line.startswith("modular_mlp")]
    assert [row[2:4] for row in rows] == [["4", "2"]]
    assert "8 members in 4 populations" in out


@pytest.mark.parametrize("what", ["tasks", "models", "optimisers", "losses", "measures"])
def test_every_part_has_one_sentence_of_its_own(capsys, monkeypatch, what):
    monkeypatch.setenv("COLUMNS", "300")
    _, out, _ = call(capsys, "ls", what)
    told = [line.split(maxsplit=1)[1].strip() for line in out.splitlines()[1:]]
    assert [text for text in told if not text.endswith(".") or len(text) > 120] == []
    assert len(set(told)) == len(told)


def test_a_ledger_that_is_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "ledger").write_text("")
    code, _, err = call(capsys, "claims", "--ledger", str(tmp_path / "ledger"))
    assert code == 1
    assert "must be a folder" in err


def test_a_path_may_hold_an_equals_sign_and_brackets(capsys, runs_home, monkeypatch, tmp_path):
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path / "a=1" / "[/b]"))
    code, out, _ = call(capsys, "run", *TINY, "seed=0:2")
    assert code == 0
    (folder,) = run_folders(tmp_path / "a=1" / "[/b]")
    assert str(folder) in out
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("latebloom.cli.show.figures_of", lambda name: None)  # pictures take seconds
    code, out, _ = call(capsys, "show", str(folder.relative_to(tmp_path)), "--out", "b=2")
    assert code == 0
    assert str(folder.relative_to(tmp_path)) in out
    assert call(capsys, "claims", "grokking", "--ledger", "c=3")[0] == 0


def test_what_is_in_brackets_is_text(capsys, tmp_path):
    studies.load()
    Ledger.add(tmp_path, [replace(blank(get("grokking.13"), "laptop"), measured="2 [no end]")])
    code, out, _ = call(capsys, "show", "grokking.13", "--ledger", str(tmp_path))
    assert code == 0
    assert "2 [no end]" in out


def test_an_interval_stands_with_the_number_it_is_of(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    studies.load()
    parts = {
        "one layer": {"value": 0.0110, "interval": [0.0106, None], "n": 20, "unit": "nats"},
        "deepest_stack": {"value": None, "interval": [1.5, None], "n": 5, "unit": ""},
        "computed": {"value": 3e-15, "interval": [3e-15, 3e-15], "n": 1, "unit": ""},
        "of one seed": {"value": 1.0, "interval": [None, None], "n": 1, "unit": "x"},
    }
    known = replace(blank(get("grokking.13"), "laptop"), measured="two numbers", interval=(0.0106, None))
    Ledger.add(tmp_path, [replace(known, estimates=parts)])
    _, out, _ = call(capsys, "show", "grokking.13", "--ledger", str(tmp_path))
    assert "0.011 nats (0.0106 to unbounded), n = 20" in out
    assert "deepest stack: unbounded (1.5 to unbounded), n = 5" in out
    assert "computed: 3e-15, n = 1" in out and "of one seed: 1 x, n = 1" in out
    assert "\ninterval" not in out
    Ledger.add(tmp_path, [replace(known, judged_at="2099-01-01T00:00:00+00:00")])
    _, out, _ = call(capsys, "show", "grokking.13", "--ledger", str(tmp_path))
    assert "\nnumbers" not in out and re.search(r"interval +0.0106 to unbounded *\n", out)


def test_a_system_error_about_a_file_is_a_sentence(capsys, monkeypatch):
    def refuse(arguments):
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr("latebloom.cli.commands.run", refuse)
    assert call(capsys, "ls") == (1, "", "latebloom: /somewhere: Permission denied.\n")


def test_an_interrupted_zoom_ends_with_code_3(capsys, runs_home, monkeypatch):
    call(capsys, "run", *TINY, "seed=0:2")
    monkeypatch.setattr("latebloom.cli.zoom.zoom_run", lambda *arguments: False)
    code, out, _ = call(capsys, "run", *TINY, "seed=0:2", "--zoom", "5:9")
    assert code == 3
    assert "Interrupted" in out


def test_a_plan_of_what_does_not_fit_says_so(capsys, runs_home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("latebloom.fleet.estimate.seconds_to_train", lambda *_: pytest.fail("made the population"))
    code, out, _ = call(capsys, "plan", *TINY, "p=1000003")
    assert code == 0
    assert "not timed" in out
    assert "Not timed, for want of memory: 1 of 1" in out
    assert "about" not in out


def test_a_plan_names_what_a_run_begins_from(capsys, monkeypatch):
    monkeypatch.setattr("latebloom.fleet.estimate.PROBE_SECONDS", 0.01)
    _, out, _ = call(capsys, "plan", *TINY, 'start={"experiment":"grokking.modular_addition","overrides":["p=5"]}')
    assert out.endswith("not counted here: latebloom plan grokking.modular_addition --scale smoke p=5\n")


@pytest.mark.parametrize("words", [["ls", "runs"], ["show", "grokking.modular_addition"]])
def test_a_home_that_is_a_file_is_told_as_one(capsys, monkeypatch, tmp_path, words):
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("LATEBLOOM_HOME", str(tmp_path / "home"))
    code, _, err = call(capsys, *words)
    assert code == 1
    assert f"{tmp_path / 'home'} is a file; runs live in a folder" in err


def test_what_stops_every_population_is_told_once(capsys, runs_home):
    words = ["run", "future_tokens.majority", "--scale", "smoke", "measure=stability", "seed=0:2", "population=1"]
    code, _, err = call(capsys, *words, "--workers", "1")
    assert code == 1
    assert err.count("stability reads fixed training rows") == 1


def test_a_smoke_reproduction_says_that_it_gives_no_verdict(capsys, runs_home, tmp_path):
    words = ("reproduce", "grokking.01", "--scale", "smoke", "--ledger", str(tmp_path / "ledger"))
    code, out, _ = call(capsys, *words)
    assert code == 0
    assert "1 claim: 1 not run" in out
    assert out.endswith("networks too small to tell: 1 judge ran, and no verdict is due.\n")


SHOWN = [
    ("grokking.parity", "curves weights"),
    ("structural_grokking.question", "learning"),
    ("model_selection.testbed", "curves"),
    ("mesa_optimization.one_layer", "curves"),
]


@pytest.mark.parametrize(("name", "expected"), SHOWN)
def test_a_run_whose_first_member_has_not_begun_is_shown_as_far_as_it_is(capsys, runs_home, tmp_path, name, expected):
    studies.load()
    laid = plan(name, "smoke", ["population=1"], runs_home)
    assert work(laid.units[1], Watcher()).finished
    code, _, err = call(capsys, "show", name, "--out", str(tmp_path / "out"))
    assert (code, err) == (0, "")
    assert {path.stem for path in (tmp_path / "out").iterdir()} >= set(expected.split())


@pytest.mark.parametrize("name", ["model_selection.testbed", "mesa_optimization.one_layer"])
def test_a_run_of_which_nobody_is_left_is_shown(capsys, runs_home, tmp_path, name):
    assert call(capsys, "run", name, "--scale", "smoke", "training.lr=1e30", "seed=0", "--workers", "1")[0] == 0
    code, out, err = call(capsys, "show", name, "--out", str(tmp_path / "out"))
    assert (code, err) == (0, "")
    assert "diverged" in out and (tmp_path / "out" / "curves.png").exists()
