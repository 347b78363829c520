"""Recursive least squares: ridge updated one pair at a time, with the evidence of the labels."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.gaussian_filter import Filtered, gaussian_filter
from latebloom.baselines.predictor import PrefixPredictor, positive, prompts


@dataclass(frozen=True)
class RecursiveLeastSquares(PrefixPredictor):
    """The posterior mean for w ~ N(0, variance I) and label noise; ridge with penalty noise_variance / variance."""

    variance: float
    noise_variance: float

    def __post_init__(self) -> None:
        positive("RecursiveLeastSquares", variance=self.variance, noise_variance=self.noise_variance)

    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Posterior mean of every label from the pairs before it."""
        x, y = prompts(x, y)
        return self._filter(x, y).mean[:, 0].T.reshape(y.shape)

    def log_evidence(
        self, x: Float[Tensor, "*prompt n d"], y: Float[Tensor, "*prompt n"]
    ) -> Float[Tensor, "*prompt length"]:
        """Log density, in nats, of the first 0 .. n labels under this prior."""
        x, y = prompts(x, y)
        return self._filter(x, y).log_evidence[:, 0].T.reshape(*y.shape[:-1], y.shape[-1] + 1)

    def _filter(self, x: Tensor, y: Tensor) -> Filtered:
        rows = x.reshape(-1, *x.shape[-2:]).permute(1, 2, 0)
        variances = x.new_full((x.shape[-1], 1), self.variance)
        return gaussian_filter(rows[:, :, None], y.reshape(-1, y.shape[-1]).T, variances, self.noise_variance)
