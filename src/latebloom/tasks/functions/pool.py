"""Linear functions of which there are finitely many (Raventos et al. 2023, arXiv 2306.15063).

Smaller pools are the first functions of larger ones:

>>> small, large = Pool(d=3, functions=2), Pool(d=3, functions=4)
>>> small.weights.shape, bool((small.weights == large.weights[:2]).all())
((2, 3), True)
"""

from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from latebloom.randomness import stream
from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass, Parameters
from latebloom.tasks.functions.linear import product

MOST = 2**20  # functions, so that a table of them fits


@FUNCTIONS.register("pool")
class Pool(FunctionClass):
    """w . x with w one of `functions` vectors, each as likely; they were drawn once from N(0, I); unit: N(0, I / d).

    Which they are is decided by `d` and `pool`, not by a network's seed. Variances are those over all pools.
    """

    degree: ClassVar[int] = 1

    kind: Literal["pool"] = "pool"
    functions: int = Field(4096, ge=1, le=MOST, description="functions there are")
    pool: int = Field(0, ge=0, description="which functions: another number, others")

    @property
    def weights(self) -> Float[np.ndarray, "function d"]:
        """All functions there are, in the published scaling; not to be written to."""
        return _drawn(self.functions, self.d, self.pool)

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """W [n, d], rows of the pool."""
        return {"w": self.weights[generator.integers(self.functions, size=n)]}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """W . x."""
        return product(parameters["w"], x)

    @property
    def published_variance(self) -> float:
        """One for every coordinate."""
        return float(self.d)


@lru_cache(maxsize=16)
def _drawn(functions: int, d: int, pool: int) -> Float[np.ndarray, "function d"]:
    drawn = stream(pool, "pool of functions", d).standard_normal((functions, d))
    drawn.setflags(write=False)
    return drawn
