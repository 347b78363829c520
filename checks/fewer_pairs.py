"""Claims 38 and 39: going on with fewer pairs, at three strengths of decay, and beginning with as few."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line
from checks.networks import explorable
from checks.plain import adamw, descend, pairs, right, shuffled

P, WHOLE, STEPS = 43, 800, 4000
FROM_SCRATCH = (240, 280, 330, 400)
COMING_DOWN = {0.3: (160, 200, 240, 280, 340), 1.0: (120, 160, 200, 240, 280, 340, 420), 3.0: (120, 160, 200, 240)}


def ends(
    start: Sequence[Tensor] | None, size: int, decay: float, steps: int, seed: int
) -> tuple[list[Tensor], float, float]:
    """Weights after training on the first `size` pairs; accuracy on all others, and on those beyond the first 800."""
    table = pairs(P, unordered=True)[shuffled(P * (P + 1) // 2, seed)]
    labels = table.sum(1) % P
    weights, logits = explorable(P, 128, 48, seed)
    if start is not None:
        with torch.no_grad():
            for weight, value in zip(weights, start, strict=True):
                weight.copy_(value)
    train, answer = table[:size], labels[:size]
    optimiser = adamw(weights, 1e-2, decay, beta2=0.999)
    descend(weights, lambda: cross_entropy(logits(train), answer), optimiser, [steps], lambda step: None)
    with torch.no_grad():
        never = right(logits(table[WHOLE:]), labels[WHOLE:])
        return [weight.detach().clone() for weight in weights], right(logits(table[size:]), labels[size:]), never


def crossing(sizes: Sequence[int], values: Sequence[float], level: float) -> float:
    """The size at which a curve passes a level for the last time, between sizes on a log scale; nan outside."""
    for i in reversed(range(len(sizes) - 1)):
        if values[i] < level <= values[i + 1]:
            part = (level - values[i]) / (values[i + 1] - values[i])
            return float(sizes[i] * (sizes[i + 1] / sizes[i]) ** part)
        if values[i] < level:
            return math.nan
    return math.nan


def fewer_pairs(seeds: int, steps: int = STEPS) -> list[Line]:
    """Mod 43, inner size 128, 48 neurons, lr 0.01; the weakest decay also for as many e-folds as decay 1."""
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        begun = ends(None, WHOLE, 1.0, steps, seed)[0]
        up = [ends(None, size, 1.0, steps, seed)[1] for size in FROM_SCRATCH]
        down = {wd: [ends(begun, size, wd, steps, seed) for size in sizes] for wd, sizes in COMING_DOWN.items()}
        long = [ends(begun, size, 0.3, round(steps / 0.3), seed)[1] for size in COMING_DOWN[0.3]]
        curves = {wd: [test for _, test, _ in own] for wd, own in down.items()}
        unseen = {wd: [never for _, _, never in own] for wd, own in down.items()}
        print(
            f"  seed {seed}: up {_told(up)}; "
            f"down {[(wd, _told(own)) for wd, own in curves.items()]}; long {_told(long)}",
            flush=True,
        )
        half = {wd: crossing(COMING_DOWN[wd], curves[wd], 0.5) for wd in COMING_DOWN}
        own = {
            "largest": curves[1.0][-1],
            "smallest": curves[1.0][0],
            "sharp": crossing(COMING_DOWN[1.0], curves[1.0], 0.75) / crossing(COMING_DOWN[1.0], curves[1.0], 0.25),
            "decays": half[3.0] / half[0.3],
            "unseen": crossing(COMING_DOWN[3.0], unseen[3.0], 0.5) / crossing(COMING_DOWN[0.3], unseen[0.3], 0.5),
            "long": half[3.0] / crossing(COMING_DOWN[0.3], long, 0.5),
            "hysteresis": crossing(FROM_SCRATCH, up, 0.7) / crossing(COMING_DOWN[1.0], curves[1.0], 0.7),
        }
        for name, value in own.items():
            found.setdefault(name, []).extend([value] if math.isfinite(value) else [])
    between = "D'(0.5), largest / smallest decay"
    return [
        Line("grokking.38", "accuracy at the largest D'", found["largest"], 0.9, 1, "largest D'"),
        Line("grokking.38", "accuracy at the smallest D'", found["smallest"], 0, 0.5, "smallest D'"),
        Line("grokking.38", "D'(0.75) / D'(0.25)", found["sharp"], 0, 2, "D'(0.75) / D'(0.25)"),
        Line("grokking.38", between, found["decays"], 0.8, 1.25, between),
        Line("grokking.38", "the same, on pairs never trained on", found["unseen"], 0.8, 1.25),
        Line("grokking.38", "the same, decay 0.3 for 13,333 steps", found["long"], 0.8, 1.25),
        Line("grokking.39", "D from scratch / coming down", found["hysteresis"], 1.5, math.inf, ""),
    ]


def _told(values: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)
