"""Ridge regression, and its exact risk."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import regularised_cholesky
from latebloom.baselines.predictor import LinearPredictor, positive, prompts


@dataclass(frozen=True)
class Ridge(LinearPredictor):
    """w = (X'X + penalty I)^-1 X'y; the posterior mean for w ~ N(0, v I) and noise s2 when penalty = s2 / v."""

    penalty: float

    def __post_init__(self) -> None:
        positive("Ridge", penalty=self.penalty)

    def weights(
        self, context_x: Float[Tensor, "*prompt n d"], context_y: Float[Tensor, "*prompt n"]
    ) -> Float[Tensor, "*prompt d"]:
        """The minimiser of |y - X w|^2 + penalty |w|^2."""
        x, y = prompts(context_x, context_y)
        return self._solve(x.mT @ x, (x.mT @ y[..., None])[..., 0])

    def prefix_weights(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place d"]:
        """The weight vector made of the pairs before each place, from running sums of x x' and x y."""
        x, y = prompts(x, y)
        gram = x.new_zeros(*x.shape[:-2], x.shape[-1], x.shape[-1])
        moment = x.new_zeros(*x.shape[:-2], x.shape[-1])
        found = []
        for own, label in zip(x.unbind(-2), y.unbind(-1), strict=True):
            found.append(self._solve(gram, moment))
            gram = gram + own[..., :, None] * own[..., None, :]
            moment = moment + own * label[..., None]
        return torch.stack(found, -2)

    def _solve(self, gram: Tensor, moment: Tensor) -> Tensor:
        factor = regularised_cholesky("Ridge", gram, self.penalty)
        return torch.cholesky_solve(moment[..., None], factor)[..., 0]


def ridge_risk(
    context_x: Float[Tensor, "*prompt n d"], penalty: float, variance: float, noise_variance: float
) -> Float[Tensor, "*prompt"]:
    """Expected squared error of ridge on a fresh noisy label, given the inputs of the context.

    Over w ~ N(0, variance I), label noise and a query ~ N(0, I): noise (1 + tr A) + (penalty^2 variance - penalty
    noise) tr A^2 with A = (X'X + penalty I)^-1. Subtract the noise for the error against the clean function.
    """
    positive("ridge_risk", penalty=penalty)
    x = context_x.to("cpu", torch.float64)
    inverse = torch.cholesky_inverse(regularised_cholesky("ridge_risk", x.mT @ x, penalty))
    first = torch.diagonal(inverse, dim1=-2, dim2=-1).sum(-1)
    second = inverse.square().sum((-2, -1))
    return noise_variance * (1 + first) + (penalty**2 * variance - penalty * noise_variance) * second
