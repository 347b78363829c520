"""Decision trees grown on the context: one greedy tree, and boosted trees. Both are scikit-learn's.

A library is needed because nothing here is linear and every prompt grows its own tree; it is called once for each
prompt. scikit-learn is no requirement of the package: it is asked for when a tree is.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.predictor import positive, prompts, queries, whole
from latebloom.errors import LatebloomError


class _Trees(ABC):
    """A regressor of scikit-learn fitted to each context by itself."""

    signs: bool

    @abstractmethod
    def regressor(self) -> Any:
        """A fresh regressor."""

    def __call__(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Float[Tensor, "*prompt"]:
        """Prediction of each prompt's own regressor; 0 without pairs."""
        x, y = prompts(context_x, context_y)
        query = queries(x, query_x)
        lead = torch.broadcast_shapes(x.shape[:-2], query.shape[:-1])
        answer = x.new_zeros(lead)
        if y.shape[-1] == 0:
            return answer
        if self.signs:
            x, query = x.sign(), query.sign()
        # The queries of one context go through its regressor together.
        contexts = np.broadcast_to(np.arange(int(np.prod(x.shape[:-2]))).reshape(x.shape[:-2]), lead)
        flat = query.expand(*lead, query.shape[-1])
        rows, labels = x.reshape(-1, *x.shape[-2:]).numpy(), y.reshape(-1, y.shape[-1]).numpy()
        for context in range(len(rows)):
            own = torch.from_numpy(np.asarray(contexts == context))
            fitted = self.regressor().fit(rows[context], labels[context])
            answer[own] = torch.from_numpy(np.asarray(fitted.predict(flat[own].numpy()), dtype=np.float64))
        return answer


@dataclass(frozen=True)
class GreedyTree(_Trees):
    """One tree by greedy splits on squared error; `signs`: grown on the signs of the inputs.

    Garg et al. 2022 take depth 2 on the inputs and depth 4 on their signs.
    """

    depth: int | None = 2
    signs: bool = False
    seed: int = 0  # among equally good splits

    def __post_init__(self) -> None:
        whole("GreedyTree", depth=1 if self.depth is None else self.depth)

    def regressor(self) -> Any:
        """scikit-learn's `DecisionTreeRegressor`."""
        return _sklearn("tree").DecisionTreeRegressor(max_depth=self.depth, random_state=self.seed)


@dataclass(frozen=True)
class BoostedTrees(_Trees):
    """Gradient boosting: 50 trees of depth 4 at rate 0.1, the numbers of Garg et al. 2022.

    They use XGBoost; this is scikit-learn's `GradientBoostingRegressor`, which lacks XGBoost's penalty on leaf values.
    """

    trees: int = 50
    depth: int = 4
    rate: float = 0.1
    signs: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        whole("BoostedTrees", trees=self.trees, depth=self.depth)
        positive("BoostedTrees", rate=self.rate)

    def regressor(self) -> Any:
        """scikit-learn's `GradientBoostingRegressor`."""
        return _sklearn("ensemble").GradientBoostingRegressor(
            n_estimators=self.trees, max_depth=self.depth, learning_rate=self.rate, random_state=self.seed
        )


def _sklearn(module: str) -> Any:
    try:
        if module == "tree":
            import sklearn.tree as found
        else:
            import sklearn.ensemble as found
    except ImportError:
        raise LatebloomError(
            "Tree baselines are grown by scikit-learn, which is not installed: pip install 'scikit-learn>=1.6'."
        ) from None
    return found
