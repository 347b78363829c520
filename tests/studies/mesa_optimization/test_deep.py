"""Claims on stacks and on the mesa layer, judged on written-down solvers, and on networks that are none."""

import numpy as np
import pandas as pd
import pytest
import torch

from latebloom.claims import NothingToJudge, Verdict, all_of
from latebloom.instruments.linear_attention import Products, factors
from latebloom.studies.drawing.style import styled
from latebloom.studies.mesa_optimization.claims import deep_probes
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.networks import half_error, networks, ridge_of
from latebloom.studies.mesa_optimization.figures.weights import draw_halfway
from tests.studies.mesa_optimization.planted import (
    NAMES,
    SMALL,
    FakeRun,
    experiment,
    judged,
    noisy,
    solver_stack,
    stacks,
)

# Small states: a solver that begins from u = s_t with fixed rates needs Gram matrices with eigenvalues around 1.
SIZE = 0.25
INTERVALS = {1: (1.0, 1.0), 2: (0.3, 2.0), 4: (0.15, 2.3), 6: (0.08, 2.3)}
DEPTHS = (1, 2, 4, 6)


def solver(depth, seed=0, d_head=None):
    """A stack that solves."""
    return solver_stack(SMALL, depth, INTERVALS[depth], d_head=d_head)


def small(depths, weights, **more):
    """Stacks on small states."""
    return stacks(SMALL, depths, weights, start_size=SIZE, **more)


DEEP = small(DEPTHS, solver)


def test_planted_stacks_solve():
    loss = {net.model.n_layers: net.loss() for net in networks(DEEP)}
    ridge = ridge_of(networks(DEEP)[0])
    assert loss[1] > loss[2] > loss[4] > loss[6]
    assert loss[6] < 1.6 * half_error(ridge, networks(DEEP)[0].test[2])


def test_depth_is_judged_by_neighbours_and_ends():
    assert judged("12", DEEP).verdict is Verdict.REPRODUCED
    flat = small((1, 2, 4), lambda depth, seed: solver(1) if depth == 1 else padded(solver(2), depth))
    assert judged("12", flat).verdict is not Verdict.REPRODUCED
    worse = small((1, 2), lambda depth, seed: solver(1) if depth == 1 else padded(solver(1), 2, factor=2.5))
    assert judged("12", worse).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("number", "depth", "lost"), [("12", 2, "2 layers"), ("13", 6, "6 layers"), ("13", 1, "1 layer")]
)
def test_a_depth_of_which_nobody_is_left_is_not_taken_for_the_next(number, depth, lost):
    """The deepest of those that were left was judged as if it were the deepest."""
    gone = [5 * DEPTHS.index(depth) + seed for seed in range(5)]
    with pytest.raises(NothingToJudge, match=f"No member of run aa11 with {lost} reached its end"):
        judged(number, DEEP.without(*gone))


def test_depths_are_compared_for_the_seeds_that_both_have():
    """Seed 0 is lost in two layers, seed 1 in four: as many are left in both, but not the same."""
    found = judged("12", DEEP.without(5, 11))
    assert found.estimates["2 layers / 1"].n == 4
    assert found.estimates["4 layers / 2"].n == 3
    with pytest.raises(NothingToJudge, match="share no seed"):
        judged("12", DEEP.without(5, 6, 7, 13, 14))


def padded(own, depth, factor=1.0):
    """The same network with layers that do nothing behind it; its outputs scaled."""
    have = max(int(name.split(".")[1]) for name in own) + 1
    out = {n: v * (factor if n.endswith("W_O") else 1) for n, v in own.items()}
    for layer in range(have, depth):
        out |= {f"blocks.{layer}.attn.{n}": own[f"blocks.0.attn.{n}"] * 0 for n in NAMES}
    return out


def test_six_steps_are_judged_against_the_fair_control():
    finding = judged("13", DEEP)
    ratio = finding.estimate.value
    net = networks(DEEP)[-1]
    own = net.loss() / half_error(solved(net, fitted(networks(DEEP)[-5])), net.test[2])
    assert ratio == pytest.approx(own, rel=0.05)
    expected = Verdict.REPRODUCED if 0.9 < ratio < 1.1 else Verdict.CONTRADICTED
    assert finding.verdict is expected
    shallow = small((1, 2), solver)
    assert judged("13", shallow).verdict is Verdict.CONTRADICTED


def knows_the_matrix(depth, seed):
    """A first layer that multiplies by the one matrix of all sequences; its block is no multiple of the identity."""
    task = SMALL.task("constructed", dynamics="fixed", start_size=SIZE)
    matrix = torch.from_numpy(task.test_sequences(seed).dynamics[0]).float()
    d = SMALL.d
    qk, ov = torch.zeros(4, 4 * d, 4 * d), torch.zeros(4, 4 * d, 4 * d)
    qk[0, 2 * d : 3 * d, 3 * d :] = torch.eye(d)
    ov[0, 3 * d :, :d] = 2 * matrix.T
    own = {f"blocks.0.attn.{k}": v for k, v in zip(NAMES, factors(Products(qk, ov), 2 * d), strict=True)}
    return padded(own, depth)


def test_compression_needs_the_contrast():
    wide = small((6,), lambda depth, seed: solver(6, d_head=12), d_head=12)
    narrow = small((6,), knows_the_matrix, dynamics="fixed")
    assert judged("14", wide, narrow).verdict is Verdict.REPRODUCED
    assert judged("14", wide, DEEP).verdict is Verdict.INCONCLUSIVE  # narrow heads that compress, too
    assert judged("14", narrow, narrow).verdict is Verdict.CONTRADICTED


