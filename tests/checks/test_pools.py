"""The second opinion on pools of functions: its functions, its references, and how it is compared."""

import math

import pytest
import torch

from checks import pools
from checks.compare import told
from checks.mixtures import drawn
from checks.pools import meeting, network, one_of, pool, regressed
from latebloom.baselines.pool_posterior import PoolPosterior
from latebloom.baselines.prompt_ridge import Ridge
from latebloom.tasks.functions import Pool


def prompts(count=6):
    return [part[:, : pools.PAIRS] for part in drawn(count, 5, torch.Generator().manual_seed(3), noise=1 / 32)[:2]]


def test_functions_are_those_that_runs_train_on():
    ours = torch.from_numpy(Pool(d=5, functions=64).weights.copy()) / math.sqrt(5)
    assert (pool(64) - ours).abs().max() < 1e-12
    assert (pool(16) == pool(64)[:16]).all()


def test_references_say_what_the_packages_say():
    x, y = prompts()
    functions = pool(32)
    torch.testing.assert_close(one_of(functions, x, y), PoolPosterior(functions, 1 / 32).prefixes(x, y))
    torch.testing.assert_close(regressed(x, y), Ridge(5 / 32).prefixes(x, y))
    assert (one_of(pool(33), x, y) - one_of(functions, x, y)).abs().max() > 1e-6


def test_one_function_alone_is_always_right():
    x, y = prompts()
    torch.testing.assert_close(one_of(pool(1), x, y), x @ pool(1)[0])


@pytest.mark.parametrize(
    ("to_pool", "to_ridge", "expected"),
    [
        ([0.1, 0.4, 0.4], [0.4, 0.1, 0.1], 3.0),
        ([0.1, 0.4, 0.1], [0.4, 0.1, 0.2], 7.0),
        ([0.4, 0.1, 0.4], [0.1, 0.4, 0.1], 1.0),
        ([0.1, 0.1, 0.2], [0.8, 0.2, 0.1], 5.0),
    ],
)
def test_where_both_are_as_near(to_pool, to_ridge, expected):
    assert meeting([2, 4, 6], to_pool, to_ridge) == pytest.approx(expected)


def members(experiment, step):
    """One network a pool that knows nothing, two seeds."""
    assert (experiment, step) == ("model_selection.pool", 2500)
    tables = {
        (size, seed): _kept(network().drawn("gpt2", seed), size) for size in (4, 4096) for seed in (0, 1)
    }  # fmt: skip
    return [({"seed": seed, "mixture": f"pool:functions={size}"}, own) for (size, seed), own in tables.items()]


def _kept(net, size):
    """Marks whose network it is, so that the test below can answer for it."""
    net.size = size
    return net


@pytest.mark.parametrize("perfect", [False, True])
def test_who_memorises_and_regresses_would_not_agree_with_the_ledger(perfect, monkeypatch):
    """Networks that almost are the posterior over their pool pass all that ours fail; untrained ones nothing."""
    monkeypatch.setattr(pools, "kept", members)
    monkeypatch.setattr(type(network()), "holding", lambda self, net: net)
    if perfect:
        monkeypatch.setattr(pools, "says", lambda net, x, y: 0.95 * one_of(pool(net.size), x, y))
    crossing, few, many, swapped = pools.pools(2, 24)
    assert [len(line.values) for line in (crossing, few, many, swapped)] == [2, 2, 2, 2]
    assert (few.value < 0.01 and many.value < 0.25) == perfect
    assert swapped.value > 0.5
    assert (few.agrees(told(few.claim, few.estimate)[0]) is False) == perfect


def test_without_a_run_nothing_is_said(monkeypatch):
    monkeypatch.setattr(pools, "kept", lambda experiment, step: [])
    assert pools.pools(2) == []
