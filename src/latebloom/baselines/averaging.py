"""Averaging: the weight vector is the mean of label times input (Garg et al. 2022, arXiv 2208.01066)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.predictor import LinearPredictor, prompts


@dataclass(frozen=True)
class Averaging(LinearPredictor):
    """w = (1/k) sum y_i x_i. Noise-free linear labels, inputs ~ N(0, I): expected error is (d + 1) / k |w|^2."""

    def weights(
        self, context_x: Float[Tensor, "*prompt n d"], context_y: Float[Tensor, "*prompt n"]
    ) -> Float[Tensor, "*prompt d"]:
        """Mean of label times input; zero without pairs."""
        x, y = prompts(context_x, context_y)
        return (x * y[..., None]).sum(-2) / max(1, y.shape[-1])

    def prefix_weights(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place d"]:
        """Running means."""
        x, y = prompts(x, y)
        products = x * y[..., None]
        before = products.cumsum(-2) - products
        counts = torch.arange(y.shape[-1], dtype=x.dtype).clamp(min=1)
        return before / counts[:, None]
