"""The networks, drawn and applied by hand: lists of weights, and a function from rows to logits."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Network = tuple[list[Tensor], Callable[[Tensor], Tensor]]


def generator(seed: int) -> torch.Generator:
    """A stream of initial weights."""
    return torch.Generator().manual_seed(77_000 + seed)


def cut_normal(shape: tuple[int, int], std: float, source: torch.Generator) -> Tensor:
    """Normal numbers, drawn again beyond two deviations; `std` is that before the cut."""
    weight = torch.empty(shape)
    torch.nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=source)
    return weight.requires_grad_()


def explorable(p: int, d: int, h: int, seed: int, shared: bool = True) -> Network:
    """relu(E[a] A + E[b] A) B E^T, with a second A for b unless shared."""
    source = generator(seed)
    E = cut_normal((p, d), math.sqrt(2 / p) / 0.87962566, source)
    projections = [cut_normal((d, h), 1 / math.sqrt(d), source) for _ in range(1 if shared else 2)]
    B = cut_normal((h, d), 1 / math.sqrt(h), source)

    def logits(rows: Tensor) -> Tensor:
        first, second = (E @ projections[i] for i in (0, -1))
        return torch.relu(first[rows[:, 0]] + second[rows[:, 1]]) @ (B @ E.T)

    return [E, *projections, B], logits


def square(p: int, h: int, seed: int) -> Network:
    """(U[a] + V[b])^2 W, normal weights of deviation 0.5 / (2 h)^(1/3)."""
    source, std = generator(seed), 0.5 / (2 * h) ** (1 / 3)
    U, V, W = ((torch.randn(shape, generator=source) * std).requires_grad_() for shape in ((p, h), (p, h), (h, p)))
    return [U, V, W], lambda rows: (U[rows[:, 0]] + V[rows[:, 1]]).square() @ W


def stacked(networks: Sequence[Network]) -> list[Tensor]:
    """The weights of networks of one shape side by side, so that one loop trains them all: [network, ...]."""
    return [
        torch.stack(own).detach().requires_grad_() for own in zip(*(weights for weights, _ in networks), strict=True)
    ]


def explorable_logits(weights: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Those of networks side by side with one A each, each for its own rows: [network, row, p]."""
    E, A, B = weights
    table = E @ A
    return torch.relu(_picked(table, rows[..., 0]) + _picked(table, rows[..., 1])) @ (B @ E.mT)


def _picked(tables: Tensor, symbols: Tensor) -> Tensor:
    """The row of its own table that each network's symbol names: [network, row, width]."""
    count, height, width = tables.shape
    places = symbols + height * torch.arange(count)[:, None]
    return tables.reshape(-1, width).index_select(0, places.flatten()).view(count, -1, width)


def uniform(shape: tuple[int, int], source: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    """Uniform within 1 / sqrt(fan in)."""
    weight = (torch.rand(shape, generator=source, dtype=torch.float64) * 2 - 1) / math.sqrt(shape[0])
    return weight.to(dtype).requires_grad_()


def perceptron(sizes: Sequence[int], seed: int, bias: bool) -> tuple[list[Tensor], Callable[[Tensor], list[Tensor]]]:
    """ReLU layers over rows of numbers; the function gives every layer's sums, the logits last."""
    source = generator(seed)
    matrices = [uniform((sizes[i], sizes[i + 1]), source) for i in range(len(sizes) - 1)]
    biases = [torch.zeros(size, requires_grad=True) for size in sizes[1:]] if bias else []

    def layers(x: Tensor) -> list[Tensor]:
        found = []
        for i, matrix in enumerate(matrices):
            x = x @ matrix + (biases[i] if bias else 0.0)
            found.append(x)
            x = torch.relu(x)
        return found

    return [*matrices, *biases], layers


def one_hot(rows: Tensor, p: int) -> Tensor:
    """Both symbols of every row, one after the other."""
    return torch.nn.functional.one_hot(rows, p).flatten(1).float()
