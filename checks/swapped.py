"""Claim 25 of the mesa study: what it costs to put a fitted linear layer in a softmax layer's place."""

import math

import torch
from torch import Tensor, nn

from checks.compare import Line
from checks.dynamics import Stack, error, linear, sequences, train


class Linear(nn.Module):
    """A linear-attention layer of the size of a stack's layer, from whose weights it begins: float64."""

    def __init__(self, net: Stack, layer: int) -> None:
        super().__init__()
        q, k, v, o = (nn.Parameter(part[layer].detach().double()) for part in (net.q, net.k, net.v, net.o))
        self.q, self.k, self.v, self.o = q, k, v, o

    def forward(self, seen: Tensor, x: Tensor) -> Tensor:
        """What it adds, from what queries and keys see and from the stream."""
        return (linear(seen @ self.q, seen @ self.k, x[:, None] @ self.v) @ self.o).sum(1)

    def fit(self, seen: Tensor, x: Tensor, goal: Tensor, rounds: int) -> float:
        """Least squares by `torch.optim.LBFGS` after one step to the right size; what is left of the goal's squares."""
        with torch.no_grad():
            said = self(seen, x)
            self.o *= (said * goal).sum() / said.square().sum()
        square = goal.square().sum()
        optimiser = torch.optim.LBFGS(self.parameters(), max_iter=rounds, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            left = (self(seen, x) - goal).square().sum() / square
            left.backward()
            return left

        optimiser.step(loss)
        return float(loss().detach())


def costs(net: Stack, d: int, count: int, rounds: int, source: torch.Generator) -> list[float]:
    """Test loss with each layer alone replaced, over the network's own."""
    net = net.double()
    fit, asked = (sequences(n, d, 4 * d, source) for n in (128, count))
    with torch.no_grad():
        own = float(error(net(asked[:, :-1]), asked[:, 1:]).mean())
        streams = net.streams(fit[:, :-1])
    found = []
    for layer in range(len(net.mix)):
        x = streams[layer]
        with torch.no_grad():
            goal = net.adds(layer, x)
        copy = Linear(net, layer)
        left = copy.fit(net.read(layer, x).detach(), x, goal, rounds)
        with torch.no_grad():
            found.append(float(error(net(asked[:, :-1], (layer, copy)), asked[:, 1:]).mean()) / own)
        told = f"{found[-1]:.2f} of the loss {own:.3f}, {left:.3f} of the layer unexplained"
        print(f"  d = {d}, layer {layer + 1}: {told}", flush=True)
    return found


def swapped(seeds: int, steps: int = 500, rounds: int = 40, count: int = 512) -> list[Line]:
    """Claim 25, three softmax layers, d = 4 and d = 10, 4 d places: each layer replaced by a linear one."""
    found: dict[int, list[list[float]]] = {10: [], 4: []}
    for seed in range(seeds):
        for d, rows in found.items():
            net = Stack(d, 4 * d, 2 * d, ("softmax",) * 3, seed)
            train(net, 64, d, 4 * d, steps, 6e-3, seed)
            rows.append(costs(net, d, count, rounds, torch.Generator().manual_seed(9)))
    wide, narrow = found[10], found[4]
    change = [sum(a[1:]) / 2 - sum(b[1:]) / 2 for a, b in zip(wide, narrow, strict=True)]
    rule = {1: (1.5, math.inf), 2: (0.0, 1.25), 3: (0.0, 1.25)}
    return [
        *(
            Line("mesa_optimization.25", f"layer {n}, d = 10", [row[n - 1] for row in wide], *ends, f"layer {n}")
            for n, ends in rule.items()
        ),
        Line(
            "mesa_optimization.25",
            "later layers, d = 10 minus d = 4",
            change,
            -math.inf,
            0,
            "mean of later layers, d = 10 minus d = 4",
        ),
    ]
