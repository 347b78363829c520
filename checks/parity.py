"""Claims 23 and 26: the floor of a float32 loss, and how sharp the switch of a parity network is."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line, share
from checks.networks import generator, uniform
from checks.plain import adamw, descend, right, since

FLOOR = 2.0**-23


def rows_of(count: int, seed: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows of 30 random bits, and the parity of the first three."""
    bits = np.random.default_rng(40_000 + seed).integers(0, 2, (count, 30))
    return torch.from_numpy(bits).to(dtype), torch.from_numpy(bits[:, :3].sum(1) % 2)


class Network:
    """A linear layer with a bias that starts at 0, ReLU, one output column z; the logits are (0, z)."""

    def __init__(self, hidden: int, seed: int, dtype: torch.dtype) -> None:
        source = generator(seed)
        self.W, self.out = (uniform(shape, source, dtype) for shape in ((30, hidden), (hidden, 1)))
        self.b = torch.zeros(hidden, dtype=dtype, requires_grad=True)
        self.weights = [self.W, self.b, self.out]

    def logits(self, bits: Tensor) -> Tensor:
        """[row, 2]."""
        z = torch.relu(bits @ self.W + self.b) @ self.out
        return torch.cat([torch.zeros_like(z), z], 1)


def floor_run(decay: float, dtype: torch.dtype, steps: int, seed: int) -> dict[str, float | list[float]]:
    """16 neurons, 1,500 rows, lr 0.003: losses at every hundredth step, rows without any loss, the largest margin."""
    bits, labels = rows_of(1500 + 5000, seed, dtype)
    network = Network(16, seed, dtype)
    train: list[float] = []
    test: list[float] = []
    zeros: list[float] = []
    margins: list[float] = []

    def look(step: int) -> None:
        logits = network.logits(bits)
        losses = cross_entropy(logits, labels, reduction="none")
        train.append(float(losses[:1500].mean()))
        test.append(float(losses[1500:].mean()))
        zeros.append(float((losses[:1500] == 0).double().mean()))
        z = logits[:1500, 1] * (2 * labels[:1500] - 1)
        margins.append(float(z.max()))

    def loss() -> Tensor:
        return cross_entropy(network.logits(bits[:1500]), labels[:1500])

    optimiser = adamw(network.weights, 3e-3, decay, beta1=0.99, beta2=0.98)
    descend(network.weights, loss, optimiser, list(range(0, steps + 1, 100)), look)
    return {"train": train, "test": test, "zeros": max(zeros), "margin": max(margins)}


def label(train: list[float], test: list[float], floor: float) -> str:
    """The page's rule, with losses raised to a floor."""
    train, test = ([max(value, floor) for value in values] for values in (train, test))
    if min(train) > 1e-5:
        return "nothing"
    if min(test) > 1e-5:
        return "memorise only"
    ratios = [t / max(own, 1e-300) for own, t in zip(train, test, strict=True)]
    return "grok" if max(ratios) >= 5e4 else "together"


def floor(seeds: int, steps: int = 10_000) -> list[Line]:
    """The same cells and seeds in both precisions."""
    low, only, changed, shares = [], [], [], []
    for seed in range(seeds):
        for decay in (0.03, 0.1):
            single, double = (floor_run(decay, dtype, steps, seed) for dtype in (torch.float32, torch.float64))
            low.append(min(single["train"]) <= FLOOR)
            only.append(single["zeros"] > 0 and double["zeros"] == 0)
            shares.append(double["zeros"])
            names = [label(double["train"], double["test"], cut) for cut in (0.0, FLOOR)]
            changed.append(names[0] != names[1])
            print(
                f"  seed {seed}, decay {decay}: rows without loss, float32 {single['zeros']:.3f}, float64 "
                f"{double['zeros']:.4f}; "
                f"lowest mean loss {min(single['train']):.2g}, {min(double['train']):.2g}; largest margin in float64 "
                f"{double['margin']:.1f}; labels in float64 {names[0]}, cut off {names[1]}",
                flush=True,
            )
    return [
        share("grokking.23", "at the floor (twins)", low, 0.8, 1, "at the floor"),
        share("grokking.23", "exact zeros only in float32", only, 0.8, 1, "exact zeros only in float32"),
        share("grokking.23", "label changes", changed, 0.05, 1, "label changes"),
        Line("grokking.23", "most rows of loss 0 in float64", shares),
    ]


