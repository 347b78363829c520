"""What a class of functions is: a prior over functions of d numbers that can be drawn and evaluated in batches."""

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from latebloom.registry import Registry
from latebloom.spec import Spec
from latebloom.tasks.functions.inputs import InputDistribution

FUNCTIONS: Registry[type["FunctionClass"]] = Registry("function class")

Parameters = dict[str, np.ndarray]  # name -> [function, ...]


class FunctionClass(Spec):
    """A prior over functions. Subclasses are frozen settings with behaviour; a family a file.

    "unit" scaling divides the published function by its standard deviation, so that every class has variance 1 over
    its prior and N(0, 1) inputs. In a mixture of published scalings the class can be read off the size of one label.
    """

    inputs: ClassVar[str] = "gaussian"  # the distribution of inputs it was published with
    degree: ClassVar[int] = 0  # the power of the inputs with which values grow; 0: they stay as large

    kind: str
    d: int = Field(20, ge=1, description="numbers a function takes")
    scaling: Literal["unit", "published"] = Field("unit", description="variance 1, or as published")
    scale: float = Field(1.0, gt=0, description="factor on every value; for linear classes on the weights")
    noise_variance: float = Field(0.0, ge=0, description="of the noise added to each label")

    @abstractmethod
    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """Parameters of n functions; where coordinates are chosen, they are among the first `active` (None: all)."""

    @abstractmethod
    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """Clean values in the published scaling, each function at its own inputs."""

    @property
    @abstractmethod
    def published_variance(self) -> float:
        """Variance of a published value over functions and standard inputs."""

    @property
    def variance(self) -> float:
        """Variance of a clean value over functions and standard inputs: errors are divided by it."""
        return self.scale**2 * (1.0 if self.scaling == "unit" else self.published_variance)

    def variance_under(self, inputs: InputDistribution) -> float:
        """Variance of a clean value over functions and these inputs: answering 0 then has an error of 1 over it.

        Only nearly so for squares and cubes of skewed and subspace inputs (see `growth` there).
        """
        return self.variance * inputs.growth(self.degree)

    @property
    def least_dimensions(self) -> int:
        """With fewer active coordinates than this no function can be drawn."""
        return 1

    def values(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """Clean values, each function at its own inputs."""
        return self.published(parameters, x) * (self.variance / self.published_variance) ** 0.5
