"""Runs that were never trained: networks whose weights are written down, so that a judge's answer is known."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from latebloom.claims import Evidence, get
from latebloom.instruments import constructions
from latebloom.instruments.linear_attention import Products, factors
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.experiments.sizes import Size, recipe, stack
from latebloom.training.experiment import Experiment

NAMES = ("W_Q", "W_K", "W_V", "W_O")
STEPS = (0, 100, 150, 250, 300, 350)


@dataclass(frozen=True, eq=False)
class FakeRun:
    """Members with settings, weights by step, and a table of measurements."""

    experiments: list
    weights: list  # of each member: step -> parameters
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    hash: str = "aa11"
    seconds: float = 1.0
    path: Path = Path("runs/aa11")
    lost: tuple = ()  # numbers of the members that diverged

    def members(self):
        numbers = range(len(self.experiments)) if self.experiments else sorted(set(self.table["member"]))
        return pd.DataFrame({"member": numbers, "diverged": [number in self.lost for number in numbers]})

    def without(self, *lost):
        """The same run, but that these members diverged."""
        return replace(self, lost=lost)

    def measurements(self):
        return self.table

    def specification(self, member):
        return self.experiments[member].model_dump()

    def snapshot_steps(self, member=0):
        return sorted(self.weights[member])

    def parameters(self, member, step=None):
        kept = self.weights[member]
        return kept[max(kept) if step is None else step]


def experiment(size, seed, layers=1, heads=2, tokens="masked", attention=("linear",), d_head=None, **task):
    """The settings of one member."""
    return Experiment(
        name="mesa_optimization.planted",
        task=size.task(tokens, **task),
        model=stack(size, layers, heads, d_head or 2 * size.d, attention),
        training=recipe(STEPS[-1], 1e-3, 0.0),
        seed=seed,
    )


def named(weights, dtype=torch.float32):
    """Weights [layer, head, ...] under a decoder's names."""
    return {
        f"blocks.{layer}.attn.{name}": getattr(weights, name)[layer].to(dtype)
        for layer in range(weights.W_Q.shape[0])
        for name in NAMES
    }


def step_layer(size, rate, phi_0=0.0, noise=0.0, seed=0, heads=2):
    """One gradient step on tokens [0, 0, s_t, s_{t-1}], shared by the heads; `noise` beside the diagonals."""
    d = size.d
    qk, ov = torch.zeros(heads, 4 * d, 4 * d), torch.zeros(heads, 4 * d, 4 * d)
    cur, prev = slice(2 * d, 3 * d), slice(3 * d, 4 * d)
    root = (rate / heads) ** 0.5
    qk[:, cur, prev] = root * torch.eye(d)
    ov[:, cur, :d] = root * torch.eye(d)
    ov[:, prev, :d] = -phi_0 * root * torch.eye(d)
    draws = stream(seed, "planted noise")
    for table, block in ((qk, (cur, prev)), (ov, (cur, slice(0, d)))):
        table[:, block[0], block[1]] += noise * root * torch.from_numpy(draws.standard_normal((heads, d, d))).float()
    return dict(zip(NAMES, factors(Products(qk, ov), 2 * d), strict=True))


def one_layer(size, rate, seeds=5, steps=STEPS, **changes):
    """Networks that take one step from the first snapshot on; nothing but small weights at step 0."""
    task = {key: changes.pop(key) for key in ("dynamics", "start") if key in changes}
    experiments = [experiment(size, seed, **task) for seed in range(seeds)]
    weights = []
    for seed in range(seeds):
        own = rate(seed) if callable(rate) else rate
        learned = {f"blocks.0.attn.{k}": v for k, v in step_layer(size, own, seed=seed, **changes).items()}
        draws = stream(seed, "planted start")
        begun = {k: 2e-4 * torch.from_numpy(draws.standard_normal(tuple(v.shape))).float() for k, v in learned.items()}
        weights.append({step: learned if step else begun for step in steps})
    return FakeRun(experiments, weights)


def solver_stack(size, layers, interval, heads=4, d_head=None):
    """A stack that preconditions with all but its last layer by Chebyshev steps on an interval of eigenvalues."""
    from latebloom.baselines.solvers import chebyshev_schedule

    rates, momenta = chebyshev_schedule(*interval, layers - 1) if layers > 1 else ([], [])
    written = constructions.preconditioned_step(size.d, [float(r) for r in rates], [float(m) for m in momenta])
    return named(written.padded(heads, d_head or 2 * size.d))


def stacks(size, depths, weights, seeds=5, d_head=None, start=None, **task):
    """Members of several depths; `weights(depth, seed)` gives their parameters, `start` those of step 0."""
    experiments, kept = [], []
    for depth in depths:
        for seed in range(seeds):
            experiments.append(experiment(size, seed, depth, 4, "constructed", d_head=d_head, **task))
            own = weights(depth, seed)
            kept.append({0: {k: v * 0 for k, v in own.items()}, 300: own})
    return FakeRun(experiments, kept)


def noisy(params, seed=0, size=0.35):
    """The same weights with noise on every entry that is not zero, a share of the largest: no multiples of identity."""
    draws = stream(seed, "planted noise")
    out = {}
    for name, value in params.items():
        rough = torch.from_numpy(draws.standard_normal(tuple(value.shape))).float() * value.abs().max() * size
        out[name] = value + rough * (0.3 if float(value.abs().max()) else 0.0)
    return out


def losses_table(curves):
    """Measurements with a column test_loss from seed -> (steps, losses)."""
    rows = [
        {"member": seed, "seed": seed, "step": int(step), "test_loss": float(loss)}
        for seed, (steps, losses) in curves.items()
        for step, loss in zip(np.asarray(steps), np.asarray(losses), strict=True)
    ]
    return pd.DataFrame(rows)


def judged(number, *runs, scale="laptop"):
    return get(f"mesa_optimization.{number}").judge(Evidence(scale, tuple(runs)))


SMALL = Size(d=3, length=12, batch=8, n_test=400)
