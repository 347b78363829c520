"""A two-layer ReLU network trained on the context alone, one for each prompt, all at once.

Garg et al. 2022 (arXiv 2208.01066): 100 hidden units, Adam, 5,000 steps of batches of 10, learning rate 5e-3 (5e-2 on
linear labels). Their released code takes 100 full-batch steps instead: `RELEASED`. How the network begins is not
stated; here as the function class does, w ~ N(0, I) and a ~ N(0, 2 / hidden), divided by sqrt(d).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.predictor import positive, prompts, queries, whole
from latebloom.randomness import stream


@dataclass(frozen=True)
class NetworkDescent:
    """Adam on the mean squared error of f(x) = sum_j a_j max(0, w_j . x), from a start given by `seed`.

    All prompts begin from the same weights and draw the same batches, so that a prompt's answer does not depend on
    who else is asked. No prefixes in one pass: ask for the few `places` that matter.
    """

    hidden: int = 100
    steps: int = 5000
    batch: int | None = 10  # None: the whole context at every step
    lr: float = 5e-3
    seed: int = 0

    def __post_init__(self) -> None:
        batch = 1 if self.batch is None else self.batch
        whole("NetworkDescent", hidden=self.hidden, steps=self.steps, batch=batch)
        positive("NetworkDescent", lr=self.lr)

    def __call__(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Float[Tensor, "*prompt"]:
        """What each trained network says of its query; 0 without pairs."""
        x, y = prompts(context_x, context_y)
        query = queries(x, query_x)
        if y.numel() == 0:
            return query.new_zeros(torch.broadcast_shapes(x.shape[:-2], query.shape[:-1]))
        first, second = self._train(x.reshape(-1, *x.shape[-2:]), y.reshape(-1, y.shape[-1]))
        first = first.reshape(*x.shape[:-2], *first.shape[1:])
        second = second.reshape(*x.shape[:-2], second.shape[-1])
        hidden = torch.relu((query[..., None, :] @ first)[..., 0, :])
        return (hidden * second).sum(-1)

    @torch.no_grad()
    def _train(
        self, x: Float[Tensor, "prompt n d"], y: Float[Tensor, "prompt n"]
    ) -> tuple[Float[Tensor, "prompt d hidden"], Float[Tensor, "prompt hidden"]]:
        count, n, d = x.shape
        start, order = stream(self.seed, "network descent", "weights"), stream(self.seed, "network descent", "batches")
        first = torch.from_numpy(start.normal(size=(d, self.hidden)) / d**0.5).expand(count, -1, -1).clone()
        second = torch.from_numpy(start.normal(size=self.hidden) * (2 / self.hidden) ** 0.5).expand(count, -1).clone()
        moments = [torch.zeros_like(weights) for weights in (first, first, second, second)]
        for step in range(1, self.steps + 1):
            rows, labels = x, y
            if self.batch is not None and self.batch < n:
                chosen = torch.from_numpy(order.choice(n, self.batch, replace=False))
                rows, labels = x[:, chosen], y[:, chosen]
            before = rows @ first
            hidden = before.clamp(min=0)
            slope = 2 * ((hidden @ second[..., None])[..., 0] - labels) / labels.shape[1]
            by_second = (hidden.mT @ slope[..., None])[..., 0]
            by_first = rows.mT @ (slope[..., None] * second[:, None] * (before > 0))
            self._adam(first, by_first, moments[0], moments[1], step)
            self._adam(second, by_second, moments[2], moments[3], step)
        return first, second

    def _adam(self, weights: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int) -> None:
        """One Adam step in place, with PyTorch's defaults (betas 0.9 and 0.999, eps 1e-8)."""
        mean.lerp_(gradient, 0.1)
        square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        denominator = (square / (1 - 0.999**step)).sqrt_().add_(1e-8)
        weights.addcdiv_(mean, denominator, value=-self.lr / (1 - 0.9**step))


RELEASED = NetworkDescent(steps=100, batch=None)
