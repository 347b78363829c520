"""Networks and trees grown on the context: against PyTorch's own loop, scikit-learn, and functions they can hold."""

import builtins

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeRegressor

from latebloom.baselines.network_descent import RELEASED, NetworkDescent
from latebloom.baselines.predictor import predict_prefixes
from latebloom.baselines.trees import BoostedTrees, GreedyTree
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from tests.baselines.draws import linear_prompts


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert NetworkDescent(hidden=np.int64(3)).hidden == GreedyTree(depth=np.int32(3)).depth == 3


def test_network_descent_is_pytorchs_adam():
    x, y, _, _ = linear_prompts(2, 9, 3)
    rule = NetworkDescent(hidden=6, steps=40, batch=None, lr=5e-2, seed=4)
    start = stream(4, "network descent", "weights")
    first = torch.from_numpy(start.normal(size=(3, 6)) / 3**0.5).requires_grad_(True)
    second = torch.from_numpy(start.normal(size=6) * (2 / 6) ** 0.5).requires_grad_(True)
    optimiser = torch.optim.Adam([first, second], lr=5e-2)
    for _ in range(40):
        optimiser.zero_grad()
        (torch.relu(x[1, :8] @ first) @ second - y[1, :8]).square().mean().backward()
        optimiser.step()
    expected = (torch.relu(x[1, 8] @ first) @ second).detach()
    torch.testing.assert_close(rule(x[:, :8], y[:, :8], x[:, 8])[1], expected, rtol=1e-6, atol=1e-8)


def test_network_descent_in_batches_learns_a_linear_function():
    x, y, f, _ = linear_prompts(20, 101, 3)
    rule = NetworkDescent(hidden=30, steps=400, lr=2e-2)
    error = (predict_prefixes(rule, x, y, [100])[:, 0] - f[:, 100]).square().mean()
    assert float(error) < 0.05
    assert float((predict_prefixes(RELEASED, x, y, [100])[:, 0] - f[:, 100]).square().mean()) < 1


def test_a_prompts_network_does_not_depend_on_who_else_is_asked():
    x, y, _, _ = linear_prompts(3, 20, 3)
    rule = NetworkDescent(hidden=5, steps=20)
    together = rule(x[:, :19], y[:, :19], x[:, 19])
    torch.testing.assert_close(rule(x[1:2, :19], y[1:2, :19], x[1:2, 19]), together[1:2])


def tree_prompts(prompts, places, d, depth, seed=0):
    draw = stream(seed, "trees")
    x = draw.normal(size=(prompts, places, d))
    split, leaves = draw.integers(d, size=(prompts, 2**depth - 1)), draw.normal(size=(prompts, 2**depth))
    y = np.empty((prompts, places))
    for p in range(prompts):
        for i in range(places):
            node = 0
            for _ in range(depth):
                node = 2 * node + 1 + int(x[p, i, split[p, node]] > 0)
            y[p, i] = leaves[p, node - (2**depth - 1)]
    return torch.from_numpy(x), torch.from_numpy(y)


def test_one_tree_is_scikit_learns_and_signs_make_it_exact_at_depth_one():
    x, y = tree_prompts(5, 61, 4, 1)
    peer = DecisionTreeRegressor(max_depth=2, random_state=0).fit(x[3, :60].numpy(), y[3, :60].numpy())
    np.testing.assert_allclose(GreedyTree()(x[3, :60], y[3, :60], x[3, 60]), peer.predict(x[3, 60:].numpy())[0])
    torch.testing.assert_close(predict_prefixes(GreedyTree(1, signs=True), x, y, [60]), y[:, 60:])


def test_boosting_beats_one_tree_on_deeper_functions():
    x, y = tree_prompts(15, 101, 8, 3)
    errors = {
        type(rule).__name__: float((predict_prefixes(rule, x, y, [100])[:, 0] - y[:, 100]).square().mean())
        for rule in (GreedyTree(), BoostedTrees(signs=True))
    }
    assert errors["BoostedTrees"] < 0.7 * errors["GreedyTree"]


def test_without_scikit_learn_the_remedy_is_told(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    x, y, _, _ = linear_prompts(1, 4, 2)
    with pytest.raises(LatebloomError, match="scikit-learn, which is not installed: pip install"):
        GreedyTree()(x[:, :3], y[:, :3], x[:, 3])
    with pytest.raises(LatebloomError, match="scikit-learn"):
        BoostedTrees()(x[:, :3], y[:, :3], x[:, 3])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: GreedyTree(depth=-1), "GreedyTree: depth = -1"),
        (lambda: BoostedTrees(rate=0), "BoostedTrees: rate = 0"),
        (lambda: NetworkDescent(batch=0), "NetworkDescent: batch = 0"),
        (lambda: NetworkDescent(steps=0), "NetworkDescent: steps = 0"),
        (lambda: NetworkDescent(hidden=2.5), "hidden = 2.5 must be a whole number"),
        (lambda: GreedyTree(depth=1.5), "depth = 1.5 must be a whole number"),
        (lambda: GreedyTree(depth=True), "depth = True must be a whole number"),
    ],
)
def test_bad_settings_are_told_in_a_sentence(call, told):
    with pytest.raises(LatebloomError, match=told):
        call()
