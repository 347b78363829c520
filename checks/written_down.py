"""Claims 3 and 13 of the mesa study, as far as nothing is trained: stacked steps against descent, six solver steps."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from checks.compare import Line
from checks.dynamics import error, ridge, sequences


def stacked(x: Tensor, y: Tensor, rate: float, steps: int) -> Tensor:
    """Layers of Proposition 1 one above the other: each pair's error is reduced with the pairs up to its own only."""
    said, left = torch.zeros_like(y), y.clone()
    for _ in range(steps):
        reduced, more = left.clone(), said.clone()
        for t in range(x.shape[1]):
            if t:
                more[:, t] += rate * _told(left[:, :t], x[:, :t], x[:, t])
            reduced[:, t] -= rate * _told(left[:, : t + 1], x[:, : t + 1], x[:, t])
        left, said = reduced, more
    return said


def _told(values: Tensor, keys: Tensor, query: Tensor) -> Tensor:
    """Sum over j of value_j (key_j . query)."""
    return (values.mT @ (keys @ query[..., None]))[..., 0]


def descended(x: Tensor, y: Tensor, rate: float, steps: int) -> Tensor:
    """Gradient descent on all pairs before a place, from 0 again at every place."""
    said = torch.zeros_like(y)
    for t in range(1, x.shape[1]):
        inputs, targets = x[:, :t].mT, y[:, :t].mT
        matrix = torch.zeros(len(x), y.shape[-1], x.shape[-1], dtype=x.dtype)
        for _ in range(steps):
            matrix = matrix + rate * (targets - matrix @ inputs) @ inputs.mT
        said[:, t] = (matrix @ x[:, t, :, None])[..., 0]
    return said


def at_best(way: Callable[[Tensor, Tensor, float, int], Tensor], s: Tensor, k: int, rounds: int) -> tuple[float, float]:
    """The rate of least loss and the loss there, by thirds of what lies between 0 and 0.07."""
    x, y = s[:, :-1], s[:, 1:]

    def loss(rate: float) -> float:
        return float(error(way(x, y, rate, k), y).mean())

    low, high = 0.0, 0.07
    for _ in range(rounds):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, second) if loss(first) < loss(second) else (first, high)
    return (low + high) / 2, loss((low + high) / 2)


def steps(seeds: int, counts: tuple[int, ...] = (2, 4, 6), batch: int = 64, rounds: int = 12) -> list[Line]:
    """Claim 3, d = 10, 50 places: losses of k stacked one-step layers and of k steps, each at its best common rate."""
    found: dict[int, list[float]] = {k: [] for k in counts}
    plain: dict[int, list[float]] = {k: [] for k in counts}
    for seed in range(seeds):
        s = sequences(batch, 10, 50, torch.Generator().manual_seed(seed))
        for k in counts:
            for way, kept in ((stacked, found), (descended, plain)):
                rate, loss = at_best(way, s, k, rounds)
                kept[k].append(loss)
                print(f"  {k} x {way.__name__}: {loss:.4f} at rate {rate:.4f}", flush=True)
    lines = []
    for k in counts:
        both = [stack / steps for stack, steps in zip(found[k], plain[k], strict=True)]
        words = f"k = {k}", f"k = {k} > against"
        what = f"loss of the stack / of descent, k = {k}"
        lines.append(Line("mesa_optimization.03", what, both, 1, math.inf, *words))
    return lines


def six_steps(x: Tensor, y: Tensor, numbers: Tensor, lagged: bool) -> Tensor:
    """The released control, matrix by matrix: T <- T (1 - a B), V <- V + T + b (V - last V), B = A / |A|."""
    alphas, betas = numbers.unbind()
    grams = (x[..., :, None] * x[..., None, :]).cumsum(1)
    moments = (y[..., :, None] * x[..., None, :]).cumsum(1)
    back, one = (2 if lagged else 1), torch.eye(x.shape[-1], dtype=x.dtype)
    matrix = grams[:, :-back] + 1e-3 * one
    size = torch.linalg.matrix_norm(matrix, keepdim=True)
    power = total = last = one.expand_as(matrix)
    for alpha, beta in zip(alphas, betas, strict=True):
        power = power @ (one - alpha * matrix / size)
        total, last = total + power + beta * (total - last), total
    said = torch.zeros_like(y)
    said[:, back:] = (moments[:, :-back] @ (total / size) @ x[:, back:, :, None])[..., 0]
    return said


def fitted(x: Tensor, y: Tensor, lagged: bool, count: int = 6, rounds: int = 150) -> Tensor:
    """Its twelve numbers, of least loss on these sequences by `torch.optim.LBFGS`."""
    numbers = torch.stack([torch.ones(count), torch.zeros(count)]).double().requires_grad_()
    optimiser = torch.optim.LBFGS([numbers], max_iter=rounds, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        found = error(six_steps(x, y, numbers, lagged), y).mean()
        found.backward()
        return found

    optimiser.step(loss)
    return numbers.detach()


def solver(seeds: int, batch: int = 1024, rounds: int = 150) -> list[Line]:
    """Claim 13, d = 10, 50 places: the control alone, six fitted solver steps with the newest pair and without."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(seeds):
        source = torch.Generator().manual_seed(40 + seed)
        other, asked = sequences(256, 10, 50, source), sequences(batch, 10, 50, source)
        for lagged, losses in found.items():
            numbers = fitted(other[:, :-1], other[:, 1:], lagged, rounds=rounds)
            losses.append(float(error(six_steps(asked[:, :-1], asked[:, 1:], numbers, lagged), asked[:, 1:]).mean()))
        bound = float(error(ridge(asked[:, :-1], asked[:, 1:]), asked[:, 1:]).mean())
        print(f"  seed {seed}: six steps {found[False][-1]:.4f}, lagged {found[True][-1]:.4f}; ridge {bound:.4f}")
    return [
        Line("mesa_optimization.13", "loss of six fair steps", found[False]),
        Line("mesa_optimization.13", "loss of six steps without the newest pair", found[True]),
    ]
