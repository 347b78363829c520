"""Claim 13 of the mesa study: six layers of linear attention beside six solver steps.

`deep` measures the weights that our run has kept, `deep_trained` trains from random ones. Nothing of the network is an
object here: weights are tables, a layer is a loop over heads, and what is not to be seen is put to zero by a mask. A
token has four parts, [0, s_t, s_t, s_{t-1}], or [0, 0, s_t, s_{t-1}] (masked); the prediction is read from the first.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from checks.compare import Line
from checks.dynamics import error, ridge, sequences
from checks.kept import kept, layers
from checks.plain import adamw, clipping, descend, falling
from checks.written_down import fitted, six_steps

STEPS, DEPTH, D, PLACES, BATCH, CLIP = 3000, 6, 10, 50, 64, 4.0
RATE, DECAY, NORM = 2e-3, 0.1, 0.3  # the rate falls to a tenth; the gradient is no longer than the norm


def tokens(x: Tensor, masked: bool = False) -> Tensor:
    """States [sequence, place, d] as the network sees them [sequence, place, 4 d]; before the first state is 0."""
    before, nothing = torch.zeros_like(x), torch.zeros_like(x)
    before[:, 1:] = x[:, :-1]
    return torch.cat([nothing, nothing if masked else x, x, before], -1)


def said(tables: Mapping[str, Tensor], x: Tensor, masked: bool = False) -> Tensor:
    """What a stack says at every place of states [sequence, place, d], in float64; no more than 4 in any part."""
    stream = tokens(x, masked)
    past = torch.ones(x.shape[1], x.shape[1], dtype=x.dtype).tril()  # a place sees itself and what came before
    for layer in range(layers(tables)):
        q, k, v, o = (tables[f"blocks.{layer}.attn.W_{letter}"].to(x.dtype) for letter in "QKVO")
        added = torch.zeros_like(stream)
        for head in range(len(q)):
            weight = (stream @ q[head]) @ (stream @ k[head]).mT * past
            added += weight @ (stream @ v[head]) @ o[head]
        stream = (stream + added).clamp(-CLIP, CLIP)
    return stream[..., : x.shape[-1]]


class Solver:
    """Sequences to be asked about, alike for all networks, and what six steps are at on them, fitted on others."""

    def __init__(self, count: int, rounds: int) -> None:
        source = torch.Generator().manual_seed(67)
        other, asked = sequences(256, D, PLACES, source), sequences(count, D, PLACES, source)
        self.x, self.y = asked[:, :-1], asked[:, 1:]
        self.losses = {}
        for name, lagged in (("fair", False), ("lagged", True)):
            numbers = fitted(other[:, :-1], other[:, 1:], lagged, rounds=rounds)
            self.losses[name] = error(six_steps(self.x, self.y, numbers, lagged), self.y)
        told = ", ".join(f"{name} {float(loss.mean()):.4f}" for name, loss in self.losses.items())
        exact, none = (float(error(way, self.y).mean()) for way in (ridge(self.x, self.y), torch.zeros_like(self.y)))
        print(f"  six steps: {told}; ridge {exact:.4f}; saying nothing {none:.4f}", flush=True)

    def ratios(self, tables: Mapping[str, Tensor], name: str) -> dict[str, float]:
        """The loss of a stack with these weights over that of six steps: see `over`."""
        with torch.no_grad():
            return self.over(said(tables, self.x), name)

    def over(self, told: Tensor, name: str) -> dict[str, float]:
        """A network's loss over that of six steps, with the newest pair ("fair") and without ("lagged")."""
        loss = error(told, self.y)
        found = {kind: float(loss.mean() / own.mean()) for kind, own in self.losses.items()}
        words = ", ".join(f"{kind} {value:.3f}" for kind, value in found.items())
        more = (loss - self.losses["fair"]) / PLACES
        early, late = float(more[:D].sum()), float(more[D:].sum())
        where = f"more than fair {early:+.4f} by places 1 to {D}, {late:+.4f} by later ones"
        print(f"  {name}: loss {float(loss.mean()):.4f}; over six steps: {words}; {where}", flush=True)
        return found


def deep(seeds: int, count: int = 2048, rounds: int = 150, step: int = STEPS) -> list[Line]:
    """Claim 13 with the weights that our run has kept, d = 10, 50 places, on sequences of its own."""
    members = [(v["seed"], t) for v, t in kept("mesa_optimization.deep", step) if v["seed"] in range(seeds)]
    if not any(layers(tables) == DEPTH for _, tables in members):
        print("  `latebloom run mesa_optimization.deep --scale laptop` makes it, in 35 core-minutes", flush=True)
        return []
    solver = Solver(count, rounds)
    found: dict[int, list[dict[str, float]]] = {}
    for seed, tables in members:
        depth = layers(tables)
        found.setdefault(depth, []).append(solver.ratios(tables, f"{depth} layers, seed {seed}"))
    return deep_lines(found[DEPTH], found.get(1, []))


def drawn(seed: int) -> dict[str, Tensor]:
    """First weights: normal numbers of deviation 2e-4, four heads of 2 d."""
    source, width, head = torch.Generator().manual_seed(53_000 + seed), 4 * D, 2 * D
    return {
        f"blocks.{layer}.attn.W_{letter}": (
            2e-4 * torch.randn(4, *((head, width) if letter == "O" else (width, head)), generator=source)
        ).requires_grad_()
        for layer in range(DEPTH)
        for letter in "QKVO"
    }


def deep_trained(
    seeds: int, steps: int = STEPS, batch: int = BATCH, count: int = 2048, rounds: int = 150
) -> list[Line]:
    """Claim 13 from random weights by plain code: all 3,000 steps, seven core-minutes a seed."""
    solver = Solver(count, rounds)
    found: dict[int, dict[str, float]] = {}
    for seed in range(seeds):
        tables, source = drawn(seed), torch.Generator().manual_seed(700 + seed)
        weights = list(tables.values())
        optimiser = adamw(weights, RATE, DECAY, beta2=0.999)
        clipping(optimiser, weights, NORM, "norm")
        rate = falling(optimiser, STEPS, 0, 0.1)

        def loss(source: torch.Generator = source, tables: dict[str, Tensor] = tables) -> Tensor:
            s = sequences(batch, D, PLACES, source).float()
            return error(said(tables, s[:, :-1]), s[:, 1:]).mean()

        def look(step: int, seed: int = seed, tables: dict[str, Tensor] = tables) -> None:
            found[seed] = solver.ratios(tables, f"seed {seed}, step {step}")

        descend(weights, loss, optimiser, [*range(0, steps, 250), steps], look, rate.step)
    return deep_lines(list(found.values()), [])


def deep_lines(six: list[dict[str, float]], one: list[dict[str, float]]) -> list[Line]:
    """What claim 13 asks, from the ratios of networks of six layers and of one."""
    return solver_lines("mesa_optimization.13", six, "one layer", one)


def solver_lines(claim: str, networks: list[dict[str, float]], name: str, few: list[dict[str, float]]) -> list[Line]:
    """The rule of claims 13 and 19, which is about the first line; networks of few layers (their name) must fail it."""
    fair, lagged = "network / six fair steps", "/ six steps without the newest pair"
    lines = [
        Line(claim, fair, [own["fair"] for own in networks], 0.9, 1.1, fair),
        Line(claim, f"network {lagged}", [own["lagged"] for own in networks], 0.9, 1.1, lagged),
        Line(claim, f"{name} / six fair steps", [own["fair"] for own in few], 0.9, 1.1),
    ]
    return [line for line in lines if line.values]
