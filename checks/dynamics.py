"""Linear systems with a matrix of their own in every sequence, ridge regression on them, stacks of bare attention."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from checks.plain import clipping, descend, falling


def orthogonal(count: int, d: int, source: torch.Generator) -> Tensor:
    """Uniformly drawn orthogonal matrices, by QR with the signs of R's diagonal put right: float64."""
    q, r = torch.linalg.qr(torch.randn(count, d, d, generator=source, dtype=torch.float64))
    return q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]


def sequences(count: int, d: int, places: int, source: torch.Generator, seen: int | None = None) -> Tensor:
    """`places` + 1 states from uniform(-1, 1), s' = W s + 0.01 noise; `seen` numbers of them by a matrix of 0.5 N."""
    matrix = orthogonal(count, d, source)
    state = torch.rand(count, d, generator=source, dtype=torch.float64) * 2 - 1
    states = [state]
    for _ in range(places):
        noise = torch.randn(count, d, generator=source, dtype=torch.float64)
        state = (matrix @ state[..., None])[..., 0] + 0.01 * noise
        states.append(state)
    found = torch.stack(states, 1)
    if seen is None:
        return found
    view = 0.5 * torch.randn(count, d, seen, generator=source, dtype=torch.float64)
    found = found @ view
    return found + 0.01 * torch.randn(found.shape, generator=source, dtype=torch.float64)


def error(said: Tensor, true: Tensor) -> Tensor:
    """Half the squared error summed over numbers, mean over sequences: [place]."""
    return (said - true).square().sum(-1).mean(0) / 2


def ridge(x: Tensor, y: Tensor, penalty: float = 1e-3) -> Tensor:
    """At every place the regression on all pairs (x_j, y_j) before it, asked for y there."""
    grams = (x[..., :, None] * x[..., None, :]).cumsum(1)
    moments = (x[..., :, None] * y[..., None, :]).cumsum(1)
    said = torch.zeros_like(y)
    matrix = grams[:, :-1] + penalty * torch.eye(x.shape[-1], dtype=x.dtype)
    weight = torch.linalg.solve(matrix, moments[:, :-1])
    said[:, 1:] = (x[:, 1:, None] @ weight)[:, :, 0]
    return said


def softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """[batch, head, place, width]: softmax attention to itself and what came before."""
    return scaled_dot_product_attention(q, k, v, is_causal=True)


def linear(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Linear attention, products as they are."""
    return (q @ k.mT).tril() @ v


class Mesa(nn.Module):
    """sum v k' (sum k k' + 1/lambda)^-1 q at every place; lambda begins at 1, one for each head.

    Inverses R come from the source's recursion, without gradient. Of u = R q one step u + R (q - A u) with u and R held
    fixed changes no number and has the gradient of A^-1 q by q and by A, so that autograd does the rest.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.size = nn.Parameter(torch.ones(heads))

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """[batch, head, place, width]."""
        size = self.size.clamp(min=1e-3)[:, None, None]
        with torch.no_grad():
            inverse = (size * torch.eye(k.shape[-1], dtype=k.dtype)).expand(*k.shape[:2], -1, -1)
            each = []
            for key in k.unbind(2):
                along = inverse @ key[..., None]
                inverse = inverse - along @ along.mT / (1 + key[..., None, :] @ along)
                each.append(inverse)
            inverses = torch.stack(each, 2)
            u = (inverses @ q[..., None])[..., 0]
        left = q - linear(u, k, k) - u / size
        return linear(u + (inverses @ left[..., None])[..., 0], k, v)


class Stack(nn.Module):
    """Embedding, layers of four attention heads added to a stream, read-out: no norms, no biases, no MLP.

    Queries and keys of the first layer see sine and cosine of the place beside its state. Weights begin with a
    deviation of 0.05. `clip` bounds the stream after every layer.
    """

    def __init__(self, d: int, width: int, head: int, kinds: Sequence[str], seed: int, clip: float = math.inf) -> None:
        super().__init__()
        source, self.clip = torch.Generator().manual_seed(52_000 + seed), clip

        def matrix(*shape: int) -> nn.Parameter:
            return nn.Parameter(0.05 * torch.randn(*shape, generator=source))

        self.enter, self.leave = matrix(d, width), matrix(width, d)
        reads = [2 * width if i == 0 else width for i in range(len(kinds))]
        self.q, self.k = (nn.ParameterList([matrix(4, reading, head) for reading in reads]) for _ in range(2))
        self.v = nn.ParameterList([matrix(4, width, head) for _ in kinds])
        self.o = nn.ParameterList([matrix(4, head, width) for _ in kinds])
        self.mix = [softmax if kind == "softmax" else Mesa(4) for kind in kinds]
        self.lambdas = nn.ModuleList([mix for mix in self.mix if isinstance(mix, Mesa)])

    def read(self, layer: int, x: Tensor) -> Tensor:
        """What queries and keys of a layer see: [batch, 1, place, ...]."""
        if layer:
            return x[:, None]
        places, width = x.shape[-2:]
        rate = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        angle = torch.arange(places, dtype=torch.float64)[:, None] * rate
        table = torch.stack([angle.sin(), angle.cos()], -1).flatten(1).to(x)
        return torch.cat([x, table.expand_as(x)], -1)[:, None]

    def adds(self, layer: int, x: Tensor) -> Tensor:
        """What a layer adds to the stream."""
        seen = self.read(layer, x)
        z = self.mix[layer](seen @ self.q[layer], seen @ self.k[layer], x[:, None] @ self.v[layer])
        return (z @ self.o[layer]).sum(1)

    def forward(self, s: Tensor, swap: tuple[int, nn.Module] | None = None) -> Tensor:
        """The next state at every place; `swap` puts another layer in a layer's place."""
        return self.streams(s, swap)[-1] @ self.leave

    def streams(self, s: Tensor, swap: tuple[int, nn.Module] | None = None) -> list[Tensor]:
        """The stream before the first layer and after each."""
        found = [s @ self.enter]
        for layer in range(len(self.mix)):
            x = found[-1]
            added = swap[1](self.read(layer, x), x) if swap and swap[0] == layer else self.adds(layer, x)
            found.append((x + added).clamp(-self.clip, self.clip))
        return found


def train(
    net: Stack, batch: int, d: int, places: int, steps: int, lr: float, seed: int, seen: int | None = None
) -> None:
    """AdamW on fresh sequences; the rate rises for a tenth of the steps and falls by a cosine to a twentieth."""
    source, weights = torch.Generator().manual_seed(600 + seed), list(net.parameters())
    optimiser = torch.optim.AdamW(weights, lr=lr, betas=(0.9, 0.999), weight_decay=0.05)
    clipping(optimiser, weights, 1.0, "value")
    rate = falling(optimiser, steps, max(steps // 10, 1), 0.05)
    recent: list[float] = []

    def loss() -> Tensor:
        s = sequences(batch, d, places, source, seen).float()
        found = error(net(s[:, :-1]), s[:, 1:]).mean()
        recent.append(found.item())
        return found

    def look(step: int) -> None:
        if step:
            print(f"    step {step}: training loss {sum(recent[-50:]) / len(recent[-50:]):.4f}", flush=True)

    descend(weights, loss, optimiser, [*range(0, steps, max(steps // 4, 1)), steps], look, rate.step)
