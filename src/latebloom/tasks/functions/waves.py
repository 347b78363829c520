"""Functions of one number: lines, sinusoids, Fourier series."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass, Parameters


class _OneNumber(FunctionClass):
    d: int = Field(1, ge=1, description="these are functions of one number")

    @model_validator(mode="after")
    def _one(self) -> "_OneNumber":
        if self.d != 1:
            raise ValueError(f"{self.kind}: a function of one number needs d = 1; d = {self.d}.")
        return self


@FUNCTIONS.register("line")
class Line(_OneNumber):
    """a x with a ~ N(0, 1)."""

    degree: ClassVar[int] = 1

    kind: Literal["line"] = "line"

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """A [n]."""
        return {"a": generator.standard_normal(n)}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos 1"]) -> Float[np.ndarray, "n pos"]:
        """A x."""
        return parameters["a"][:, None] * x[..., 0]

    @property
    def published_variance(self) -> float:
        """That of a times that of x."""
        return 1.0


@FUNCTIONS.register("sinusoid")
class Sinusoid(_OneNumber):
    """alpha sin(omega x) + beta cos(omega x); alpha, beta ~ N(0, 1), omega ~ U(low, high).

    The ranges are our choice: those of Yadlowsky et al. 2023 are not known to us.
    """

    kind: Literal["sinusoid"] = "sinusoid"
    low: float = Field(1.0, ge=0, description="smallest frequency, radians per unit of x")
    high: float = Field(5.0, ge=0, description="largest frequency")

    @model_validator(mode="after")
    def _check(self) -> "Sinusoid":
        if self.low > self.high:
            raise ValueError(f"sinusoid: low = {self.low} is above high = {self.high}; frequencies are drawn between.")
        return self

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """alpha, beta and omega, each [n]."""
        alpha, beta = generator.standard_normal((2, n))
        return {"alpha": alpha, "beta": beta, "omega": generator.uniform(self.low, self.high, n)}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos 1"]) -> Float[np.ndarray, "n pos"]:
        """Alpha sin(omega x) + beta cos(omega x)."""
        angle = parameters["omega"][:, None] * x[..., 0]
        return parameters["alpha"][:, None] * np.sin(angle) + parameters["beta"][:, None] * np.cos(angle)

    @property
    def published_variance(self) -> float:
        """sin^2 + cos^2, at every x."""
        return 1.0


@FUNCTIONS.register("fourier")
class FourierSeries(_OneNumber):
    """sum over n = 1 .. N of (a_n cos + b_n sin)(pi n x / L) / sqrt(N); a, b ~ N(0, 1), N uniform on 1 .. `terms`.

    Panwar, Ahuja & Goyal 2024 (arXiv 2306.04891): 10 terms, L = 5, x ~ U(-5, 5).
    """

    inputs: ClassVar[str] = "uniform"

    kind: Literal["fourier"] = "fourier"
    terms: int = Field(10, ge=1, description="largest number of frequencies")
    half_period: float = Field(5.0, gt=0, description="L")

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """A and b [n, terms], 0 beyond each function's own number of terms, the 1 / sqrt(N) included."""
        a, b = generator.standard_normal((2, n, self.terms))
        count = generator.integers(1, self.terms + 1, n)[:, None]
        share = (np.arange(self.terms) < count) / count**0.5
        return {"a": a * share, "b": b * share}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos 1"]) -> Float[np.ndarray, "n pos"]:
        """The series."""
        angle = np.pi / self.half_period * x * np.arange(1, self.terms + 1)
        both = np.cos(angle) @ parameters["a"][..., None] + np.sin(angle) @ parameters["b"][..., None]
        return both[..., 0]

    @property
    def published_variance(self) -> float:
        """cos^2 + sin^2, averaged over the terms."""
        return 1.0
