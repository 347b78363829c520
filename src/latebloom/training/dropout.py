"""Dropout as a tap: at the hook points a model names, each member's activations are thinned out by masks of its own.

A mask is a function of (member's seed, step, how many were drawn before it in the pass), so an interrupted run goes on
exactly. A member is the same alone where its rows have the same shape alone; batches padded to the longest sequence
of a whole population need not.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from latebloom.models.base import Tap, Thinning, untapped
from latebloom.randomness import stream


class Dropout:
    """Srivastava et al. 2014, the inverted form: kept activations are divided by the share that is kept."""

    def __init__(self, rate: float, at: Sequence[str], seeds: Sequence[int]) -> None:
        self.rate, self.at, self.seeds = rate, tuple(at), list(seeds)

    def tap(self, step: int) -> Tap:
        """The tap of one training step; the one that leaves everything alone where the rate is 0."""
        return _Masks(self, step) if self.rate else untapped


class _Masks(Thinning):
    """The masks of one step, drawn one after the other."""

    def __init__(self, dropout: Dropout, step: int) -> None:
        self.dropout, self.step = dropout, step
        self.scale = 1 / (1 - dropout.rate)
        self.draws: list[torch.Generator] = []

    def kept(self, name: str, shape: Sequence[int], like: Tensor) -> Tensor | None:
        """A mask for every member from its own generator."""
        if not name.endswith(self.dropout.at):
            return None
        if not self.draws:
            self.draws = [_generator(seed, self.step, like.device) for seed in self.dropout.seeds]
        masks = torch.empty(tuple(shape), dtype=like.dtype, device=like.device)
        for mask, generator in zip(masks, self.draws, strict=True):
            mask.copy_(_kept(mask.numel(), 1 - self.dropout.rate, generator).view(mask.shape))
        return masks


def _kept(count: int, share: float, generator: torch.Generator) -> Tensor:
    """Which of `count` activations stay, 1 or 0: sixteen random bits each, a third of the cost of `bernoulli_`.

    Whole numbers and not booleans, which PyTorch compares and converts ten times slower on a CPU.
    """
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=generator.device)
    words.random_(-(2**63), None, generator=generator)
    bound = min(round(share * 2**16), 2**16 - 1) - 2**15  # a rate below 1/65,536 is rounded up to it
    return words.view(torch.int16)[:count].lt_(bound)


def _generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """PyTorch's own generator, for speed; its state comes from our hashed streams."""
    return torch.Generator(device).manual_seed(int(stream(seed, "dropout", step).integers(1 << 62)))
