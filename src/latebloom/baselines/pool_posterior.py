"""The exact posterior mean where functions are linear and finitely many (Raventos et al. 2023, arXiv 2306.15063).

Every function is a hypothesis, as likely as any other before a pair is seen; its evidence is the density of the labels
under its own values and Gaussian noise. The source calls this the minimum-mean-square estimator of a discrete prior.

>>> pool = PoolPosterior(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), noise_variance=0.01)
>>> x, y = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([1.0, 3.0])
>>> pool.prefixes(x, y).tolist()  # the mean of both functions, then the first of them
[1.5, 3.0]
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import check_finite
from latebloom.baselines.predictor import PrefixPredictor, positive, prompts
from latebloom.errors import LatebloomError

CELLS_AT_ONCE = 1_000_000  # values of all functions at all places of the prompts that go through together


@dataclass(frozen=True, eq=False)
class PoolPosterior(PrefixPredictor):
    """Posterior mean for functions w . x with w a row of `weights`, each equally likely, and label noise."""

    weights: Float[Tensor, "function d"]
    noise_variance: float

    def __post_init__(self) -> None:
        positive("PoolPosterior", noise_variance=self.noise_variance)
        known: object = self.weights
        if not isinstance(known, Tensor) or known.ndim != 2 or not len(known):
            what = f"shape {tuple(known.shape)}" if isinstance(known, Tensor) else f"type {type(known).__name__}"
            raise LatebloomError(
                f"PoolPosterior: weights of {what} are no pool; they must be a tensor [function, d], at least one "
                "function."
            )
        check_finite("PoolPosterior: the weights", self.weights)

    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Posterior mean of every label from the pairs before it; without pairs, the mean of all functions."""
        x, y = prompts(x, y)
        functions, d = self.weights.shape
        if x.shape[-1] != d:
            raise LatebloomError(f"PoolPosterior: inputs of {x.shape[-1]} numbers, functions of {d}.")
        rows, labels = x.reshape(-1, *x.shape[-2:]), y.reshape(-1, y.shape[-1])
        block = max(1, CELLS_AT_ONCE // (functions * max(1, y.shape[-1])))
        said = [self._some(*both) for both in zip(rows.split(block), labels.split(block), strict=True)]
        found = torch.cat(said)
        if bool(found.isnan().any()):
            raise LatebloomError("PoolPosterior: the squares of these labels or inputs are too large for float64.")
        return found.reshape(y.shape)

    def _some(self, x: Float[Tensor, "prompt place d"], y: Float[Tensor, "prompt place"]) -> Tensor:
        values = x @ self.weights.to(x).T  # [prompt, place, function]
        misfit = (y[..., None] - values).square()
        seen = torch.cat([torch.zeros_like(misfit[:, :1]), misfit[:, :-1].cumsum(1)], 1)[:, : y.shape[-1]]
        return ((seen / (-2 * self.noise_variance)).softmax(-1) * values).sum(-1)
