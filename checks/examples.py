"""Claim 27 of the mesa study: a network that only continues sequences is asked to regress from examples."""

import math

import torch
from torch import Tensor

from checks.compare import Line
from checks.dynamics import Stack, error, orthogonal, ridge, train
from checks.plain import falling

D, PLACES, PREFIX = 4, 60, 5


def prompts(count: int, pairs: int, group: int, front: int, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """x, y, x, y, ... of one orthogonal map each: tokens, places of the x, and the y; `group` 3 leaves room between."""
    matrix = orthogonal(count, D, source)
    x = torch.rand(count, pairs, D, generator=source, dtype=torch.float64) * 2 - 1
    y = x @ matrix.mT + 0.01 * torch.randn(count, pairs, D, generator=source, dtype=torch.float64)
    tokens = torch.zeros(count, front + group * pairs, D, dtype=torch.float64)
    at = front + group * torch.arange(pairs)
    tokens[:, at], tokens[:, at + 1] = x, y
    return tokens, at, y


def put(tokens: Tensor, mark: Tensor | None, front: Tensor | None) -> Tensor:
    """The separator after every pair, the prefix before all."""
    if mark is None:
        return tokens
    first = 0 if front is None else PREFIX
    tokens = tokens.clone()
    tokens[:, first + 2 :: 3] = mark
    if front is not None:
        tokens[:, :PREFIX] = front
    return tokens


def labels(net: Stack, made: tuple[Tensor, Tensor, Tensor], mark: Tensor | None, front: Tensor | None) -> Tensor:
    """Label loss by pairs shown before."""
    tokens, at, y = made
    return error(net(put(tokens.float(), mark, front))[:, at], y)


def tuned(net: Stack, steps: int, mark: Tensor | None, seed: int) -> Tensor:
    """A separator of least mean label loss, or with one at hand a prefix: Adam at 0.02, falling to 0, 32 prompts."""
    source = torch.Generator().manual_seed(70 + seed)
    front = 0 if mark is None else PREFIX
    vectors = torch.randn(1 if mark is None else PREFIX, D, generator=source).requires_grad_()
    optimiser = torch.optim.Adam([vectors], lr=0.02)
    rate = falling(optimiser, steps, 0)
    for _ in range(steps):
        made = prompts(32, (PLACES - front) // 3, 3, front, source)
        loss = labels(net, made, *((vectors, None) if mark is None else (mark, vectors))).mean()
        (vectors.grad,) = torch.autograd.grad(loss, [vectors])
        optimiser.step()
        rate.step()
    return vectors.detach()


def curves(net: Stack, seed: int, tuning: int, count: int) -> dict[str, list[float]]:
    """Label losses by pairs shown: the network's, with what helps it, and least squares on all neighbours or pairs."""
    source = torch.Generator().manual_seed(80 + seed)
    mark = tuned(net, tuning, None, seed)
    front = tuned(net, tuning, mark, seed)
    plain, helped = prompts(count, 30, 2, 0, source), prompts(count, 18, 3, PREFIX, source)
    tokens, at, y = plain
    with torch.no_grad():
        own, more = labels(net, plain, None, None), labels(net, helped, mark, front)
    spurious = error(ridge(tokens, tokens.roll(-1, 1))[:, at], y)
    return {
        "network": own.tolist(),
        "helped": more.tolist(),
        "all neighbours": spurious.tolist(),
        "true pairs": error(ridge(tokens[:, at], y), y).tolist(),
    }


def examples(seeds: int, steps: int = 400, tuning: int = 100, count: int = 1024) -> list[Line]:
    """Claim 27, a softmax and a mesa layer, d = 4, 60 places: label loss by pairs shown, and what helps."""
    rows = []
    for seed in range(seeds):
        net = Stack(D, 4 * D, 2 * D, ("softmax", "mesa"), seed, clip=1.0)
        train(net, 32, D, PLACES, steps, 4e-3, seed)
        found = curves(net, seed, tuning, count)
        rows.append(found)
        for name, curve in found.items():
            some = ", ".join(f"{k}: {curve[k]:.3f}" for k in (0, 1, 2, 3, 5, 10, 17, 29) if k < len(curve))
            print(f"  seed {seed}, {name}: {some}", flush=True)

    def over(name: str, last: bool) -> list[float]:
        return [(row[name][-1] if last else max(row[name][1:])) / row[name][0] for row in rows]

    return [
        Line("mesa_optimization.27", "largest / first", over("network", False), 1.02, math.inf, "largest / first"),
        Line("mesa_optimization.27", "last / first", over("network", True), 0, 0.9, "last / first"),
        Line(
            "mesa_optimization.27",
            "helped / plain, 17 pairs",
            [row["helped"][17] / row["network"][17] for row in rows],
            0,
            0.9,
            "helped / plain, 17 pairs",
        ),
        Line(
            "mesa_optimization.27",
            "least squares, rise",
            over("all neighbours", False),
            1.02,
            math.inf,
            "least squares, rise",
        ),
        Line("mesa_optimization.27", "true pairs, rise", over("true pairs", False), 0, 1, "true pairs, rise"),
    ]
