"""Claims on the sparse specialist that another network must not pass: beside its own optimum, and on the plateau."""

import numpy as np
import pandas as pd
import pytest

import latebloom
from latebloom import studies
from latebloom.studies.model_selection.claims.networks import arms
from latebloom.studies.model_selection.claims.own_optimum import below_dense
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE
from latebloom.studies.model_selection.experiments.variants import SLOW
from latebloom.training.members import populations
from latebloom.training.presets import members_of
from tests.studies.model_selection.planted import LINEAR, D, Planted, S, average, run, verdict, zero

studies.load()


def in_some_seeds(rule, other, count):
    """The main experiment, whose sparse specialists follow one rule in `count` seeds and another in the rest."""
    task = LINEAR.task(SPARSE, MIXTURE)
    return run() | {SPARSE: [Planted(task, seed, rule if seed < count else other) for seed in range(5)]}


def sure(x, y):
    """The sparse optimum, overdone: it uses sparsity, and is worse outside."""
    return 1.5 * S(x, y)


@pytest.mark.parametrize(
    ("sparse", "inside", "outside"),
    [
        (average, "reproduced", "reproduced"),  # uses sparsity, half as much as it could
        (D, "contradicted", "contradicted"),  # the dense specialist itself, which passed once
        (zero, "contradicted", "contradicted"),
        (S, "contradicted", None),  # no better and no worse than itself
        (sure, "reproduced", "contradicted"),
    ],
)
def test_a_specialist_beside_its_own_optimum(monkeypatch, sparse, inside, outside):
    assert verdict(monkeypatch, "22", run(sparse=sparse)).verdict == inside
    if outside:
        assert verdict(monkeypatch, "23", run(sparse=sparse)).verdict == outside


@pytest.mark.parametrize("claim", ["22", "23"])
@pytest.mark.parametrize("count", [3, 4])
def test_seeds_that_never_use_sparsity_leave_it_open(monkeypatch, claim, count):
    assert verdict(monkeypatch, claim, in_some_seeds(average, D, count)).verdict == "inconclusive"


@pytest.mark.parametrize("claim", ["22", "23"])
def test_a_dense_specialist_that_is_too_short_trained_is_no_measure(monkeypatch, claim):
    """Beside one that answers 0 least squares looks as if it used sparsity; the exact optimum of its class tells."""
    assert verdict(monkeypatch, claim, run(dense=zero, sparse=D)).verdict == "contradicted"


@pytest.mark.parametrize("claim", ["22", "23"])
def test_controls_fail_and_say_whom_they_are_of(monkeypatch, claim):
    note = verdict(monkeypatch, claim, run(sparse=average)).note
    told = note.split("Control: ")[1:]
    assert len(told) == {"22": 2, "23": 3}[claim]
    assert all("(contradicted)" in part for part in told)
    assert told[0].startswith("dense specialist: ")


def nearly(x, y):
    """All but the sparse optimum."""
    return 0.1 * D(x, y) + 0.9 * S(x, y)


@pytest.mark.parametrize("claim", ["22", "23"])
def test_a_dense_specialist_that_uses_sparsity_is_no_control_that_fails(monkeypatch, claim):
    """By turns half-way to the sparse optimum and all but there: differences between its seeds would say nothing."""
    task = LINEAR.task(DENSE, MIXTURE)
    groups = run(sparse=lambda x, y: 1.5 * S(x, y) if claim == "22" else average(x, y))
    groups[DENSE] = [Planted(task, seed, average if seed % 2 else nearly) for seed in range(5)]
    note = verdict(monkeypatch, claim, groups).note
    own = note.split("Control: dense specialist: ")[1].split("Control: ")[0]
    assert "(reproduced)" in own or "(inconclusive)" in own


@pytest.mark.parametrize("claim", ["22", "23"])
def test_dense_specialists_of_unequal_training_do_not_spoil_a_control(monkeypatch, claim):
    shares = (1.0, 0.8, 0.9, 0.7, 1.0)
    task = LINEAR.task(DENSE, MIXTURE)
    groups = run(sparse=average)
    groups[DENSE] = [Planted(task, seed, lambda x, y, part=part: part * D(x, y)) for seed, part in enumerate(shares)]
    assert verdict(monkeypatch, claim, groups).verdict == "reproduced"


def test_the_dense_class_is_the_better_of_specialist_and_optimum_and_a_control_has_the_optimum_alone():
    dense, own = np.array([[0.5, 0.9], [0.7, 0.9]]), np.array([[0.4, 0.0], [0.6, 0.0]])
    ridge = np.array([0.6, 0.8])
    np.testing.assert_allclose(below_dense(own, dense, ridge, 0), [0.1, 0.0])
    np.testing.assert_allclose(below_dense(dense, None, ridge, 0), [0.1, -0.1])


