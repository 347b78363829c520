"""What a reference predictor is: pairs seen so far and a query go in, the expected label comes out.

A prompt is a row of pairs (x, y) and a query; any axes before those are prompts and go through together. Predictors
compute in float64 on the CPU, whatever they are given, and answer 0 where there are no pairs yet: every prior used
here has mean 0, but that of a finite pool of functions.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.checks import check_finite
from latebloom.errors import LatebloomError


@runtime_checkable
class Predictor(Protocol):
    """Context and query -> mean of the label."""

    def __call__(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Float[Tensor, "*prompt"]:
        """Predicted label of each query; context and query axes broadcast, so one context may serve many queries."""
        ...


@runtime_checkable
class OnePass(Protocol):
    """A predictor that has a faster way to all prefixes of a prompt than one call for each."""

    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Prediction of every label from the pairs before it."""
        ...


def predict_prefixes(
    predictor: Predictor,
    x: Float[Tensor, "*prompt place d"],
    y: Float[Tensor, "*prompt place"],
    places: Sequence[int] | None = None,
) -> Float[Tensor, "*prompt k"]:
    """Prediction of the label at each of `places` (all of them by default) from the pairs before it.

    Column k uses exactly the first `places[k]` pairs, so column 0 of all places is the prior mean. Predictors with a
    one-pass way are asked once. Raises `LatebloomError` for shapes that do not fit or a place outside the prompt.
    """
    x, y = prompts(x, y)
    n = y.shape[-1]
    chosen = list(range(n)) if places is None else [int(place) for place in places]
    outside = [place for place in chosen if not 0 <= place < n]
    if outside:
        raise LatebloomError(f"Place {outside[0]} is outside the prompt: {n} pairs have the places 0 to {n - 1}.")
    if isinstance(predictor, OnePass):
        return predictor.prefixes(x, y)[..., chosen]
    if not chosen:
        return y[..., :0]
    return torch.stack([predictor(x[..., :k, :], y[..., :k], x[..., k, :]) for k in chosen], -1)


def prompts(x: Tensor, y: Tensor) -> tuple[Float[Tensor, "*prompt n d"], Float[Tensor, "*prompt n"]]:
    """Both as float64 on the CPU; arrays and lists will do.

    Raises `LatebloomError` unless there is one label for each input vector and all numbers are finite.
    """
    x, y = _wide("Inputs", x), _wide("Labels", y)
    if x.ndim < 2 or y.shape != x.shape[:-1]:
        raise LatebloomError(
            f"Inputs of shape {tuple(x.shape)} and labels of shape {tuple(y.shape)} are no prompts: inputs must be "
            "[..., n, d] and labels [..., n], one for each input vector."
        )
    return x, y


def queries(x: Float[Tensor, "*prompt n d"], query_x: Tensor) -> Float[Tensor, "*query d"]:
    """The queries as float64 on the CPU. Raises `LatebloomError` unless their axes fit those of the contexts."""
    query_x = _wide("Queries", query_x)
    if query_x.ndim < 1 or query_x.shape[-1] != x.shape[-1] or not _broadcast(x.shape[:-2], query_x.shape[:-1]):
        raise LatebloomError(
            f"A query of shape {tuple(query_x.shape)} does not fit contexts of shape {tuple(x.shape)}: it must be "
            f"[..., {x.shape[-1]}] with leading axes that broadcast with {tuple(x.shape[:-2])}."
        )
    return query_x


def with_query(x: Tensor, y: Tensor, query_x: Tensor) -> tuple[Tensor, Tensor]:
    """The prompts with the query as one more pair, whose label is never looked at."""
    query = queries(x, query_x)
    lead = torch.broadcast_shapes(x.shape[:-2], query.shape[:-1])
    x, y = x.expand(*lead, *x.shape[-2:]), y.expand(*lead, y.shape[-1])
    rows = torch.cat([x, query.expand(*lead, query.shape[-1])[..., None, :]], -2)
    return rows, torch.cat([y, y.new_zeros(*lead, 1)], -1)


def _wide(what: str, value: Tensor) -> Tensor:
    """As float64 on the CPU. Raises `LatebloomError` for what is no table of finite numbers."""
    if isinstance(value, Tensor) and value.is_complex():
        raise LatebloomError(f"{what} are complex numbers: they must be real.")
    try:
        wide = torch.as_tensor(value, dtype=torch.float64, device="cpu").to_dense()
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise LatebloomError(f"{what} are no table of numbers: {error}") from None
    check_finite(what, wide)
    return wide


def positive(owner: str, **values: float) -> None:
    """Refuses values that are not finite numbers above 0."""
    for name, value in values.items():
        if not 0 < value < float("inf"):
            raise LatebloomError(f"{owner}: {name} = {value} must be a number above 0.")


def whole(owner: str, **values: Any) -> None:
    """Refuses values that are not whole numbers of at least 1; those of NumPy are."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
            raise LatebloomError(f"{owner}: {name} = {value} must be a whole number of at least 1.")


class PrefixPredictor(ABC):
    """A predictor that goes through a prompt once, and answers a query as one more place of it."""

    @abstractmethod
    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Prediction of every label from the pairs before it."""

    def __call__(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Float[Tensor, "*prompt"]:
        """The prediction behind the last pair."""
        return self.prefixes(*with_query(*prompts(context_x, context_y), query_x))[..., -1]


class LinearPredictor(ABC):
    """A predictor that is linear in the query: it is known by the weight vector it makes of a context."""

    @abstractmethod
    def weights(
        self, context_x: Float[Tensor, "*prompt n d"], context_y: Float[Tensor, "*prompt n"]
    ) -> Float[Tensor, "*prompt d"]:
        """The weight vector; zero for an empty context."""

    def __call__(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Float[Tensor, "*prompt"]:
        """Weights times query."""
        x, y = prompts(context_x, context_y)
        return (self.weights(x, y) * queries(x, query_x)).sum(-1)

    def prefix_weights(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place d"]:
        """The weight vector made of the pairs before each place."""
        x, y = prompts(x, y)
        return torch.stack([self.weights(x[..., :k, :], y[..., :k]) for k in range(y.shape[-1])], -2)

    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Prediction of every label from the pairs before it."""
        x, y = prompts(x, y)
        return (self.prefix_weights(x, y) * x).sum(-1)


def _broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    try:
        torch.broadcast_shapes(first, second)
    except RuntimeError:
        return False
    return True
