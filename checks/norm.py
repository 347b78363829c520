"""Claim 36: at a clamped norm, does the logit scale alone explain the delay?"""

import itertools
import math

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line
from checks.networks import square
from checks.plain import adamw, descend, log_spaced, pairs, right, settled, shuffled, since

P, WIDTH = 31, 96
NORMS = (37.8, 47.62, 60.0)
SCALES = (0.5, 1.0, 2.0, 4.0)  # at the smallest norm; halved at each larger one, which doubles the logits


def member(norm: float, scale: float, seed: int, limit: int) -> tuple[float, float]:
    """Delay from 99 % train to 95 % test accuracy in steps, and the rms of centred training logits when it begins."""
    table = pairs(P, unordered=False)
    order = shuffled(len(table), seed)
    cut = len(table) // 2
    train, test = table[order[:cut]], table[order[cut:]]
    answers = train.sum(1) % P, test.sum(1) % P
    weights, raw = square(P, WIDTH, seed)
    steps: list[int] = []
    fits: list[float] = []
    tests: list[float] = []
    sizes: list[float] = []

    def logits(rows: Tensor) -> Tensor:
        return scale * raw(rows)

    def look(step: int) -> bool:
        own = logits(train)
        steps.append(step)
        fits.append(right(own, answers[0]))
        tests.append(right(logits(test), answers[1]))
        sizes.append(float((own - own.mean(1, keepdim=True)).square().mean().sqrt()))
        return settled(tests, 0.95)

    def clamp() -> None:
        factor = norm / math.sqrt(sum(float(weight.square().sum()) for weight in weights))
        for weight in weights:
            weight.mul_(factor)

    loss = lambda: cross_entropy(logits(train), answers[0])  # noqa: E731
    descend(weights, loss, adamw(weights, 4e-3, 0.0), log_spaced(limit, 40), look, clamp)
    fitted, done = since(steps, fits, 0.99, 1), since(steps, tests, 0.95)
    if math.isinf(fitted) or math.isinf(done):
        return math.inf, math.nan
    return max(done - fitted, 1.0), sizes[steps.index(int(fitted))]


def explained(y: np.ndarray, *columns: np.ndarray) -> float:
    """Share of the variance of y that a linear fit of the columns takes away; nan for too few points to tell."""
    if len(y) < len(columns) + 3:
        return math.nan
    design = np.stack([np.ones_like(y), *columns], 1)
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(1 - left.var() / y.var())


def norm(seeds: int, limit: int = 10_000) -> list[Line]:
    """Mod 31, 96 squared neurons, cross-entropy: R^2 over all members, and what matching the logit scale takes back."""
    rows, recovered = [], []
    for seed in range(seeds):
        own = {
            (number, scale): member(NORMS[number], scale / 2**number, seed, limit)
            for number, scale in itertools.product(range(len(NORMS)), SCALES)
        }
        told = {key: (delay, round(size, 2)) for key, (delay, size) in own.items()}
        print(f"  seed {seed}: (norm, scale): (delay, rms of logits when fitted) {told}", flush=True)
        rows += [(delay, size, NORMS[number]) for (number, _), (delay, size) in own.items() if math.isfinite(delay)]
        # The temperature 1 at the largest norm is what stands as 4 in the grid, a quarter of it as 1.
        small, large, matched = (math.log(own[key][0]) for key in ((0, 1.0), (2, 4.0), (2, 1.0)))
        if math.isfinite(small + large + matched) and large != small:
            recovered.append((large - matched) / (large - small))
    delays, sizes, norms = np.log(np.array(rows).reshape(-1, 3)).T
    alone, curved = explained(delays, sizes), explained(delays, sizes, sizes**2)
    return [
        Line("grokking.36", "R^2 of the logit scale", [alone], 0.9, 1.0, "R^2 of logit scale"),
        Line("grokking.36", "the norm adds", [explained(delays, sizes, norms) - alone], -1, 0.05, "norm adds"),
        Line("grokking.36", "R^2 of the scale and its square", [curved]),
        Line("grokking.36", "what the norm adds to these", [explained(delays, sizes, sizes**2, norms) - curved]),
        Line("grokking.36", "recovered", recovered, 0.7, 1.3, "recovered"),
    ]