def logs(steps_of_leaving):
    """Test losses that fall from 1 to a half at one step for each mixture."""
    rows = [
        {"mixture": text, "seed": seed, "step": step, "test_sparse_loss": 0.5 if step >= left else 1.0}
        for text, left in steps_of_leaving.items()
        for seed in range(5)
        for step in range(0, 1001, 50)
    ]
    return pd.DataFrame(rows)


def plateau(monkeypatch, mixture, sparse, slow=950, even_from=0.0, table=None):
    """Claim 24 of networks that leave at these steps; `slow`: the mixture at a low rate."""
    groups = {
        text: [Planted(LINEAR.task(text, MIXTURE), seed, zero, even_from=even_from) for seed in range(5)]
        for text in (MIXTURE, SPARSE, SLOW)
    }
    table = logs({MIXTURE: mixture, SPARSE: sparse, SLOW: slow}) if table is None else table
    return verdict(monkeypatch, "24", groups, tables=(table,))


@pytest.mark.parametrize(
    ("mixture", "sparse", "found"),
    [
        (200, 400, "reproduced"),
        (400, 400, "reproduced"),
        (500, 400, "reproduced"),  # by a quarter
        (550, 400, "contradicted"),
        (np.inf, 250, "contradicted"),
        (200, np.inf, "inconclusive"),  # the slow mixture is no later than never either
        (np.inf, np.inf, "inconclusive"),
        (np.inf, 900, "inconclusive"),  # step 1,125 was not watched
    ],
)
def test_who_leaves_the_plateau_first(monkeypatch, mixture, sparse, found):
    assert plateau(monkeypatch, mixture, sparse).verdict == found


def test_a_step_that_the_recipe_sets_decides_nothing(monkeypatch):
    """The first verdict rested on such a tie: both left with the third rung."""
    assert plateau(monkeypatch, 300, 300, even_from=250).verdict == "reproduced"
    entry = plateau(monkeypatch, 300, 300, even_from=300)
    assert entry.verdict == "inconclusive"
    assert "set by the recipe" in entry.measured
    assert plateau(monkeypatch, 200, 600, even_from=300).verdict == "inconclusive"


def test_where_a_low_rate_does_not_delay_the_control_does_not_fail(monkeypatch):
    entry = plateau(monkeypatch, 300, 300, slow=350)
    assert entry.verdict == "inconclusive"
    assert "The control does not fail" in entry.note


def test_a_control_that_was_not_watched_for_long_enough_shows_nothing(monkeypatch):
    entry = plateau(monkeypatch, 900, 900, slow=np.inf)  # step 1,125 was not watched
    assert entry.verdict == "inconclusive" and "in 5 seeds it was not watched for long enough" in entry.note


@pytest.mark.parametrize(("leave", "found"), [(1, "inconclusive"), (3, "inconclusive"), (4, "reproduced")])
def test_a_seed_in_which_neither_leaves_does_not_count_as_no_later(monkeypatch, leave, found):
    table = logs({MIXTURE: 200, SPARSE: 250, SLOW: 950})
    table.loc[(table["seed"] >= leave) & (table["mixture"] != SLOW), "test_sparse_loss"] = 1.0
    entry = plateau(monkeypatch, 0, 0, table=table)
    assert (entry.verdict, entry.seeds) == (found, 5)
    if found == "inconclusive":
        assert f"in {5 - leave} seeds it was not watched for long enough" in entry.measured


def test_nothing_but_learning_sets_the_time_of_the_experiment():
    """A warm-up that is over early, a rate that stays, no curriculum; the seeds of one population."""
    members = members_of("model_selection.plateau", "laptop")
    assert {member.task.mixture for member in members} == {MIXTURE, SPARSE, SLOW}
    assert len({member.seed for member in members}) == 9
    for member in members:
        assert (member.task.curriculum.every, member.training.warmup, member.training.decay) == (0, 20, "none")
        assert member.log.steps(member.training.steps)[:3] == [0, 10, 20]
    assert [len(group) for group in populations(members)] == [14, 13]
    rates = {member.task.mixture: (member.training.lr, member.training.lr_rest) for member in members}
    assert rates[MIXTURE] == rates[SPARSE] == pytest.approx([3 * rate for rate in rates[SLOW]])
    mixed, slow = (next(each.task for each in members if each.task.mixture == text) for text in (MIXTURE, SLOW))
    np.testing.assert_array_equal(mixed.batch(0, 3)[0], slow.batch(0, 3)[0])
    assert {member.training.warmup for member in members_of("model_selection.plateau", "paper")} == {0}


def test_a_recipe_is_even_from_the_last_rung_or_the_end_of_the_warm_up(tmp_path):
    for words, found in (((), 4), (("task.curriculum.every=0", "training.warmup=3"), 3)):
        own = latebloom.run("model_selection.linear", "seed=0", *words, scale="smoke", home=tmp_path, workers=1)
        assert {network.even_from for group in arms(own).values() for network in group} == {found}
