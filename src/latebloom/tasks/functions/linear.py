"""Linear functions w . x, dense or with few non-zero weights.

Examples:
>>> x = np.array([[[1.0, 2.0, 4.0]]])
>>> Dense(d=3, scaling="published").values({"w": np.array([[1.0, 0.5, 0.25]])}, x)
array([[3.]])
>>> Sparse(d=3, nonzeros=1).values({"w": np.array([[0.0, 0.5, 0.0]])}, x)
array([[1.]])
"""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass, Parameters


def product(w: Float[np.ndarray, "n d"], x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
    """W . x at every place."""
    return (x @ w[..., None])[..., 0]


@FUNCTIONS.register("dense")
class Dense(FunctionClass):
    """w ~ N(0, I) (Garg et al. 2022); unit: N(0, I / d)."""

    degree: ClassVar[int] = 1

    kind: Literal["dense"] = "dense"

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """W [n, d]."""
        return {"w": generator.standard_normal((n, self.d))}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """W . x."""
        return product(parameters["w"], x)

    @property
    def published_variance(self) -> float:
        """One for every coordinate."""
        return float(self.d)


@FUNCTIONS.register("sparse")
class Sparse(FunctionClass):
    """w ~ N(0, I) on `nonzeros` coordinates chosen uniformly, 0 elsewhere; unit: N(0, I / nonzeros).

    Garg et al. 2022 take 3 of 20.
    """

    degree: ClassVar[int] = 1

    kind: Literal["sparse"] = "sparse"
    nonzeros: int = Field(2, ge=1, description="weights that are not 0")

    @model_validator(mode="after")
    def _check(self) -> "Sparse":
        if self.nonzeros > self.d:
            raise ValueError(
                f"sparse: nonzeros = {self.nonzeros} weights cannot be chosen from d = {self.d} dimensions: "
                f"nonzeros must be at most {self.d}."
            )
        return self

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """W [n, d] with the support among the active coordinates."""
        w = generator.standard_normal((n, self.d))
        order = generator.random((n, self.d))
        order[:, self.d if active is None else active :] = 2.0
        chosen = np.argpartition(order, self.nonzeros - 1, axis=1)[:, : self.nonzeros]
        kept = np.zeros_like(w)
        np.put_along_axis(kept, chosen, np.take_along_axis(w, chosen, 1), 1)
        return {"w": kept}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """W . x."""
        return product(parameters["w"], x)

    @property
    def published_variance(self) -> float:
        """One for every non-zero weight."""
        return float(self.nonzeros)

    @property
    def least_dimensions(self) -> int:
        """As many as there are non-zero weights."""
        return self.nonzeros
