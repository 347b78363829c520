"""The optimum for Fourier series of an unknown number of terms, as a class of a mixture (Panwar et al. 2024)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.predictor import positive, whole
from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class FourierHypotheses:
    """sum over n = 1 .. N of (a_n cos + b_n sin)(pi n x / L) / sqrt(N), a, b ~ N(0, variance): a component for each N.

    The posterior over N says which frequencies a predictor should prefer on a prompt.
    """

    name: str = "fourier"
    terms: int = 10
    half_period: float = 5.0  # L
    variance: float = 1.0  # of a value

    def __post_init__(self) -> None:
        whole(f"Class {self.name!r}", terms=self.terms)
        positive(f"Class {self.name!r}", half_period=self.half_period, variance=self.variance)

    def variances(self, d: int) -> Float[Tensor, "feature component"]:
        """Variance / N for the cosines and sines of the first N frequencies, 0 for the others."""
        if d != 1:
            raise LatebloomError(f"Class {self.name!r} has functions of one number; the inputs have {d} dimensions.")
        count = torch.arange(1, self.terms + 1, dtype=torch.float64)
        used = self.variance * (torch.arange(self.terms)[:, None] < count) / count
        return torch.cat([used, used])

    def features(self, x: Float[Tensor, "place d prompt"]) -> Float[Tensor, "place feature component prompt"]:
        """Cosines, then sines, the same for every component."""
        angle = math.pi / self.half_period * torch.arange(1, self.terms + 1, dtype=x.dtype)[:, None] * x
        return torch.cat([angle.cos(), angle.sin()], 1)[:, :, None].expand(-1, -1, self.terms, -1)
