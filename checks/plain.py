"""What every check needs: a split, a loop over one network, the time of an event, a straight line."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def pairs(p: int, unordered: bool) -> Tensor:
    """All pairs of residues, [pair, 2], or those with a <= b."""
    return torch.tensor([(a, b) for a in range(p) for b in range(p) if a <= b or not unordered])


def shuffled(count: int, seed: int) -> Tensor:
    """The numbers below `count` in random order."""
    return torch.from_numpy(np.random.default_rng(1000 + seed).permutation(count))


def log_spaced(total: int, per_decade: int) -> list[int]:
    """0 and about so many steps for each factor of ten, with the last."""
    count = math.ceil(math.log10(total) * per_decade)
    return sorted({0, total, *(round(10 ** (i / per_decade)) for i in range(count))})


def descend(
    weights: Sequence[Tensor],
    loss: Callable[[], Tensor],
    optimiser: torch.optim.Optimizer,
    logs: Sequence[int],
    look: Callable[[int], bool | None],
    after: Callable[[], None] | None = None,
) -> None:
    """Full-batch steps up to the last log; `look` sees every logged step and may end it by returning True."""
    seen = set(logs)
    for step in range(max(logs) + 1):
        if step in seen:
            with torch.no_grad():
                if look(step):
                    return
        if step == max(logs):
            return
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
        if after is not None:
            with torch.no_grad():
                after()


def adamw(
    weights: Sequence[Tensor], lr: float, decay: float, beta1: float = 0.9, beta2: float = 0.98
) -> torch.optim.AdamW:
    """The library's own AdamW."""
    return torch.optim.AdamW(weights, lr=lr, betas=(beta1, beta2), weight_decay=decay)


def falling(
    optimiser: torch.optim.Optimizer, steps: int, warmup: int, floor: float = 0.0
) -> torch.optim.lr_scheduler.LambdaLR:
    """The rate rises linearly over `warmup` steps and falls along a cosine to `floor` of it; `.step()` after each."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        way = min((step - warmup) / (steps - warmup), 1.0)
        return floor + (1 - floor) * (1 + math.cos(math.pi * way)) / 2

    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def clipping(optimiser: torch.optim.Optimizer, weights: Sequence[Tensor], limit: float, by: str) -> None:
    """Before every step gradients are clipped: each element ("value"), or the length of all together ("norm")."""
    clip = {"value": torch.nn.utils.clip_grad_value_, "norm": torch.nn.utils.clip_grad_norm_}[by]
    optimiser.register_step_pre_hook(lambda *_: clip(weights, limit) and None)


def right(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is that of the label."""
    return float((logits.argmax(-1) == labels).double().mean())


def since(steps: Sequence[int], values: Sequence[float], level: float, logs: int = 3) -> float:
    """First step at which, and for so many logs on, a value is at least the level; inf if never."""
    for i in range(len(values) - logs + 1):
        if all(value >= level for value in values[i : i + logs]):
            return float(steps[i])
    return math.inf


def settled(values: Sequence[float], level: float, logs: int = 3) -> bool:
    """Whether the last logs are all at or above a level."""
    return len(values) >= logs and all(value >= level for value in values[-logs:])


def gradient_of_line(x: Sequence[float], y: Sequence[float]) -> float:
    """Slope of the least-squares line."""
    return float(np.polyfit(np.asarray(x, dtype=float), np.asarray(y, dtype=float), 1)[0])
