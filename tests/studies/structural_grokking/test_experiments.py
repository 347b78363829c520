"""Every experiment is laid out at every scale, runs at smoke, and takes a step at the published size."""

import pytest

import latebloom
from latebloom import studies
from latebloom.claims import Verdict
from latebloom.fleet.estimate import cost
from latebloom.fleet.identity import member_hash
from latebloom.studies.reproduce import judge_again, reproduce, select
from latebloom.training.members import populations
from latebloom.training.population import Population
from latebloom.training.presets import PRESETS, members_of

studies.load()
NAMES = [name for name in PRESETS if name.startswith("structural_grokking.")]


@pytest.mark.parametrize("scale", ["smoke", "quick", "laptop", "paper"])
@pytest.mark.parametrize("name", NAMES)
def test_every_scale_is_priced(name, scale):
    for group in populations(members_of(name, scale)):
        found = cost(group, timed=False)
        assert found.parameters > 0
        assert found.flops_per_step > 0


def test_the_published_size():
    member = members_of("structural_grokking.question", "paper")[0]
    found = cost([member], timed=False)
    layers = 6 * 3_150_336
    assert found.parameters == layers + 71 * 512 + 512 * 71 + 71
    assert (member.training.steps, member.training.warmup, member.training.lr) == (300_000, 10_000, 1e-4)
    assert (member.model.n_heads, member.training.clip, member.task.batch_size) == (8, 1.0, 8)


@pytest.mark.parametrize("name", NAMES)
def test_one_step_at_the_published_size(name):
    sizes = ["seed=0", "n_train=50", "n_gen=10", "n_val=10"]
    extra = {
        "dyck": ["max_length=40", "split=component"],
        "agreement": ["n_types=12"],
        "question_added": ["disambiguating=10"],
    }
    (*_, member) = members_of(name, "paper", [*sizes, *extra.get(name.partition(".")[2], [])])  # the deepest
    population = Population.start([member])
    assert 3 < float(population.advance(0)[0]) < 8


def test_the_network_as_printed_differs_from_the_released_one_as_the_sheet_says():
    printed = members_of("structural_grokking.question_as_printed", "paper")[0]
    released = members_of("structural_grokking.question", "paper")[0]
    assert (printed.model.n_heads, printed.model.read_out, printed.training.clip) == (4, "tied", 10.0)
    assert (released.model.n_heads, released.model.read_out, released.training.clip) == (8, "linear", 1.0)
    changed = printed.model.replace({"n_heads": 8, "read_out": "linear"})
    assert changed == released.model


def test_seeds_differ_and_depths_are_the_main_run_with_other_first_weights():
    main = members_of("structural_grokking.question", "laptop")
    assert [member.seed for member in main] == [0, 1, 2, 3, 4]
    depths = members_of("structural_grokking.question_depths", "laptop")
    assert sorted({member.model.n_layers for member in depths}) == [2, 4, 6, 8, 10]
    six = [member.replace({"model.init": "xavier"}) for member in depths if member.model.n_layers == 6]
    assert [member_hash(member) for member in six] == [member_hash(member) for member in main]
    assert {member.model.init for member in members_of("structural_grokking.question_depths", "paper")} == {"xavier"}


@pytest.mark.parametrize(
    ("main", "depths", "scale"),
    [
        ("question", "question_depths", "quick"),
        ("question", "question_depths", "paper"),
        ("tense", "tense_depths", "quick"),
        ("tense", "tense_depths", "paper"),
    ],
)
def test_depths_train_the_main_runs_members_in_the_same_units(main, depths, scale):
    """Otherwise `reproduce`, which trains both in one queue, would train them twice."""
    units = {
        name: {tuple(map(member_hash, unit)) for unit in populations(members_of(f"structural_grokking.{name}", scale))}
        for name in (main, depths)
    }
    assert units[main] <= units[depths]


@pytest.mark.parametrize(("main", "depths"), [("question", "question_depths"), ("tense", "tense_depths")])
def test_depths_at_laptop_begin_from_smaller_first_weights_and_are_the_main_run_in_all_else(main, depths):
    """From the published ones deep networks of this size do not learn their task."""
    (own, *_), others = (members_of(f"structural_grokking.{name}", "laptop") for name in (main, depths))
    assert own.model.init == "xavier" and {member.model.init for member in others} == {"xavier_joint"}
    same = {"model.init": "xavier", "model.n_layers": own.model.n_layers, "seed": own.seed, "name": own.name}
    assert {member_hash(member.replace(same)) for member in others} == {member_hash(own)}


def test_claims_are_judged_end_to_end_at_smoke(runs_home, tmp_path):
    claims = select([f"structural_grokking.{number}" for number in ("01", "09", "25", "26")])
    outcome = reproduce(claims, "smoke", runs_home, tmp_path / "ledger", workers=1)
    assert outcome.failures == ()
    assert [entry.verdict for entry in outcome.entries] == [Verdict.NOT_RUN] * 4
    assert all("plumbing" in entry.note for entry in outcome.entries)


def test_a_damaged_run_is_told_and_what_rests_on_others_is_judged(runs_home, tmp_path):
    claims = select(["structural_grokking.01", "structural_grokking.25"])
    whole = reproduce(claims, "smoke", runs_home, tmp_path / "ledger", workers=1)
    assert [entry.id for entry in whole.entries] == [claim.id for claim in claims]
    (file,) = runs_home.glob(f"{claims[0].requests('smoke')[0].experiment}/*/run.json")
    file.write_text('{"format": 1')
    outcome = judge_again(claims, "smoke", runs_home, tmp_path / "ledger")
    assert [entry.id for entry in outcome.entries] == ["structural_grokking.25"]
    assert len(outcome.failures) == 1 and str(file) in outcome.failures[0]


def test_a_depth_of_nothing_is_refused(runs_home):
    with pytest.raises(latebloom.errors.LatebloomError, match=r"model.n_layers = 0"):
        members_of("structural_grokking.question", "smoke", ["n_layers=0"])
