"""Claim 53: how many neurons fold near the training points, while two hidden layers memorise and generalise."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line, share
from checks.networks import one_hot, perceptron
from checks.plain import adamw, descend, log_spaced, pairs, right, shuffled, since

P, POINTS, DIRECTIONS, RADIUS = 47, 192, 25, 0.005


def frames(count: int, width: int) -> Tensor:
    """A random orthonormal frame for each point, by Gram-Schmidt: [point, direction, width]."""
    drawn = torch.from_numpy(np.random.default_rng(9).standard_normal((count, DIRECTIONS, width)))
    found: list[Tensor] = []
    for own in drawn.unbind(1):
        for other in found:
            own = own - (own * other).sum(-1, keepdim=True) * other
        found.append(own / own.norm(dim=-1, keepdim=True))
    return torch.stack(found, 1).float()


def curve(decay: float, steps: int, seed: int) -> tuple[list[int], list[float], float, float]:
    """Logged steps, folds near training points at each, and the steps of 99 % train and 95 % test accuracy."""
    table = pairs(P, unordered=False)
    order = shuffled(len(table), seed)
    cut = int(0.6 * len(table))
    train, test = (one_hot(table[part], P) for part in (order[:cut], order[cut:]))
    answers = [table[part].sum(1) % P for part in (order[:cut], order[cut:])]
    weights, layers = perceptron((2 * P, 64, 64, P), seed, bias=True)
    offsets = RADIUS * frames(POINTS, 2 * P)
    around = (train[:POINTS, None] + torch.cat([offsets, -offsets], 1)).flatten(0, 1)
    logs = log_spaced(steps, 10)
    folds: list[float] = []
    fits: list[float] = []
    tests: list[float] = []

    def look(step: int) -> None:
        fits.append(right(layers(train)[-1], answers[0]))
        tests.append(right(layers(test)[-1], answers[1]))
        on = [(sums > 0).view(POINTS, 2 * DIRECTIONS, -1).sum(1) for sums in layers(around)[:-1]]
        folds.append(sum(float(((o > 0) & (o < 2 * DIRECTIONS)).sum()) for o in on) / POINTS)

    descend(weights, lambda: cross_entropy(layers(train)[-1], answers[0]), adamw(weights, 3e-3, decay), logs, look)
    return logs, folds, since(logs, fits, 0.99, 1), since(logs, tests, 0.95)


def falls_rises_falls(values: list[float]) -> bool:
    """A drop by a tenth from the beginning, then a rise by a tenth, then a drop by a tenth; medians of three logs."""
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(values, 1, mode="edge"), 3), axis=1)
    for peak in range(len(smooth)):
        lowest, later = smooth[: peak + 1].min(), smooth[peak:].min()
        if lowest <= 0.9 * smooth[0] and smooth[peak] >= 1.1 * lowest and smooth[peak] >= 1.1 * later:
            return True
    return False


def folds(seeds: int, steps: int = 5000) -> list[Line]:
    """Mod 47, two hidden layers of 64 with biases, f 0.6, lr 0.003, decay 1 and 0."""
    seen: dict[float, list[bool]] = {}
    for decay in (1.0, 0.0):
        seen[decay] = []
        for seed in range(seeds):
            logs, values, fitted, done = curve(decay, steps, seed)
            seen[decay].append(falls_rises_falls(values))
            some = {logs[i]: round(values[i], 2) for i in range(0, len(logs), 4)}
            print(f"  decay {decay:g}, seed {seed}: fits {fitted}, generalises {done}, folds {some}", flush=True)
    return [
        share("grokking.53", "fall, rise, fall; decay 1", seen[1.0], 0.5, 1, "fall, rise, fall"),
        share("grokking.53", "fall, rise, fall; decay 0 (control)", seen[0.0], 0.5, 1, None),
    ]
