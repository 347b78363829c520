"""A training step of deep linear attention at the published size: eight seeds at once beside eight plain loops.

Six layers, d = 10, 50 places, 256 sequences, four heads of 20: von Oswald et al. 2023 (arXiv 2309.05858 v2), figure 4.
The plain loop is one network as its code would read in PyTorch: projections, scores with a causal mask, autograd,
gradients clipped element by element, `torch.optim.AdamW`; its sequences come from a batched QR and a loop over places.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.contestants import flops, population
from benchmarks.measuring import Effort, Row, in_turn, matrix_product
from latebloom.studies.mesa_optimization.experiments.sizes import LARGE, Size, recipe, stack
from latebloom.training.experiment import Experiment
from latebloom.training.population import Population

LAYERS, HEADS = 6, 4
MEMBERS = 8


def experiment(size: Size = LARGE) -> Experiment:
    """The published six layers; a smaller size for tests."""
    return Experiment(
        name="deep",
        task=size.task("constructed", n_test=1),
        model=stack(size, LAYERS, HEADS, 2 * size.d),
        training=recipe(10**6, lr=1e-4, weight_decay=0.1),
    )


class Attention(nn.Module):
    """Causal linear self-attention of one network."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        rows = {name: weights[f"attn.W_{name}"].transpose(0, 1).flatten(1).T for name in ("Q", "K", "V")}
        rows["O"] = weights["attn.W_O"].flatten(0, 1).T
        for name, value in rows.items():
            own = nn.Linear(value.shape[1], value.shape[0], bias=False)
            own.weight = nn.Parameter(value.clone().contiguous())
            self.add_module(name, own)

    def forward(self, x: Tensor) -> Tensor:
        """What attention adds to [batch, pos, d_model]."""
        q, k, v = (getattr(self, name)(x).unflatten(2, (HEADS, -1)).transpose(1, 2) for name in ("Q", "K", "V"))
        mask = torch.tril(torch.ones(x.shape[1], x.shape[1]))
        z = (q @ k.transpose(2, 3) * mask) @ v
        out: Tensor = self.O(z.transpose(1, 2).flatten(2))
        return out


class Plain:
    """One network; begins where our first member begins."""

    def __init__(self, ours: Population) -> None:
        own = {name: value[0] for name, value in ours.params.items()}
        self.layers = nn.ModuleList(
            Attention(
                {name.removeprefix(f"blocks.{i}."): v for name, v in own.items() if name.startswith(f"blocks.{i}.")}
            )
            for i in range(LAYERS)
        )
        batch = ours.data.batch(0)
        self.batch, self.task = (batch.inputs[0], batch.targets[0]), ours.task
        how = ours.training
        self.clip = how.clip
        self.optimiser = torch.optim.AdamW(
            self.layers.parameters(),
            lr=how.lr,
            betas=(how.beta1, how.beta2),
            eps=how.eps,
            weight_decay=how.weight_decay,
        )

    def step(self, batch: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One step on a batch, by default always the same one; the loss before it."""
        x, targets = self.batch if batch is None else batch
        for layer in self.layers:
            x = (x + layer(x)).clamp(-4, 4)
        loss = (x[..., : targets.shape[-1]] - targets).square().sum(-1).mean() / 2
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(self.layers.parameters(), self.clip)
        self.optimiser.step()
        return loss.detach()

    def fresh(self) -> Tensor:
        """One step on new sequences."""
        return self.step(sequences(self.task.batch_size, self.task.n_seen, self.task.length))


def sequences(batch: int, d: int, length: int) -> tuple[Tensor, Tensor]:
    """Tokens [0, s_t, s_t, s_{t-1}] and next states of systems with a fresh orthogonal matrix each."""
    matrix, upper = torch.linalg.qr(torch.randn(batch, d, d))
    matrix = matrix * upper.diagonal(dim1=-2, dim2=-1).sign()[:, None]
    state, states = torch.rand(batch, d) * 2 - 1, []
    for _ in range(length + 1):
        states.append(state)
        state = ((matrix @ state[..., None])[..., 0] + 0.01 * torch.randn(batch, d)).clamp(-10, 10)
    seen = torch.stack(states, 1)
    now, before = seen[:, :-1], torch.cat([torch.zeros(batch, 1, d), seen[:, :-2]], 1)
    return torch.cat([torch.zeros_like(now), now, now, before], -1), seen[:, 1:]


def stepping(ours: Population, fresh: bool) -> Callable[[], object]:
    """Steps our population, one step a call, on new sequences or always on the first batch."""
    if not fresh:
        batch = ours.data.batch(0)
        ours.data.batch = lambda step: batch
    steps = iter(range(10**9))
    return lambda: ours.advance(next(steps))


def deep(effort: Effort, size: Size = LARGE) -> list[Row]:
    """Member-steps a second, on a batch that is there and on new sequences."""
    product, arithmetic = matrix_product()
    rows = []
    for name, fresh in (("batch given", False), ("new sequences", True)):
        ours = population(experiment(size), MEMBERS)
        plain = Plain(ours)
        floor = arithmetic / flops(experiment(size))
        contestants = {"ours": stepping(ours, fresh), "plain": plain.fresh if fresh else plain.step}
        found = in_turn({"product": product, **contestants}, effort)
        told = f"deep, {LAYERS} linear layers, E = {MEMBERS}, {name}"
        rows.append(Row.rate(told, "member-steps/s", MEMBERS * found["ours"], found["plain"], found["product"] * floor))
    return rows
