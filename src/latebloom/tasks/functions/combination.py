"""Convex combinations of functions from two classes: share * first + (1 - share) * second."""

from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, SerializeAsAny, model_validator

from latebloom.tasks.functions.base import FunctionClass, Parameters
from latebloom.tasks.functions.inputs import InputDistribution


class Combination(FunctionClass):
    """A function of each class, added with weights `share` and 1 - `share`; None: a share ~ U(0, 1) for each function.

    Nothing is rescaled: at share 1/2 of two classes of variance 1 the sum has variance 1/2.
    """

    kind: Literal["combination"] = "combination"
    first: SerializeAsAny[FunctionClass] = Field(description="class of the first function")
    second: SerializeAsAny[FunctionClass] = Field(description="class of the second function")
    share: float | None = Field(0.5, ge=0, le=1, description="weight of the first; None: random")

    @model_validator(mode="after")
    def _check(self) -> "Combination":
        if not self.first.d == self.second.d == self.d:
            raise ValueError(
                f"combination: {self.first.kind} takes {self.first.d} numbers and {self.second.kind} takes "
                f"{self.second.d}; both must take d = {self.d}."
            )
        return self

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """Parameters of both, under `first.` and `second.`, and share [n]."""
        share = generator.random(n) if self.share is None else np.full(n, self.share)
        parts = {"first": self.first, "second": self.second}
        drawn = {
            f"{name}.{key}": value
            for name, part in parts.items()
            for key, value in part.draw(generator, n, active).items()
        }
        return drawn | {"share": share}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """The weighted sum, each class in its own scaling."""
        own: dict[str, Parameters] = {"first": {}, "second": {}}
        for key, value in parameters.items():
            part, _, name = key.partition(".")
            if name:
                own[part][name] = value
        share = parameters["share"][:, None]
        return share * self.first.values(own["first"], x) + (1 - share) * self.second.values(own["second"], x)

    @property
    def published_variance(self) -> float:
        """share^2 and (1 - share)^2 times the two variances; the mean of both squares over U(0, 1) is 1/3."""
        return self._sum(self.first.variance, self.second.variance)

    def _sum(self, first: float, second: float) -> float:
        squares = (1 / 3, 1 / 3) if self.share is None else (self.share**2, (1 - self.share) ** 2)
        return squares[0] * first + squares[1] * second

    @property
    def variance(self) -> float:
        """The same in both scalings."""
        return self.scale**2 * self.published_variance

    def variance_under(self, inputs: InputDistribution) -> float:
        """Each class grows with the inputs in its own way."""
        return self.scale**2 * self._sum(self.first.variance_under(inputs), self.second.variance_under(inputs))

    @property
    def least_dimensions(self) -> int:
        """As many as both need."""
        return max(self.first.least_dimensions, self.second.least_dimensions)
