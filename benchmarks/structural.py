"""A training step of the structural study beside a plain PyTorch loop, written as the released code is built.

The peer: one network of `nn.TransformerEncoderLayer` under a causal mask, or of `nn.GRU`; rows in random order padded
to the longest of the batch, dropout, clipping, AdamW, a schedule. Ours: batches of similar length, all seeds in one
program. Tokens are real ones, without padding; over an epoch both sides see the same rows.
"""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.contestants import flops
from benchmarks.measuring import Effort, Row, in_turn, matrix_product
from latebloom.data import Batch
from latebloom.models import GRU, Decoder
from latebloom.models.base import Model
from latebloom.models.decoder.layers import sinusoids
from latebloom.studies.structural_grokking.experiments.recipe import network, recipe
from latebloom.tasks import QuestionFormation
from latebloom.training.experiment import Experiment
from latebloom.training.population import Population

SEEDS = 5
CORPUS = {"n_train": 4000, "n_val": 50, "n_test": 50, "n_gen": 50, "n_eval": 8}


class PlainTransformer(nn.Module):
    """Logits of the next token at every place, [batch, pos] to [batch, pos, vocab], by `nn.TransformerEncoderLayer`."""

    def __init__(self, model: Decoder, vocabulary: int) -> None:
        super().__init__()
        self.width = model.d_model
        layer = nn.TransformerEncoderLayer(
            model.d_model, model.n_heads, model.mlp_width, model.dropout, batch_first=True, norm_first=False
        )
        self.embed = nn.Embedding(vocabulary, model.d_model)
        self.layers = nn.TransformerEncoder(layer, model.n_layers, enable_nested_tensor=False)
        self.read, self.drop = nn.Linear(model.d_model, vocabulary), nn.Dropout(model.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embedding, layers under a causal mask, read-out."""
        x = self.embed(tokens) * self.width**0.5
        x = self.drop(x + sinusoids(tokens.shape[1], self.width, x))
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        logits: Tensor = self.read(self.layers(x, mask=mask, is_causal=True))
        return logits


class PlainGRU(nn.Module):
    """The same by `nn.GRU`."""

    def __init__(self, model: GRU, vocabulary: int) -> None:
        super().__init__()
        self.embed, self.drop = nn.Embedding(vocabulary, model.d_model), nn.Dropout(model.dropout)
        self.layers = nn.GRU(model.d_model, model.d_model, model.n_layers, batch_first=True, dropout=model.dropout)
        self.read = nn.Linear(model.d_model, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embedding, recurrent layers, read-out."""
        logits: Tensor = self.read(self.drop(self.layers(self.drop(self.embed(tokens)))[0]))
        return logits


class PlainLoop:
    """One network and its training, step by step."""

    def __init__(self, experiment: Experiment) -> None:
        model, training = experiment.model, experiment.training
        plain = experiment.model_copy(update={"task": experiment.task.replace({"bucketed": False})})
        self.data, self.steps = Population.start([plain]).data, 0
        vocabulary = experiment.task.signature.d_vocab
        if isinstance(model, Decoder):
            self.network: nn.Module = PlainTransformer(model, vocabulary)
        elif isinstance(model, GRU):
            self.network = PlainGRU(model, vocabulary)
        else:
            raise TypeError(f"the peer is a transformer or a GRU, not {model.kind!r}")
        self.clip = float("inf") if training.clip is None else training.clip
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), training.lr, (training.beta1, training.beta2), training.eps, weight_decay=0.0
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: min((step + 1) / training.warmup, 1.0)
        )

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy over real tokens."""
        logits = self.network(batch.inputs[0])
        targets = torch.where(batch.weight[0] > 0, batch.targets[0], -1)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)

    def step(self) -> Tensor:
        """One step; the loss before it."""
        self.optimiser.zero_grad()
        loss = self.loss(self.data.batch(self.steps))
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()
        self.schedule.step()
        self.steps += 1
        return loss.detach()


def experiment(scale: str, model: Model | None = None) -> Experiment:
    """The main experiment at a scale, on a small corpus of the same mixture, with batches of similar length."""
    return Experiment(
        name=f"structural, {scale}",
        task=QuestionFormation.parse(CORPUS | {"bucketed": True}),
        model=model or network(scale),
        training=recipe(scale),
    )


def ours(what: Experiment, seeds: int) -> Callable[[], object]:
    """Steps so many seeds together."""
    population = Population.start([what.model_copy(update={"seed": seed}) for seed in range(seeds)])
    steps = iter(range(10**9))
    return lambda: population.advance(next(steps))


def tokens_a_step(what: Experiment, steps: int = 100) -> float:
    """Real tokens of one member's batch, on average."""
    data = Population.start([what]).data
    return sum(float(data.batch(step).weight.sum()) for step in range(steps)) / steps


def per_token(what: Experiment) -> float:
    """Arithmetic of a step for each of its tokens."""
    return flops(what) / (what.task.batch_size * what.task.signature.n_ctx)


def structural(effort: Effort) -> list[Row]:
    """The published shape, one seed; the laptop shape, five seeds together against one after the other; a GRU."""
    few = dataclasses.replace(effort, rounds=min(effort.rounds, 5))
    large, small = experiment("paper"), experiment("laptop")
    recurrent = experiment("laptop", GRU(n_layers=2, d_model=256, dropout=0.1))
    product, arithmetic = matrix_product()
    tokens = tokens_a_step(small)

    def row(told: str, what: Experiment, seeds: int, peer: str, found: dict[str, float]) -> Row:
        floor = found["product"] * arithmetic / per_token(what)
        # A peer takes one step of one seed a turn, ours one of all.
        return Row.rate(told, "tokens/s", tokens * seeds * found["ours"], tokens * found[peer], floor)

    def timed(how: Effort, **turns: Callable[[], object]) -> dict[str, float]:
        return in_turn({"product": product, **turns}, how)

    one = timed(few, ours=ours(large, 1), plain=PlainLoop(large).step)
    many = timed(effort, ours=ours(small, SEEDS), alone=ours(small, 1), plain=PlainLoop(small).step)
    gated = timed(effort, ours=ours(recurrent, SEEDS), plain=PlainLoop(recurrent).step)
    wide, narrow, recurring = "structural, L = 6, d = 512", "structural, L = 6, d = 128", "GRU, L = 2, d = 256"
    return [
        row(f"{wide}, 1 seed", large, 1, "plain", one),
        row(f"{narrow}, {SEEDS} seeds, plain loops in turn", small, SEEDS, "plain", many),
        row(f"{narrow}, {SEEDS} seeds, ours in turn", small, SEEDS, "alone", many),
        row(f"{recurring}, {SEEDS} seeds, plain loops of nn.GRU in turn", recurrent, SEEDS, "plain", gated),
    ]
