"""Dropout as a tap: at the hook points a model names, each member's activations are thinned out by masks of its own.

A mask is a function of (member's seed, step, how many were drawn before it in the pass), so an interrupted run goes on
exactly. A member is the same alone where its rows have the same shape alone; batches padded to the longest sequence
of a whole population need not.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from latebloom.models.base import Tap, untapped
from latebloom.randomness import stream


class Dropout:
    """Srivastava et al. 2014, the inverted form: kept activations are divided by the share that is kept."""

    def __init__(self, rate: float, at: Sequence[str], seeds: Sequence[int]) -> None:
        self.rate, self.at, self.seeds = rate, tuple(at), list(seeds)

    def tap(self, step: int) -> Tap:
        """The tap of one training step; the one that leaves everything alone where the rate is 0."""
        if not self.rate:
            return untapped
        draws: list[torch.Generator] = []

        def thin(name: str, value: Tensor) -> Tensor:
            if not name.endswith(self.at):
                return value
            if not draws:
                draws.extend(_generator(seed, step, value.device) for seed in self.seeds)
            kept = torch.stack([_kept(value[0].numel(), 1 - self.rate, generator) for generator in draws])
            return value * kept.view(value.shape).to(value.dtype).div_(1 - self.rate)

        return thin


def _kept(count: int, share: float, generator: torch.Generator) -> Tensor:
    """Which of `count` activations stay: sixteen random bits each, which cost a third of `bernoulli_`'s numbers."""
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=generator.device)
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[:count] < round(share * 2**16) - 2**15


def _generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """PyTorch's own generator, for speed; its state comes from our hashed streams."""
    return torch.Generator(device).manual_seed(int(stream(seed, "dropout", step).integers(1 << 62)))
