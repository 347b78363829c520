"""A training step of a mixture and its two specialists together, beside three plain loops; and live curves.

The peer is built as public code is (Garg et al. 2022 and those who continued it): a linear map into Hugging Face's
GPT-2, a linear map out of it, `torch.optim.Adam`, prompts drawn with torch at every step; one loop a network. Garg et
al. pin transformers 4.17, whose GPT-2 forms its attention by products and a softmax ("eager" today); newer releases
call PyTorch's attention unless told otherwise ("sdpa"): a row for each. It needs the library `transformers`; where that
is absent the rows say so and have no peer.
"""

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.contestants import flops
from benchmarks.measuring import Effort, Row, in_turn, matrix_product
from latebloom.data import Place
from latebloom.models import initial_parameters
from latebloom.studies.model_selection import Snapshot, predict
from latebloom.studies.model_selection.experiments import linear, testbed
from latebloom.studies.model_selection.experiments.sizes import Size
from latebloom.training.experiment import Experiment
from latebloom.training.population import Population

ABSENT = "no peer: the library `transformers` is not installed (pip install transformers)"
ATTENTION = ("eager", "sdpa")  # of the release that the public code pins, and of today's
POINTS, QUERIES = 40, 200


def library() -> ModuleType | None:
    """Hugging Face's library, if it is there."""
    try:
        return importlib.import_module("transformers")
    except ImportError:
        return None


class HubGPT2(nn.Module):
    """Garg et al.'s network: a read-in, GPT-2 without dropout on given embeddings, a read-out at the places of x."""

    def __init__(self, hub: ModuleType, size: Size, attention: str) -> None:
        super().__init__()
        settings = hub.GPT2Config(
            n_positions=2 * size.points,
            n_embd=size.width,
            n_layer=size.layers,
            n_head=size.heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            use_cache=False,
            attn_implementation=attention,
        )
        self.read_in, self.read_out = nn.Linear(size.d, size.width), nn.Linear(size.width, 1)
        self.backbone = hub.GPT2Model(settings)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Prediction of every label [batch, points]."""
        wide = torch.cat([y[..., None], torch.zeros(*y.shape, x.shape[-1] - 1)], -1)
        tokens = torch.stack([x, wide], 2).reshape(len(x), -1, x.shape[-1])
        out = self.backbone(inputs_embeds=self.read_in(tokens)).last_hidden_state
        return self.read_out(out)[:, ::2, 0]


def prompts(size: Size, mixture: str) -> tuple[Tensor, Tensor]:
    """A batch of one training set, drawn with torch."""
    x = torch.randn(size.batch, size.points, size.d)
    dense = torch.randn(size.batch, size.d) / size.d**0.5
    chosen = torch.rand(size.batch, size.d).argsort(-1).argsort(-1) < size.nonzeros
    sparse = torch.randn(size.batch, size.d) * chosen / size.nonzeros**0.5
    share = {linear.DENSE: 1.0, linear.SPARSE: 0.0}.get(mixture, 0.5)
    w = torch.where(torch.rand(size.batch, 1) < share, dense, sparse)
    y = (x * w[:, None]).sum(-1)
    return x, y + 0.1 * torch.randn_like(y)


class PlainLoop:
    """One network, one optimiser, a step a call."""

    def __init__(self, hub: ModuleType, size: Size, mixture: str, attention: str) -> None:
        self.network, self.size, self.mixture = HubGPT2(hub, size, attention), size, mixture
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=size.lr)

    def step(self) -> float:
        """Draws prompts and makes one update; the loss before it."""
        x, y = prompts(self.size, self.mixture)
        self.optimiser.zero_grad()
        loss = (self.network(x, y) - y).square().mean()
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())


def three(size: Size) -> list[Experiment]:
    """The mixture and both specialists, in the published layout of prompts and with the published optimiser."""
    texts = (linear.MIXTURE, linear.SPARSE, linear.DENSE)
    members = [size.experiment("benchmark", text, linear.MIXTURE, layout="garg") for text in texts]
    return [member.replace({"training.optimiser": "adamw"}) for member in members]


def together(size: Size) -> Callable[[], object]:
    """Steps all three as one population."""
    population, steps = Population.start(three(size)), iter(range(10**9))
    return lambda: population.advance(next(steps))


def in_context(effort: Effort) -> list[Row]:
    """Steps of three networks a second, at two sizes; live curves a second."""
    hub = library()
    if hub is None:
        print(f"in_context: {ABSENT}.", file=sys.stderr)
    product, arithmetic = matrix_product()
    rows = []
    for scale in ("laptop", "quick"):
        size = linear.SIZES[scale]
        name = f"three mixtures, d = {size.d}, L = {size.layers}, width {size.width}"
        turns: dict[str, Callable[[], object]] = {"product": product, "ours": together(size)}
        for attention in ATTENTION if hub is not None else ():
            loops = [PlainLoop(hub, size, each.task.mixture, attention) for each in three(size)]
            turns[attention] = lambda loops=loops: [loop.step() for loop in loops]
        found = in_turn(turns, effort)
        floor = found["product"] * arithmetic / sum(flops(each) for each in three(size))
        kinds = ATTENTION if hub is not None else (f"({ABSENT})",)
        rows += [Row.rate(f"{name}, {kind}", "steps/s", found["ours"], found.get(kind), floor) for kind in kinds]
    return [*rows, live(effort)]


def live(effort: Effort) -> Row:
    """A mixture, two specialists and the references through 40 points at 200 queries."""
    snapshot = untrained(replace(testbed.SIZES["laptop"], points=POINTS + 1))
    x = np.linspace(-2, 2, POINTS)
    found = in_turn({"ours": lambda: predict(snapshot, x, np.sin(3 * x), np.linspace(-3, 3, QUERIES))}, effort)
    return Row.rate(f"live curves, {POINTS} points, {QUERIES} queries, 3 networks", "curves/s", found["ours"])


def untrained(size: Size) -> Snapshot:
    """Three networks as they begin: what they say costs the same."""
    task, model = size.task(testbed.MIXTURE, testbed.MIXTURE), size.network()
    parameters = initial_parameters(model, [model] * 3, task.signature, [0, 1, 2], Place())
    return Snapshot(task, model, (testbed.MIXTURE, testbed.LINE, testbed.SINUSOID), parameters, seed=0)
