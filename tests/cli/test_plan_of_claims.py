"""`latebloom plan STUDY|CLAIM`: what `reproduce` would still train, counted once, and nothing laid out."""

import json
from dataclasses import replace

import pytest

from latebloom import studies
from latebloom.claims import Request
from latebloom.cli import main
from latebloom.cli.plan import _work
from latebloom.errors import LatebloomError
from latebloom.fleet.estimate import Cost
from latebloom.fleet.local import workers_for
from latebloom.fleet.plan import plan as plan_of
from latebloom.fleet.queue import jobs
from latebloom.runs.home import run_folders
from latebloom.studies.reproduce import prepare, select

studies.load()


@pytest.fixture(autouse=True)
def quick_probe(monkeypatch):
    monkeypatch.setattr("latebloom.fleet.estimate.PROBE_SECONDS", 0.01)
    monkeypatch.setenv("COLUMNS", "100")


def plan(capsys, *words):
    """Exit code and what was printed."""
    code = main(["plan", *words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def to_train(word, root, dry=True):
    """Units of the claims' runs, in the order in which they are trained."""
    return [job.unit for job in jobs(list(prepare(select([word]), "smoke", root, dry).values())) if not job.shared]


def test_a_claim_costs_what_it_still_needs_and_nothing_is_laid_out(capsys, runs_home):
    code, out, _ = plan(capsys, "grokking.01", "--scale", "smoke")
    assert code == 0
    (row,) = [line.split() for line in out.splitlines() if line.startswith("grokking.modular_addition ")]
    assert row[1] == "2"
    assert "2 members in" in out
    assert run_folders(runs_home) == []


def test_what_is_finished_is_not_counted(capsys, runs_home):
    main(["run", "grokking.modular_addition", "--scale", "smoke", "seed=0"])
    assert [len(unit.members) for unit in to_train("grokking.01", runs_home)] == [1]
    main(["run", "grokking.modular_addition", "--scale", "smoke"])
    capsys.readouterr()
    code, out, _ = plan(capsys, "grokking.01", "--scale", "smoke")
    assert code == 0
    assert out == f"Nothing to train at scale smoke: every run that is needed is finished under {runs_home}.\n"


@pytest.mark.parametrize("asked", [Request("grokking.modular_addition", "smoke"), ["run"], ("run",), None])
def test_needs_of_another_kind_are_refused_with_the_claims_name(tmp_path, asked):
    mistaken = replace(select(["grokking.01"])[0], needs=lambda scale: asked)
    with pytest.raises(LatebloomError, match=r"Claim grokking\.01: `needs` should return a tuple of requests"):
        prepare([mistaken], "smoke", tmp_path)


@pytest.mark.parametrize("word", ["grokking.01", "future_tokens.26", "structural_grokking", "future_tokens"])
def test_units_are_those_that_reproduce_trains(runs_home, word):
    """Sources first, and members that several runs share as `reproduce` shares them."""
    foreseen = to_train(word, runs_home)
    assert run_folders(runs_home) == []
    assert foreseen == to_train(word, runs_home, dry=False)
    assert foreseen


def test_runs_that_others_begin_from_have_their_own_line(capsys, runs_home):
    _, out, _ = plan(capsys, "future_tokens.26", "--scale", "smoke")
    first = [line.split()[0] for line in out.splitlines() if line.startswith("future_tokens.")]
    assert first == [
        *(f"future_tokens.curriculum_{n}" for n in (1, 2, 3, 4)),
        "future_tokens.grown",
        "future_tokens.from_scratch",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["grokking", "lr=1"], "'lr=1' belongs behind the name of an experiment"),
        (["grokking.99"], "Unknown study or claim 'grokking.99'"),
        (["groking"], "Unknown experiment, study or claim 'groking'. Did you mean 'grokking'"),
        (["future_tokens.18", "--scale", "laptop"], "Nothing can be judged at scale laptop"),
        (["grokking", "--scale", "huge"], "'huge'"),
    ],
)
def test_wrong_words_are_told(capsys, runs_home, words, told):
    code, out, error = plan(capsys, *words)
    assert (code, out) == (2, "")
    assert told in error


@pytest.mark.parametrize(
    ("operations", "told"),
    [(0, "0.0 FLOP"), (2.9e10, "29 GFLOP"), (9.99e14, "999 TFLOP"), (1e15, "1.0 PFLOP"), (3e21, "3,000 EFLOP")],
)
def test_arithmetic_is_told_in_a_unit_that_fits(operations, told):
    cost = Cost(
        members=2, steps=5, parameters=1, flops_per_step=operations / 10, memory=1, seconds=None, description=""
    )
    assert _work([cost]) == told


def test_weights_that_do_not_fit_are_told_by_a_plan_too(capsys, tmp_path):
    config = {"model_type": "gpt2", "vocab_size": 9, "n_positions": 70, "n_embd": 8, "n_layer": 5, "n_head": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    words = ("future_tokens.text_finetuned", "--scale", "smoke", "start=None", f"model.weights={tmp_path}", "seed=0")
    code, _, error = plan(capsys, *words)
    assert code == 2
    assert "a network with n_layers = 5 (here 2)" in error


def test_a_chain_is_foretold_with_the_one_worker_that_it_keeps_busy(runs_home):
    chain = jobs([plan_of("future_tokens.curriculum_3", "smoke", ["seed=0"], runs_home)])
    assert [workers_for(found) for found in (chain, chain[:1], [])] == [1, 1, 0]
