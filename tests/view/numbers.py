"""Numbers of our Python that the front end's own arithmetic is held to: web/tests/numbers.json.

`python -m tests.view.numbers` writes them anew; a test notices when the file is stale.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latebloom.data import Batch
from latebloom.instruments.fourier import fourier_transform, power
from latebloom.instruments.logits import additive_logits, logit_angle_error
from latebloom.instruments.neurons import group_neurons, sorted_order
from latebloom.instruments.outcome import outcome_by_ratio, outcome_by_time
from latebloom.models import CircleSolution, ModularMLP
from latebloom.randomness import stream
from latebloom.tasks import ModularArithmetic
from latebloom.training.experiment import Experiment, Training
from latebloom.training.population import Population
from latebloom.view.pack import pack
from tests.view.decoders import decoders
from tests.view.points import points
from tests.view.sentences import sentences

PLACE = Path(__file__).parents[2] / "web" / "tests" / "numbers.json"


def numbers() -> dict[str, Any]:
    """Everything the front end is compared with."""
    return {
        "fourier": [fourier(p) for p in (7, 8)],
        "circle": circle(),
        "constructed": constructed(),
        "outcomes": outcomes(),
        "training": training(),
        "decoders": decoders(),
        "points": points(),
        "sentences": sentences(),
        "pack": base64.b64encode(packed()).decode(),
    }


def fourier(p: int) -> dict[str, Any]:
    """A random table, its coefficients, and the power of every frequency."""
    table = torch.from_numpy(stream(p, "web numbers").normal(size=(p, 3)))
    coefficients = fourier_transform(table)
    return {"p": p, "table": plain(table), "coefficients": plain(coefficients), "power": plain(power(coefficients))}


def circle() -> dict[str, Any]:
    """Tables of several circles, the groups of their neurons, and logits of one pair."""
    p, frequencies, count = 13, (2, 5), 5
    model = CircleSolution(neurons=count, frequencies=frequencies, rotation=0.3)
    task = ModularArithmetic(p=p)
    noise = stream(0, "unused")
    first = torch.from_numpy(model.initial("in_table", (p, model.d_mlp), noise))
    out = torch.from_numpy(model.initial("out_table", (model.d_mlp, p), noise))
    coefficients = fourier_transform(first)
    groups = group_neurons(coefficients, "pair_norm", float(coefficients[1:].abs().amax()) / 4)
    return {
        "p": task.p,
        "neurons": count,
        "frequencies": list(frequencies),
        "rotation": 0.3,
        "first": plain(first),
        "out": plain(out.T),
        "frequency": plain(groups.frequency),
        "phase": plain(groups.phase),
        "order": plain(sorted_order(groups)),
        "pair": [3, 11],
        "logits": plain(additive_logits(first, first, out, "relu")[3, 11]),
    }


def constructed() -> list[dict[str, Any]]:
    """Share of right answers and largest error, in tokens, of one circle for several p, N and activations."""
    rows = []
    for p, neurons, activation in (
        (13, 5, "relu"),
        (67, 6, "relu"),
        (12, 5, "relu"),
        (67, 3, "square"),
        (67, 8, "relu"),
    ):
        model = CircleSolution(neurons=neurons, frequencies=(1,), activation=activation)
        noise = stream(0, "unused")
        first = torch.from_numpy(model.initial("in_table", (p, neurons), noise))
        out = torch.from_numpy(model.initial("out_table", (neurons, p), noise))
        logits = additive_logits(first, first, out, activation).reshape(-1, p)
        target = (torch.arange(p)[:, None] + torch.arange(p)).reshape(-1) % p
        top = logits.topk(2, dim=1)
        decided = top.values[:, 0] - top.values[:, 1] > 1e-9 * top.values[:, 0].abs().clamp(min=1e-6)
        right = decided & (top.indices[:, 0] == target)
        error = logit_angle_error(logits, target).nan_to_num(0).abs().max() * p / 360
        rows.append(
            {
                "p": p,
                "neurons": neurons,
                "activation": activation,
                "accuracy": float(right.double().mean()),
                "undecided": float((~decided).double().mean()),
                "largest": float(error),
            }
        )
    return rows


def outcomes() -> dict[str, Any]:
    """Made-up curves of every kind, called by both rules at several thresholds."""
    steps = np.arange(0, 10_001, 500.0)
    rise = np.clip((steps - 1000) / 500, 0, 1)
    late, later = np.clip((steps - 6000) / 500, 0, 1), np.clip((steps - 1600) / 400, 0, 1)
    lost = later * (steps < 8000)
    test = np.stack([late, later, 0 * late, 0.4 * late, lost, late])
    train = np.stack([rise, rise, rise, rise, rise, 0 * rise])
    losses = 10.0 ** -(8 * np.stack([train, test]))
    by_ratio = [
        {"loss": loss, "ratio": ratio, "labels": outcome_by_ratio(*losses, loss_threshold=loss, ratio_threshold=ratio)}
        for loss in (1e-5, 1e-2)
        for ratio in (5e4, 1e7)
    ]
    found = outcome_by_ratio(*losses)
    time = {delay: outcome_by_time(steps, train, test, chance=0.02, min_delay=delay) for delay in (0, 200, 1000, 5500)}
    return {
        "min_train": plain(found.min_train),
        "min_test": plain(found.min_test),
        "max_ratio": plain(found.max_ratio),
        "ratio": [{**row, "labels": row["labels"].label.tolist()} for row in by_ratio],
        "t_mem": plain(time[1000].t_mem),
        "t_gen": plain(time[1000].t_gen),
        "time": {str(delay): outcome.label.tolist() for delay, outcome in time.items()},
    }


def training() -> dict[str, Any]:
    """Weights, gradients and ten steps of AdamW of the network that is trained in the page; float64."""
    settings = Training(steps=10, lr=0.01, weight_decay=0.5, beta2=0.98, precision="float64", loss="cross_entropy")
    experiment = Experiment(
        name="web",
        task=ModularArithmetic(p=7, pairs="unordered", train_fraction=0.5),
        model=ModularMLP(d_mlp=4, d_embed=5),
        training=settings,
    )
    population = Population.start([experiment])
    before = {name: plain(value[0]) for name, value in population.params.items()}
    train, test = (population.data.splits[name] for name in ("train", "test"))
    with torch.no_grad():
        loss, gradient = population.gradient(0)
        for step in range(10):
            population.advance(step)
        after = {name: plain(value[0]) for name, value in population.params.items()}
        evaluated = population.model.forward(population.params, test.inputs)
        losses = population.loss.rows(evaluated, test.targets)[0]
        right = evaluated[0].argmax(-1) == test.targets[0]
    return {
        "settings": {"p": 7, "hidden": 4, "embed": 5, "lr": 0.01, "weightDecay": 0.5, "fraction": 0.5, "seed": 0},
        "train": {
            "a": plain(train.inputs[0, :, 0]),
            "b": plain(train.inputs[0, :, 1]),
            "label": plain(train.targets[0]),
        },
        "test": {"a": plain(test.inputs[0, :, 0]), "b": plain(test.inputs[0, :, 1]), "label": plain(test.targets[0])},
        "before": before,
        "loss": float(loss[0]),
        "gradient": {name: plain(value[0]) for name, value in gradient.items()},
        "after": after,
        "test_loss": float(losses.mean()),
        "test_accuracy": float(right.double().mean()),
    }


def rows_of(batch: Batch) -> dict[str, Any]:
    """The rows of a split as the front end keeps them."""
    a, b = batch.inputs[0].T
    return {"a": plain(a), "b": plain(b), "label": plain(batch.targets[0])}


def packed() -> bytes:
    """A pack with every kind of number a view reads."""
    return pack(
        {"p": 5, "word": "Fourier é"},
        {
            "half": np.array([[0.5, -2.25], [65504, 6e-8]], dtype=np.float16),
            "single": np.array([1.5, np.nan, np.inf], dtype=np.float32),
            "double": np.array([np.pi]),
            "steps": np.array([0, 100, 2_000_000], dtype=np.int32),
            "bytes": np.array([0, 255], dtype=np.uint8),
        },
    )


def plain(value: Any) -> list[Any]:
    """Numbers as JSON, ten digits; inf as the word."""
    flat = np.asarray(value).reshape(-1).tolist()
    return [("inf" if v == np.inf else float(f"{v:.10g}")) if isinstance(v, float) else v for v in flat]


def text() -> str:
    """The file's content."""
    return json.dumps(numbers(), indent=0, allow_nan=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text())
