"""Two-layer ReLU networks with random weights (Garg et al. 2022)."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass, Parameters


@FUNCTIONS.register("relu")
class TwoLayer(FunctionClass):
    """f = sum_j a_j max(0, w_j . x) over `hidden` units, a ~ N(0, 2 / hidden), w ~ N(0, I); 100 units published."""

    degree: ClassVar[int] = 1

    kind: Literal["relu"] = "relu"
    hidden: int = Field(100, ge=1, description="units of the network")

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """W [n, d, hidden] and a [n, hidden]."""
        w = generator.standard_normal((n, self.d, self.hidden))
        return {"w": w, "a": generator.standard_normal((n, self.hidden)) * (2 / self.hidden) ** 0.5}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """A . max(0, w x)."""
        return (np.maximum(x @ parameters["w"], 0) @ parameters["a"][..., None])[..., 0]

    @property
    def published_variance(self) -> float:
        """d, since half of |x|^2 passes each ReLU."""
        return float(self.d)
