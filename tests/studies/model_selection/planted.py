"""Networks of the study that were never trained: predictors whose answers are known, by seed and mixture."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch

from latebloom.claims import Evidence, get, judge
from latebloom.randomness import stream
from latebloom.studies.model_selection.claims import networks
from latebloom.studies.model_selection.claims.references import optimum
from latebloom.studies.model_selection.experiments.linear import DENSE, MIXTURE, SPARSE
from latebloom.studies.model_selection.experiments.sizes import Size

SEEDS = 5
LINEAR = Size(d=5, nonzeros=1, points=11, layers=1, width=8, heads=2, batch=8, steps=8, lr=1e-3)
TESTBED = Size(d=1, nonzeros=1, points=13, layers=1, width=8, heads=2, batch=8, steps=8, lr=1e-3)


def zero(x, y):
    return torch.zeros_like(y)


@dataclass(frozen=True, eq=False)
class Planted:
    """Answers `rule`, and a little noise of its own seed."""

    task: object
    seed: int
    rule: Callable
    width: int = 8
    noise: float = 1e-3
    even_from: float = 0.0

    def says(self, x, y, label=None):
        said = self.rule(x, y) if label is None else self.rule(x, y, label)
        return said + self.noise * torch.from_numpy(stream(self.seed, "planted").standard_normal(y.shape))

    def untrained(self, x, y):
        return zero(x, y)


def exact(size, mixture, tests, **task):
    """The exact optimum of a mixture."""
    return optimum(size.task(mixture, tests, **task)).prefixes


def remembered(rule):
    """The rule, asked once for the same prompts: all seeds of a group answer alike but for their noise."""
    known = {}

    def answer(*asked):
        key = tuple(map(id, asked))
        if key not in known:
            known[key] = (rule(*asked), asked)  # the prompts are kept, so that no other ones get their id
        return known[key][0]

    return answer


def arm(size, mixture, tests, rule, width=8, **task):
    """One group of networks with equal answers."""
    own = remembered(rule)
    return [Planted(size.task(mixture, tests, **task), seed, own, width) for seed in range(SEEDS)]


D, S, MIX = (exact(LINEAR, text, MIXTURE) for text in (DENSE, SPARSE, MIXTURE))


def average(x, y):
    return 0.5 * (D(x, y) + S(x, y))


def run(mixture=MIX, dense=D, sparse=S):
    """The main experiment with these answers."""
    rules = {MIXTURE: mixture, DENSE: dense, SPARSE: sparse}
    return {text: arm(LINEAR, text, MIXTURE, rule) for text, rule in rules.items()}


@dataclass(frozen=True)
class FakeRun:
    """A run that holds nothing but a name for its networks."""

    groups: dict
    hash: str = "aa11"
    seconds: float = 1.0
    table: object = None

    def measurements(self):
        return self.table

    def members(self):
        return pd.DataFrame({"member": []})


def verdict(monkeypatch, claim, *groups, tables=(), scale="laptop", prompts=500):
    """The entry of a claim for planted networks, one mapping (mixture -> networks) for each run it asks for."""
    monkeypatch.setattr(networks, "arms", lambda run: run.groups)
    monkeypatch.setattr(networks, "PROMPTS", prompts)
    monkeypatch.setattr(networks, "MANY", prompts)
    tables = tables or (None,) * len(groups)
    runs = tuple(
        FakeRun(own, hash=f"run{i}", table=table) for i, (own, table) in enumerate(zip(groups, tables, strict=True))
    )
    return judge(get(f"model_selection.{claim}"), Evidence(scale, runs))