def twice_mixed(depth, seed):
    """A solver whose first head does something else beside it: two mixes of channels in one head."""
    own, d = solver(depth), SMALL.d
    first, second = slice(2 * d, 3 * d), slice(d, 2 * d)  # the channel of s_t; the half of the head that was empty
    for name, rows, columns in (("W_Q", first, second), ("W_K", first, second), ("W_V", first, second)):
        own[f"blocks.0.attn.{name}"][0, rows, columns] = 0.5 * torch.eye(d)
    own["blocks.0.attn.W_O"][0, second, :d] = 0.5 * torch.eye(d)
    return own


def test_the_picture_of_compression_tells_what_sixteen_numbers_a_head_lose():
    def drawn(weights):
        nets = networks(small((6,), weights, seeds=2))
        with styled():
            axis = draw_halfway(nets, "heading").axes[0]
        lines = {line.get_label().split(":")[0]: float(line.get_ydata()[-1]) for line in axis.lines}
        return lines["network"], lines["compressed"], lines["compressed to 16 numbers a head"]

    network, of_32, of_16 = drawn(lambda depth, seed: solver(depth))
    assert (of_32, of_16) == pytest.approx((network, network), rel=1e-4)
    network, of_32, of_16 = drawn(twice_mixed)
    assert of_32 == pytest.approx(network, rel=1e-4)
    assert abs(of_16 / network - 1) > 0.02


def test_probes_read_what_a_solver_holds():
    finding = judged("21", DEEP)
    assert finding.estimates["R² at the last layer and place"].value > 0.9
    read = judged("22", DEEP, small((6,), lambda depth, seed: noisy(solver(6), seed, 30.0)))
    assert read.estimates["gain over the input"].value > 0.2


def made_up(last=0.99, fall=0.0, best=0.95, start=0.5):
    """Five networks of three layers whose probes read so much, over ten places."""
    rise = np.linspace(0.3, 1, 10)
    target = np.stack([0 * rise, 0.6 * rise, (0.9 + fall) * rise, last * rise])
    solver_r2 = np.stack([np.full(10, value) for value in (start, 0.7, best, best - 0.1)])
    return [deep_probes.Read(target, solver_r2, solver_r2 / 3)] * 5


def verdict(rule, **changes):
    return all_of(rule(made_up(**changes))).verdict


def test_rules_of_the_probes():
    assert verdict(deep_probes.target_rule) is Verdict.REPRODUCED
    assert verdict(deep_probes.target_rule, last=0.9) is Verdict.CONTRADICTED
    assert verdict(deep_probes.target_rule, fall=0.15) is Verdict.CONTRADICTED
    assert verdict(deep_probes.solver_rule) is Verdict.REPRODUCED
    assert verdict(deep_probes.solver_rule, best=0.75) is Verdict.CONTRADICTED
    assert verdict(deep_probes.solver_rule, start=0.85) is Verdict.CONTRADICTED


def test_probes_do_not_read_what_is_not_there():
    nothing = small((1, 6), lambda depth, seed: {k: v * 0 for k, v in solver(depth).items()})
    assert judged("21", nothing).verdict is Verdict.CONTRADICTED
    assert judged("22", nothing, nothing).verdict is Verdict.CONTRADICTED


def test_random_weights_have_the_norms_of_the_trained_ones():
    net = networks(DEEP)[-1]
    own, random = net.parameters(), deep_probes.same_norms(net)
    for name, value in own.items():
        assert float(random[name].norm()) == pytest.approx(float(value.norm()), rel=1e-6)
        assert not torch.allclose(random[name], value)


def mesa_run(lam=1000.0, seeds=5):
    """One mesa layer with keys s_{t-1}, values s_t, queries s_t in its first head."""
    d = SMALL.d
    qk, ov = torch.zeros(4, 4 * d, 4 * d), torch.zeros(4, 4 * d, 4 * d)
    qk[0, 2 * d : 3 * d, 3 * d :] = torch.eye(d)
    ov[0, 2 * d : 3 * d, :d] = torch.eye(d)
    own = {f"blocks.0.attn.{k}": v for k, v in zip(NAMES, factors(Products(qk, ov), 2 * d), strict=True)}
    own["blocks.0.attn.mesa_lambda"] = torch.full((4,), lam)
    made = [experiment(SMALL, s, 1, 4, "constructed", ("mesa",), start_size=SIZE) for s in range(seeds)]
    return FakeRun(made, [{0: own, 300: own}] * seeds)


def early_run(factor=1.0):
    rows = [
        {"member": s, "seed": s, "step": step, "test_loss": loss * factor * (1 + 0.01 * s)}
        for s in range(5)
        for step, loss in ((200, 0.485), (500, 0.247))
    ]
    return FakeRun([], [], pd.DataFrame(rows))


def test_a_planted_mesa_layer_is_ridge():
    net = networks(mesa_run())[0]
    np.testing.assert_allclose(net.outputs()[:, 1:], ridge_of(net)[:, 1:], atol=1e-4)


def test_the_mesa_layer_is_judged_against_stacks_ridge_and_early_marks():
    assert judged("15", mesa_run(), DEEP, early_run()).verdict is Verdict.REPRODUCED
    assert judged("15", mesa_run(), DEEP, early_run(3.0)).verdict is Verdict.CONTRADICTED
    assert judged("15", mesa_run(lam=0.05), DEEP, early_run()).verdict is Verdict.CONTRADICTED
