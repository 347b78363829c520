"""Nearest neighbours: the mean label of the closest pairs of the context."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.predictor import prompts, queries, whole


@dataclass(frozen=True)
class NearestNeighbours:
    """Mean label of the `neighbours` nearest context points by Euclidean distance (Garg et al. 2022 take 3).

    With fewer pairs than neighbours all of them count; with none the answer is 0.
    """

    neighbours: int = 3

    def __post_init__(self) -> None:
        whole("NearestNeighbours", neighbours=self.neighbours)

    def __call__(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Float[Tensor, "*prompt"]:
        """Mean label of the nearest pairs."""
        x, y = prompts(context_x, context_y)
        query = queries(x, query_x)
        distance = (x - query[..., None, :]).square().sum(-1)
        nearest = distance.topk(min(self.neighbours, y.shape[-1]), dim=-1, largest=False).indices
        return y.expand(distance.shape).gather(-1, nearest).sum(-1) / max(1, nearest.shape[-1])

    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Prediction of every label from the pairs before it, from one table of distances."""
        x, y = prompts(x, y)
        n = y.shape[-1]
        later = torch.ones(n, n, dtype=torch.bool).triu()
        # Differences, not |a|^2 + |b|^2 - 2ab: a query that repeats a context point must be at distance 0.
        distance = torch.stack([(x - own[..., None, :]).square().sum(-1) for own in x.unbind(-2)], -2)
        distance = distance.masked_fill(later, torch.inf)
        found = distance.topk(min(self.neighbours, n), dim=-1, largest=False)
        labels = y[..., None, :].expand(distance.shape).gather(-1, found.indices)
        near = found.values.isfinite()
        return (labels * near).sum(-1) / near.sum(-1).clamp(min=1)
