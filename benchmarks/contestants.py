"""Both sides of a comparison: a population of ours, and one network in plain PyTorch, written as published code is."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from latebloom.data import Batch
from latebloom.models import MLP, ModularMLP
from latebloom.tasks import ModularArithmetic, SparseParity
from latebloom.training.experiment import Experiment, Training
from latebloom.training.population import Population

MAIN = Experiment(
    name="main",
    task=ModularArithmetic(p=67, pairs="unordered", train_fraction=0.4),
    model=ModularMLP(d_mlp=24, d_embed=500),
    training=Training(loss="cross_entropy_per_class", lr=1e-3, weight_decay=1.0, beta2=0.98),
)


def parity(hidden: int = 32) -> Experiment:
    """A member of the parity sweep."""
    return Experiment(
        name=f"parity {hidden}",
        task=SparseParity(n=30, k=3, n_train=1200, n_test=1000),
        model=MLP(hidden=hidden, bias="first", single_output=True),
        training=Training(lr=3e-3, weight_decay=0.1, beta1=0.99, beta2=0.98),
    )


def population(experiment: Experiment, members: int) -> Population:
    """Members of one shape that differ by seed."""
    return Population.start([experiment.model_copy(update={"seed": seed}) for seed in range(members)])


def advancing(experiment: Experiment, members: int) -> Callable[[], object]:
    """Steps a population, one step a call."""
    ours, steps = population(experiment, members), iter(range(10**9))
    return lambda: ours.advance(next(steps))


def flops(experiment: Experiment) -> float:
    """Arithmetic of one step of one member on full-length rows: forward, and twice that for the gradients."""
    rows = {"modular": "train_rows", "parity": "n_train"}.get(experiment.task.kind, "batch_size")
    return 3 * experiment.model.flops(experiment.task.signature, getattr(experiment.task, rows))


class PlainModular(nn.Module):
    """relu(E[a] A + E[b] A) B E^T from one-hot rows; the loss is averaged over rows and over classes."""

    def __init__(self, ours: Population, batch: Batch) -> None:
        super().__init__()
        self.E, self.A, self.B = (nn.Parameter(ours.params[name][0].clone()) for name in ("W_E", "W_in", "W_out"))
        p = self.E.shape[0]
        first, second = nn.functional.one_hot(batch.inputs[0], p).to(self.E.dtype).unbind(1)
        self.first, self.second, self.labels, self.classes = first, second, batch.targets[0], p

    def forward(self) -> Tensor:
        """The training loss."""
        hidden = torch.relu(self.first @ self.E @ self.A + self.second @ self.E @ self.A)
        logits = hidden @ self.B @ self.E.T
        return nn.functional.cross_entropy(logits, self.labels) / self.classes


class PlainParity(nn.Module):
    """A linear layer over the bits and a one, relu, one output column; cross-entropy of (0, z)."""

    def __init__(self, ours: Population, batch: Batch) -> None:
        super().__init__()
        first = torch.cat([ours.params["W_0"][0], ours.params["b_0"][0][None]])
        self.W, self.out = nn.Parameter(first), nn.Parameter(ours.params["W_out"][0].clone())
        self.rows = torch.cat([batch.inputs[0], torch.ones_like(batch.inputs[0, :, :1])], 1)
        self.labels = batch.targets[0]

    def forward(self) -> Tensor:
        """The training loss."""
        column = torch.relu(self.rows @ self.W) @ self.out
        return nn.functional.cross_entropy(torch.cat([torch.zeros_like(column), column], 1), self.labels)


class Plain:
    """A plain loop over one network: loss, `backward`, `torch.optim.AdamW`; begins where our first member begins."""

    def __init__(self, experiment: Experiment) -> None:
        ours = population(experiment, 1)
        kind = PlainModular if isinstance(experiment.model, ModularMLP) else PlainParity
        self.network = kind(ours, ours.data.batch(0))
        recipe = experiment.training
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.lr,
            betas=(recipe.beta1, recipe.beta2),
            eps=recipe.eps,
            weight_decay=recipe.weight_decay,
        )

    def gradient(self) -> Tensor:
        """Loss and gradient."""
        self.optimiser.zero_grad()
        loss: Tensor = self.network()
        loss.backward()
        return loss.detach()

    def step(self) -> Tensor:
        """One step; the loss before it."""
        loss = self.gradient()
        self.optimiser.step()
        return loss
