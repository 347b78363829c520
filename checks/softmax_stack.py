"""Claim 19 of the mesa study: seven softmax layers on plain states beside six solver steps.

`softmax` asks first whether the source's own network would pass: its published loss over the released six steps,
computed here at its size, with the newest pair and without. Then it measures the weights that our run has kept.
`softmax_trained` trains from random weights.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from checks.compare import Line
from checks.deep import BATCH, PLACES, D, Solver, solver_lines
from checks.dynamics import Stack, error, sequences, train
from checks.kept import kept, layers
from checks.written_down import six_steps

DEPTH, FEW, STEPS, RATE = 7, 2, 2000, 6e-3
CLAIM = "mesa_optimization.19"
PUBLISHED = 0.2302  # of seven layers, d = 10, 50 places; the mean over places in the released results
# Six steps as released, fitted there without the newest pair: fitted with it they could only be better at it.
RELEASED = [[1.0292, 3.8551, 3.7469, 3.3828, 2.9882, 2.0934], [0.0, 0.6402, 0.4798, 0.8144, 1.6680, 2.4196]]


def holding(tables: Mapping[str, Tensor]) -> Stack:
    """A plain stack with a run's weights, in float64."""
    (d, width), depth = tables["embed.W_E"].shape, layers(tables)
    net = Stack(d, width, tables["blocks.0.attn.W_V"].shape[-1], ("softmax",) * depth, 0).double()
    own = {"enter": "embed.W_E", "leave": "unembed.W_U"} | {
        f"{letter}.{layer}": f"blocks.{layer}.attn.W_{letter.upper()}" for letter in "qkvo" for layer in range(depth)
    }
    net.load_state_dict({name: tables[theirs].double() for name, theirs in own.items()})
    return net


def published(draws: int, count: int) -> list[Line]:
    """The published loss over six released steps on other sequences of its size."""
    numbers, ratios = torch.tensor(RELEASED, dtype=torch.float64), {}
    for kind, lagged in (("fair", False), ("lagged", True)):
        losses = []
        for draw in range(draws):
            s = sequences(count, 10, 50, torch.Generator().manual_seed(190 + draw))
            losses.append(float(error(six_steps(s[:, :-1], s[:, 1:], numbers, lagged), s[:, 1:]).mean()))
        ratios[kind] = [PUBLISHED / loss for loss in losses]
        print(f"  six released steps, d = 10, {kind}: {' '.join(f'{loss:.4f}' for loss in losses)}", flush=True)
    return [
        Line(CLAIM, "published network / six fair steps, d = 10", ratios["fair"], 0.9, 1.1),
        Line(CLAIM, "published network / six steps without the newest pair", ratios["lagged"], 0.9, 1.1),
    ]


def softmax(seeds: int, count: int = 2048, rounds: int = 150, step: int = STEPS) -> list[Line]:
    """Claim 19: the published loss over its own control, and the weights that our run has kept."""
    lines = published(seeds, count)
    members = [(v["seed"], t) for v, t in kept("mesa_optimization.softmax", step) if v["seed"] in range(seeds)]
    if not any(layers(tables) == DEPTH for _, tables in members):
        print("  `latebloom run mesa_optimization.softmax --scale laptop` makes it, in 20 core-minutes", flush=True)
        return lines
    solver = Solver(count, rounds)
    found: dict[int, list[dict[str, float]]] = {DEPTH: [], FEW: []}
    for seed, tables in members:
        with torch.no_grad():
            told = holding(tables)(solver.x)
        depth = layers(tables)
        found.setdefault(depth, []).append(solver.over(told, f"{depth} layers, seed {seed}"))
    return lines + solver_lines(CLAIM, found[DEPTH], "two layers", found[FEW])


def softmax_trained(
    seeds: int, steps: int = STEPS, batch: int = BATCH, count: int = 2048, rounds: int = 150
) -> list[Line]:
    """Claim 19 from random weights by plain code: 2,000 steps, eight core-minutes a seed for seven layers and two."""
    solver = Solver(count, rounds)
    found: dict[int, list[dict[str, float]]] = {DEPTH: [], FEW: []}
    for seed in range(seeds):
        for depth, rows in found.items():
            net = Stack(D, 4 * D, 2 * D, ("softmax",) * depth, seed)
            train(net, batch, D, PLACES, steps, RATE, seed)
            with torch.no_grad():
                rows.append(solver.over(net.double()(solver.x), f"{depth} layers, seed {seed}"))
    return solver_lines(CLAIM, found[DEPTH], "two layers", found[FEW])
