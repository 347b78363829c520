"""Claims on stacks and on the mesa layer, judged on written-down solvers, and on networks that are none."""

import numpy as np
import pandas as pd
import pytest
import torch

from latebloom.claims import Verdict
from latebloom.instruments.linear_attention import Products, factors
from latebloom.studies.mesa_optimization.claims import deep_probes
from latebloom.studies.mesa_optimization.claims.deep import fitted, solved
from latebloom.studies.mesa_optimization.claims.networks import half_error, networks, ridge_of
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

INTERVALS = {1: (1.0, 1.0), 2: (2.0, 25.0), 4: (1.0, 25.0), 6: (0.6, 25.0)}  # the largest eigenvalue here is 25
DEPTHS = (1, 2, 4, 6)


def solver(depth, seed=0, d_head=None):
    """A stack that solves; one layer takes a step at a fair rate."""
    own = solver_stack(SMALL, depth, INTERVALS[depth], d_head=d_head)
    if depth == 1:
        own = {name: value * (0.1 if name.endswith("W_O") else 1.0) for name, value in own.items()}
    return own


DEEP = stacks(SMALL, DEPTHS, solver)


def test_planted_stacks_solve():
    loss = {net.model.n_layers: net.loss() for net in networks(DEEP)}
    ridge = ridge_of(networks(DEEP)[0])
    assert loss[1] > loss[2] > loss[4] > loss[6]
    assert loss[6] < 1.3 * half_error(ridge, networks(DEEP)[0].test[2])


def test_depth_is_judged_by_neighbours_and_ends():
    assert judged("12", DEEP).verdict is Verdict.REPRODUCED
    flat = stacks(SMALL, (1, 2, 4), lambda depth, seed: solver(1) if depth == 1 else padded(solver(2), depth))
    assert judged("12", flat).verdict is not Verdict.REPRODUCED
    worse = stacks(SMALL, (1, 2), lambda depth, seed: solver(1) if depth == 1 else padded(solver(1), 2, factor=2.5))
    assert judged("12", worse).verdict is Verdict.CONTRADICTED


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
    shallow = stacks(SMALL, (1, 2), solver)
    assert judged("13", shallow).verdict is Verdict.CONTRADICTED


def test_compression_needs_the_contrast():
    wide = stacks(SMALL, (6,), lambda depth, seed: solver(6, d_head=12), d_head=12)
    narrow = stacks(SMALL, (6,), lambda depth, seed: noisy(solver(6), seed))
    assert judged("14", wide, narrow).verdict is Verdict.REPRODUCED
    assert judged("14", wide, DEEP).verdict is Verdict.INCONCLUSIVE  # narrow heads that compress, too
    assert judged("14", narrow, narrow).verdict is Verdict.CONTRADICTED


def test_probes_read_what_a_solver_holds():
    finding = judged("21", DEEP)
    assert finding.estimates["R² at the last layer and place"].value > 0.9
    read = judged("22", DEEP, stacks(SMALL, (6,), lambda depth, seed: noisy(solver(6), seed, 30.0)))
    assert read.estimates["gain over the input"].value > 0.2
    assert read.verdict is Verdict.REPRODUCED, read


def test_probes_do_not_read_what_is_not_there():
    nothing = stacks(SMALL, (1, 6), lambda depth, seed: {k: v * 0 for k, v in solver(depth).items()})
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
    made = [experiment(SMALL, s, 1, 4, "constructed", ("mesa",)) for s in range(seeds)]
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
