"""Decision trees with random splits at 0 (Garg et al. 2022)."""

from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass, Parameters


@FUNCTIONS.register("tree")
class DecisionTree(FunctionClass):
    """A complete binary tree: each node asks whether one coordinate is above 0, leaves hold N(0, 1); depth 4 published.

    Nodes are numbered row by row from the root 0; the children of i are 2 i + 1 (no) and 2 i + 2 (yes).

    >>> tree = DecisionTree(d=2, depth=1)
    >>> tree.values({"split": np.array([[1]]), "leaf": np.array([[-3.0, 7.0]])}, np.array([[[9.0, -1.0], [0.0, 0.5]]]))
    array([[-3., 7.]])
    """

    kind: Literal["tree"] = "tree"
    depth: int = Field(4, ge=1, le=16, description="questions from the root to a leaf")

    def draw(self, generator: np.random.Generator, n: int, active: int | None = None) -> Parameters:
        """Split [n, 2^depth - 1], the coordinate each node asks for, and leaf [n, 2^depth]."""
        split = generator.integers(self.d if active is None else active, size=(n, 2**self.depth - 1))
        return {"split": split, "leaf": generator.standard_normal((n, 2**self.depth))}

    def published(self, parameters: Parameters, x: Float[np.ndarray, "n pos d"]) -> Float[np.ndarray, "n pos"]:
        """The leaf that each input reaches."""
        node = np.zeros(x.shape[:2], dtype=np.int64)
        for _ in range(self.depth):
            asked = np.take_along_axis(parameters["split"], node, 1)
            node = 2 * node + 1 + (np.take_along_axis(x, asked[..., None], 2)[..., 0] > 0)
        return np.take_along_axis(parameters["leaf"], node - (2**self.depth - 1), 1)

    @property
    def published_variance(self) -> float:
        """That of a leaf."""
        return 1.0
