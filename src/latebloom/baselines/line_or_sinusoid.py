"""The optimum of mixtures of one-dimensional functions: lines, sinusoids of unknown frequency, sums of both.

The testbed: x ~ N(0, 1); a line a x with a ~ N(0, 1); a sinusoid alpha sin(omega x) + beta cos(omega x) with alpha,
beta ~ N(0, 1) and omega uniform on an interval. Given omega everything is linear and Gaussian, so the optimum needs
one grid over omega and no more.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.mixture_posterior import Hypotheses, LinearHypotheses, MixturePosterior
from latebloom.baselines.predictor import positive
from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class SinusoidHypotheses:
    """Sine, cosine and, where `line` is not 0, x itself, at every frequency of a uniform grid.

    `sinusoid` and `line` are the prior standard deviations: with (1 - lam, lam) these are the convex combinations of
    a sinusoid and a line with known lam.
    """

    name: str = "sinusoid"
    low: float = 1.0  # radians per unit of x
    high: float = 5.0
    grid: int = 81
    sinusoid: float = 1.0
    line: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high or self.grid < 1:
            raise LatebloomError(
                f"Class {self.name!r}: {self.grid} frequencies from {self.low} to {self.high} are no grid; "
                "it needs 0 <= low <= high and at least one point."
            )
        if min(self.sinusoid, self.line) < 0:
            raise LatebloomError(f"Class {self.name!r}: standard deviations must be at least 0.")

    def variances(self, d: int) -> Float[Tensor, "feature component"]:
        """Squares of the two standard deviations, at every frequency."""
        if d != 1:
            raise LatebloomError(f"Class {self.name!r} has functions of one number; the inputs have {d} dimensions.")
        parts = [self.sinusoid**2, self.sinusoid**2] + ([self.line**2] if self.line else [])
        return torch.tensor(parts, dtype=torch.float64)[:, None].expand(-1, self.grid)

    def features(self, x: Float[Tensor, "place d prompt"]) -> Float[Tensor, "place feature component prompt"]:
        """(sin omega x, cos omega x) or (sin omega x, cos omega x, x)."""
        angle = torch.linspace(self.low, self.high, self.grid, dtype=x.dtype)[:, None] * x
        parts = [angle.sin(), angle.cos()] + ([x.expand_as(angle)] if self.line else [])
        return torch.stack(parts, 1)


def line_or_sinusoid(
    line_weight: float = 0.5, noise_variance: float = 0.01, low: float = 1.0, high: float = 5.0, grid: int = 81
) -> MixturePosterior:
    """The optimum of the line/sinusoid mixture; its classes are `line` and `sinusoid`, in this order."""
    classes: list[Hypotheses] = [LinearHypotheses("line", 1.0), SinusoidHypotheses(low=low, high=high, grid=grid)]
    return MixturePosterior(classes, [line_weight, 1 - line_weight], noise_variance)


def combination_optimum(
    line_share: float, noise_variance: float = 0.01, low: float = 1.0, high: float = 5.0, grid: int = 81
) -> MixturePosterior:
    """What a predictor could do that knows it sees line_share * line + (1 - line_share) * sinusoid."""
    positive("combination_optimum", noise_variance=noise_variance)
    if not 0 <= line_share <= 1:
        raise LatebloomError(f"combination_optimum: line_share = {line_share} must be between 0 and 1.")
    whole = SinusoidHypotheses("combination", low, high, grid, sinusoid=1 - line_share, line=line_share)
    return MixturePosterior([whole], [1.0], noise_variance)
