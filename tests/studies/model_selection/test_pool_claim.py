"""The judge of claim 26 on planted networks: memorisers, regressors, and those that are one and then the other."""

import re

import numpy as np
import pytest
import torch

from latebloom import studies
from latebloom.baselines.prompt_ridge import Ridge
from latebloom.errors import LatebloomError
from latebloom.studies.model_selection.claims import pools as claim
from latebloom.studies.model_selection.claims.networks import prompts
from latebloom.studies.model_selection.claims.pools import crossings
from latebloom.studies.model_selection.claims.references import optimum, pool_posterior
from latebloom.studies.model_selection.experiments.linear import DENSE
from latebloom.studies.model_selection.experiments.pools import NOISE, pool
from tests.studies.model_selection.planted import LINEAR, Planted, exact, remembered, verdict, zero

studies.load()
EXPONENTS = (2, 4, 6, 8)
RIDGE = exact(LINEAR, DENSE, DENSE, noise_variance=NOISE)


def task(exponent):
    return LINEAR.task(pool(exponent), DENSE, noise_variance=NOISE)


def posterior(exponent):
    return pool_posterior(task(exponent)).prefixes


def group(exponent, *rules):
    """Networks of one pool, five seeds with these rules by turns."""
    own = [remembered(rule) for rule in rules]
    return [Planted(task(exponent), seed, own[seed % len(own)]) for seed in range(5)]


def pools(last, **others):
    """Networks that follow the posterior over their pool up to 2^last functions, and ridge from then on."""
    return {
        pool(exponent): group(exponent, posterior(exponent) if exponent <= last else RIDGE) for exponent in EXPONENTS
    } | {pool(int(name[1:])): group(int(name[1:]), *rules) for name, rules in others.items()}


@pytest.mark.parametrize(
    ("last", "found"), [(4, "reproduced"), (6, "reproduced"), (0, "contradicted"), (8, "contradicted")]
)
def test_memorised_and_then_regressed(monkeypatch, last, found):
    entry = verdict(monkeypatch, "26", pools(last))
    assert entry.verdict == found
    told = {4: "2^5", 6: "2^7", 0: "before 2^2 [before 2^2, before 2^2]", 8: "beyond 2^8 [beyond 2^8, beyond 2^8]"}
    assert f"crossing: {told[last]}" in entry.measured
    least, most = {4: (4, 6), 6: (6, 8), 0: (2, 2), 8: (8, 8)}[last]
    crossing = [float(exponent) for exponent in re.findall(r"2\^([\d.]+)", entry.measured)]
    assert len(crossing) == 3 and least <= min(crossing) <= max(crossing) <= most


def test_networks_that_answer_0_follow_neither(monkeypatch):
    silent = {f"p{exponent}": (zero,) for exponent in EXPONENTS}
    entry = verdict(monkeypatch, "26", pools(8, **silent))
    assert entry.verdict == "contradicted"
    assert re.search(r"smallest pool, to its posterior: 1\.0000.*largest pool, to ridge: 1\.0000", entry.measured)


def timid(rule):
    """Says two fifths of what another says: nearer to it than to the other reference, and not near."""
    return lambda x, y: 0.4 * rule(x, y)


@pytest.mark.parametrize(
    "others",
    [
        {"p2": (RIDGE,), "p4": (RIDGE,), "p6": (posterior(6),)},  # a pool in the middle alone is memorised
        {"p2": (RIDGE,), "p4": (zero,)},
        {"p2": (timid(posterior(2)),)},
        {"p8": (timid(RIDGE),)},
    ],
)
def test_both_ends_must_be_followed(monkeypatch, others):
    assert verdict(monkeypatch, "26", pools(4, **others)).verdict == "contradicted"


def test_a_network_before_training_that_follows_both_is_no_control_that_fails(monkeypatch):
    monkeypatch.setattr(Planted, "untrained", lambda self, x, y: self.says(x, y))
    entry = verdict(monkeypatch, "26", pools(4))
    assert entry.verdict == "inconclusive" and "untrained" in entry.note.split("does not fail")[0]


def test_seeds_that_never_memorise_leave_it_open(monkeypatch):
    mixed = {"p2": (posterior(2), RIDGE)}  # seeds 1 and 3 do not
    assert verdict(monkeypatch, "26", pools(2, **mixed)).verdict == "inconclusive"


def test_a_largest_pool_that_is_not_regressed_contradicts(monkeypatch):
    """Whatever happens before: here 2^6 functions are regressed and 2^8 are not."""
    assert verdict(monkeypatch, "26", pools(4, p8=(posterior(8),))).verdict == "contradicted"


def test_one_learner_asked_for_every_pool_must_not_look_like_two(monkeypatch):
    """The largest pool's network leans to the smallest pool: in that one's place it looks like a memoriser."""

    def leans(x, y):
        return 0.4 * RIDGE(x, y) + 0.6 * posterior(2)(x, y)

    monkeypatch.setattr(claim, "FOLLOWS", 0.6)  # by a quarter nobody follows both
    entry = verdict(monkeypatch, "26", pools(4, p8=(leans,)))
    assert entry.verdict == "inconclusive"
    assert "largest pool everywhere" in entry.note
    assert "The control does not fail" in entry.note


def test_distances_are_told_beside_that_between_the_references(monkeypatch):
    rows = verdict(monkeypatch, "26", pools(4)).extra["distance by functions in the pool"]
    assert list(rows) == ["4", "16", "64", "256"]
    assert rows["4"]["network to posterior over the pool"] < 1e-4 < rows["4"]["network to ridge"]
    assert rows["256"]["network to ridge"] < 1e-4
    between = [row["posterior over the pool to ridge"] for row in rows.values()]
    assert between == sorted(between, reverse=True)


def test_at_paper_the_crossing_must_be_where_it_was_published(monkeypatch):
    assert verdict(monkeypatch, "26", pools(4), scale="paper").verdict == "contradicted"


def test_crossings_are_between_two_pools_or_outside_of_all():
    to_pool = np.array([[1.0, 2.0, 1.0, 1.0], [1.0, 2.0, 1.0, 3.0], [4.0, 2.0, 1.0, 1.0]])
    to_ridge = np.array([[4.0, 1.0, 2.0, 2.0], [4.0, 1.0, 2.0, 1.0], [1.0, 1.0, 2.0, 2.0]])
    found = crossings([2, 4, 8], to_pool, to_ridge)
    np.testing.assert_allclose(found, [6, 1, 9, 9])  # the last one memorises the largest pool once more
    middle = crossings([2, 4, 8], np.array([[2.0], [1.0], [2.0]]), np.array([[1.0], [2.0], [1.0]]))
    np.testing.assert_allclose(middle, [1])  # who regresses the smallest pool crosses nowhere


def test_the_posterior_over_the_pool_is_in_the_tasks_scaling():
    own = task(4)
    asked = prompts(own, pool(4), 400)
    errors = (posterior(4)(asked.x, asked.y) - asked.clean).square().mean(0)
    assert float(errors[-1]) < 0.01 < float(errors[0])
    torch.testing.assert_close(
        optimum(own, DENSE).prefixes(asked.x, asked.y), Ridge(5 * NOISE).prefixes(asked.x, asked.y)
    )
    with pytest.raises(LatebloomError, match="is not one pool of functions"):
        pool_posterior(own.replace({"mixture": "pool:functions=4+dense"}))
    with pytest.raises(LatebloomError, match="finitely many"):
        optimum(own)
