"""Claims 38 and 39: going on with fewer pairs, at three strengths of decay, and beginning with as few."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from checks.compare import Line
from checks.networks import explorable, explorable_logits, stacked
from checks.plain import adamw, descend, pairs, shuffled

P, WHOLE, STEPS = 43, 800, 4000
FROM_SCRATCH = (240, 280, 330, 400)
COMING_DOWN = {0.3: (160, 200, 240, 280, 340), 1.0: (120, 160, 200, 240, 280, 340, 420), 3.0: (120, 160, 200, 240)}
Ends = list[tuple[float, float]]  # of each network: accuracy on all pairs it has not, and on those beyond the first 800


def ends(weights: list[Tensor], seeds: Sequence[int], sizes: Sequence[int], decay: float, steps: int) -> Ends:
    """Trains networks side by side, in place, each on the first pairs of its own order."""
    table = pairs(P, unordered=True)
    own = torch.stack([table[shuffled(len(table), seed)] for seed in seeds])
    labels = own.sum(2) % P
    longest = max(sizes)
    train, answers = own[:, :longest], labels[:, :longest].flatten()
    share = torch.tensor([[(row < size) / size for row in range(longest)] for size in sizes]).flatten()

    def loss() -> Tensor:
        each = cross_entropy(explorable_logits(weights, train).flatten(0, 1), answers, reduction="none")
        return (each * share).sum()

    descend(weights, loss, adamw(weights, 1e-2, decay, beta2=0.999), [steps], lambda step: None)
    with torch.no_grad():
        good = (explorable_logits(weights, own).argmax(2) == labels).double()
    return [(float(row[size:].mean()), float(row[WHOLE:].mean())) for row, size in zip(good, sizes, strict=True)]


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
    """Mod 43, inner size 128, 48 neurons, lr 0.01, beta2 0.999; 4,000 steps, and 4,000 more with fewer pairs."""
    networks = [explorable(P, 128, 48, seed) for seed in range(seeds)]
    begun = stacked(networks)
    ends(begun, range(seeds), [WHOLE] * seeds, 1.0, steps)

    def curves(start: list[Tensor], sizes: Sequence[int], decay: float, count: int) -> list[Ends]:
        """For each seed, what its networks of all sizes came to."""
        members = list(itertools.product(range(seeds), sizes))
        own = [weight.detach()[[seed for seed, _ in members]].clone().requires_grad_() for weight in start]
        found = ends(own, [seed for seed, _ in members], [size for _, size in members], decay, count)
        return [found[seed * len(sizes) : (seed + 1) * len(sizes)] for seed in range(seeds)]

    up = curves(stacked(networks), FROM_SCRATCH, 1.0, steps)
    down = {decay: curves(begun, sizes, decay, steps) for decay, sizes in COMING_DOWN.items()}
    found: dict[str, list[float]] = {}
    for seed in range(seeds):
        test = {decay: [other for other, _ in own[seed]] for decay, own in down.items()}
        never = {decay: [beyond for _, beyond in own[seed]] for decay, own in down.items()}
        scratch = [other for other, _ in up[seed]]
        print(f"  seed {seed}: from scratch {_told(FROM_SCRATCH, scratch)}", flush=True)
        for decay, sizes in COMING_DOWN.items():
            print(f"    down, decay {decay:g}: {_told(sizes, test[decay])}", flush=True)
        half = {decay: crossing(sizes, test[decay], 0.5) for decay, sizes in COMING_DOWN.items()}
        beyond = {decay: crossing(sizes, never[decay], 0.5) for decay, sizes in COMING_DOWN.items()}
        quarter, three, most = (crossing(COMING_DOWN[1.0], test[1.0], level) for level in (0.25, 0.75, 0.7))
        own = {
            "largest": test[1.0][-1],
            "smallest": test[1.0][0],
            "sharp": three / quarter,
            "decays": half[3.0] / half[0.3],
            "never": beyond[3.0] / beyond[0.3],
            "hysteresis": crossing(FROM_SCRATCH, scratch, 0.7) / most,
        }
        for name, value in own.items():
            found.setdefault(name, []).extend([value] if math.isfinite(value) else [])
    between = "D'(0.5), largest / smallest decay"
    return [
        Line("grokking.38", "accuracy at the largest D'", found["largest"], 0.9, 1, "largest D'"),
        Line("grokking.38", "accuracy at the smallest D'", found["smallest"], 0, 0.5, "smallest D'"),
        Line("grokking.38", "D'(0.75) / D'(0.25)", found["sharp"], 0, 2, "D'(0.75) / D'(0.25)"),
        Line("grokking.38", between, found["decays"], 0.8, 1.25, between),
        Line("grokking.38", "the same, on pairs never trained on", found["never"], 0.8, 1.25),
        Line("grokking.39", "D from scratch / coming down", found["hysteresis"], 1.5, math.inf, ""),
    ]


def _told(sizes: Sequence[int], values: Sequence[float]) -> str:
    return ", ".join(f"{size}: {value:.2f}" for size, value in zip(sizes, values, strict=True))
