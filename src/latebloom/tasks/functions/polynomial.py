"""Weighted sums of squares and of cubes (Wang et al. 2025, arXiv 2410.09695)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass, Parameters
from latebloom.tasks.functions.linear import product


class _Powers(FunctionClass):
    """w . x^degree / sqrt(3) with w ~ N(0, I); the power is taken of each coordinate."""

    degree: ClassVar[int]
    moment: ClassVar[float]  # E x^(2 degree) / 3 of a standard normal x

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """W [n, d]."""
        return {"w": generator.standard_normal((n, self.d))}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """W . x^degree / sqrt(3)."""
        return product(parameters["w"], x**self.degree) / 3**0.5

    @property
    def published_variance(self) -> float:
        """D for squares, 5 d for cubes: E x^4 = 3 and E x^6 = 15."""
        return self.d * self.moment


@FUNCTIONS.register("quadratic")
class Quadratic(_Powers):
    """w . x^2 / sqrt(3), w ~ N(0, I)."""

    kind: Literal["quadratic"] = "quadratic"
    degree: ClassVar[int] = 2
    moment: ClassVar[float] = 1.0


@FUNCTIONS.register("cubic")
class Cubic(_Powers):
    """w . x^3 / sqrt(3), w ~ N(0, I)."""

    kind: Literal["cubic"] = "cubic"
    degree: ClassVar[int] = 3
    moment: ClassVar[float] = 5.0
