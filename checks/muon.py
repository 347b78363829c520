"""Claim 49: does PyTorch's own Muon bring generalisation forward?"""

import math
from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy

from checks.compare import Line
from checks.networks import one_hot
from checks.plain import adamw, descend, pairs, right, settled, shuffled, since

P, WIDTH = 43, 100
MUON = ((0.05, 1.0), (0.05, 0.3), (0.02, 0.3))  # rate and decay: where the ledger's grid comes furthest
ADAMW = (0.01, 4.0)
ALL, MIDDLE, NONE = (0, 1, 2), (1,), ()  # which of the three matrices Muon moves; AdamW has the others


def time_to_generalise(
    by_muon: Sequence[int], rate: tuple[float, float], seed: int, steps: int = 2000, p: int = P
) -> tuple[float, float]:
    """Step from which three logs in a row are at 95 % test accuracy (inf: none), and the last test accuracy."""
    table = pairs(p, unordered=False)
    order = shuffled(len(table), seed)
    cut = len(table) // 2
    train, test = (one_hot(table[part], p) for part in (order[:cut], order[cut:]))
    answers = [table[part].sum(1) % p for part in (order[:cut], order[cut:])]
    torch.manual_seed(77_000 + seed)
    sizes = (2 * p, WIDTH, WIDTH, p)
    linears = [torch.nn.Linear(sizes[i], sizes[i + 1], bias=False) for i in range(3)]
    net = torch.nn.Sequential(linears[0], torch.nn.ReLU(), linears[1], torch.nn.ReLU(), linears[2])
    parts: list[torch.optim.Optimizer] = []
    if by_muon:
        parts.append(torch.optim.Muon([linears[i].weight for i in by_muon], lr=rate[0], weight_decay=rate[1]))
    if rest := [linear.weight for i, linear in enumerate(linears) if i not in by_muon]:
        parts.append(adamw(rest, *ADAMW))
    logs = list(range(0, steps + 1, 10))
    tests: list[float] = []

    def look(step: int) -> bool:
        tests.append(right(net(test), answers[1]))
        return settled(tests, 0.95)

    def others() -> None:
        for part in parts[1:]:
            part.step()
            part.zero_grad()

    descend(list(net.parameters()), lambda: cross_entropy(net(train), answers[0]), parts[0], logs, look, others)
    return since(logs[: len(tests)], tests, 0.95), tests[-1]


def muon(seeds: int, steps: int = 2000) -> list[Line]:
    """Mod 43, two hidden layers of 100: Muon on all matrices, Muon on the middle one, AdamW."""
    plain = [time_to_generalise(NONE, ADAMW, seed, steps) for seed in range(seeds)]
    print(f"  AdamW {ADAMW}: {_told(plain)}", flush=True)
    lines = []
    for words, matrices, estimate in (("all matrices", ALL, ""), ("the middle one alone", MIDDLE, None)):
        best = [math.inf] * seeds
        for rate in MUON:
            own = [time_to_generalise(matrices, rate, seed, steps) for seed in range(seeds)]
            print(f"  Muon on {words} {rate}: {_told(own)}", flush=True)
            best = [min(old, new) for old, (new, _) in zip(best, own, strict=True)]
        gains = [first / second for (first, _), second in zip(plain, best, strict=True) if math.isfinite(first)]
        lines.append(Line("grokking.49", f"speed-up, Muon on {words}, best of three", gains, 1, math.inf, estimate))
    return lines


def _told(runs: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{time:g} ({accuracy:.2f})" for time, accuracy in runs)
