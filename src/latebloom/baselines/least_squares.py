"""Least squares of minimum norm: the best fit with the shortest weight vector, w = X^+ y."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.predictor import LinearPredictor, prompts


@dataclass(frozen=True)
class LeastSquares(LinearPredictor):
    """w = X^+ y. Noise-free labels of a linear function of Gaussian inputs: expected error (1 - k/d) |w|^2, k <= d."""

    # Singular values below this share of the largest count as zero: contexts with repeated inputs or inputs from a
    # subspace are exactly rank deficient. The solver is LAPACK's pivoted QR on the CPU; solvers without pivoting
    # answer such contexts with noise.
    rank_tolerance: float = 1e-12

    def weights(
        self, context_x: Float[Tensor, "*prompt n d"], context_y: Float[Tensor, "*prompt n"]
    ) -> Float[Tensor, "*prompt d"]:
        """The shortest of the best weight vectors."""
        x, y = prompts(context_x, context_y)
        if x.shape[-2] == 0 or x.numel() == 0:
            return x.new_zeros(*x.shape[:-2], x.shape[-1])
        solution = torch.linalg.lstsq(x, y[..., None], rcond=self.rank_tolerance, driver="gelsy").solution
        return solution[..., 0]