def switch_run(steps: int, seed: int) -> dict[str, np.ndarray]:
    """64 neurons, 1,200 rows, Adam at 8e-4 with 3e-6 sign(w) added to the gradient; every 50 steps."""
    bits, labels = rows_of(1200 + 5000, 100 + seed, torch.float32)
    network = Network(64, seed, torch.float32)
    kept: dict[str, list] = {name: [] for name in ("train", "test", "loss", "digit", "distractor", "bulk", "W")}
    for weight in network.weights:
        weight.register_hook(lambda grad, own=weight: grad + 3e-6 * own.detach().sign())

    def look(step: int) -> None:
        logits = network.logits(bits)
        strength = (network.W * network.out[:, 0]).abs()
        kept["train"].append(right(logits[:1200], labels[:1200]))
        kept["test"].append(right(logits[1200:], labels[1200:]))
        kept["loss"].append(float(cross_entropy(logits[1200:], labels[1200:])))
        kept["digit"].append(float(strength[:3].max()))
        kept["distractor"].append(float(strength[3:].max()))
        kept["bulk"].append(float(network.W[3:].abs().sum()))
        kept["W"].append(network.W.detach().flatten().numpy().copy())

    def loss() -> Tensor:
        return cross_entropy(network.logits(bits[:1200]), labels[:1200])

    optimiser = torch.optim.Adam(network.weights, lr=8e-4, betas=(0.99, 0.98))
    descend(network.weights, loss, optimiser, list(range(0, steps + 1, 50)), look)
    return {name: np.array(values) for name, values in kept.items()}


def switch(seeds: int, steps: int = 8000) -> list[Line]:
    """Claim 26: how much of the time the drop takes, how fast weights go in it, when the last distractor is gone."""
    found: dict[str, list[float]] = {"share": [], "speed": [], "last": [], "bulk": []}
    for seed in range(seeds):
        own = switch_run(steps, seed)
        logs = list(range(0, steps + 1, 50))
        fitted, done = since(logs, own["train"].tolist(), 0.99, 1), since(logs, own["test"].tolist(), 0.95)
        strong = own["distractor"] > 0.05 * own["digit"]
        if not math.isfinite(done) or done < 2 * fitted or strong[-1]:
            print(f"  seed {seed}: fits {fitted}, generalises {done}: left out", flush=True)
            continue
        first = int(fitted) // 50
        log = np.log(np.maximum(own["loss"], FLOOR))
        top = first + int(log[first:].argmax())
        fall = (log[top] - log[top:]) / (log[top] - log[top:].min())
        end = top + next(i for i, part in enumerate(fall) if part >= 0.9)
        middle = top + next(i for i, part in enumerate(fall) if part >= 0.5)
        start = top + max(i for i, part in enumerate(fall[: end - top + 1]) if part <= 0.1)
        paths = np.abs(np.diff(own["W"][first : end + 1], axis=0))
        large = np.abs(own["W"][first : end + 1]).max(0)
        kept = large >= 0.1 * large.max()
        inside = paths[start - first :, kept].sum(0) / paths[:, kept].sum(0)
        part = (end - start) / (end - first)
        last = int(np.flatnonzero(strong)[-1]) + 1
        half = next(i for i in range(first, len(logs)) if own["bulk"][i] <= 0.5 * own["bulk"][first])
        print(
            f"  seed {seed}: fits {fitted:.0f}, drop {50 * start} to {50 * end}, half at {50 * middle}, last "
            f"distractor {50 * last}, half of the distractors {50 * half}",
            flush=True,
        )
        for name, value in (
            ("share", part),
            ("speed", float(np.median(inside)) / part),
            ("last", last / middle),
            ("bulk", half / middle),
        ):
            found[name].append(value)
    return [
        Line("grokking.26", "share of time", found["share"], 0, 0.4, "share of time"),
        Line("grokking.26", "speed of weights", found["speed"], 0, 2, "speed of weights"),
        Line("grokking.26", "last distractor / drop", found["last"], 0.8, 1.25, "last distractor / drop"),
        Line("grokking.26", "half of the distractors / drop (control)", found["bulk"], 0.8, 1.25),
    ]
