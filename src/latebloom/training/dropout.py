"""Dropout as a tap: at the hook points a model names, each member's activations are thinned out by masks of its own.

A mask is a function of (member's seed, step, how many were drawn before it in the pass): a member is the same alone,
and an interrupted run goes on exactly.
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
            keep = 1 - self.rate
            mask = torch.empty(value.shape, dtype=value.dtype, device=value.device)
            for own, generator in zip(mask, draws, strict=True):
                own.bernoulli_(keep, generator=generator)
            return value * mask.div_(keep)

        return thin


def _generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """PyTorch's own generator, for speed; its state comes from our hashed streams."""
    return torch.Generator(device).manual_seed(int(stream(seed, "dropout", step).integers(1 << 62)))
