"""The exact posterior mean of a mixture of function classes, and the posterior over the classes.

Each class is a family of linear-Gaussian hypotheses: features of the input times independent Gaussian weights plus
label noise. A sparse class has one hypothesis for every support (all C(d, s) of them are enumerated), a sinusoid one
for every frequency of a grid. With prior p_h, evidence e_h of the labels seen and posterior mean m_h of hypothesis h,
no predictor has a smaller expected squared error under the mixture than sum_h p_h e_h m_h / sum_h p_h e_h; the class
that is right is found in the same integral as the function within it (Panwar, Ahuja & Goyal 2024, arXiv 2306.04891).

Example: two pairs decide between dense and one-hot weights.

>>> mixture = dense_and_sparse(d=2, nonzeros=1, noise_variance=1e-4)
>>> x = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]); y = torch.tensor([1.0, 0.6, 0.0])
>>> mixture.posterior(x, y).classes[:, 1].numpy().round(2)  # the sparse class before each pair
array([0.5 , 0.37, 0.97])
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.gaussian_filter import gaussian_filter
from latebloom.baselines.predictor import PrefixPredictor, positive, prompts, with_query
from latebloom.errors import LatebloomError

MAX_HYPOTHESES = 200_000  # of one class; more would not fit beside sixteen places and eight prompts in a gigabyte
CELLS_AT_ONCE = 50_000  # numbers of the largest array of a step: it then stays in the second-level cache


class Hypotheses(Protocol):
    """One class of functions: equally likely hypotheses, each linear in features with Gaussian weights."""

    @property
    def name(self) -> str:
        """What the class is called."""
        ...

    def variances(self, d: int) -> Float[Tensor, "feature component"]:
        """Prior variance of every weight for inputs of d dimensions. Raises `LatebloomError` if d does not fit."""
        ...

    def features(self, x: Float[Tensor, "place d prompt"]) -> Float[Tensor, "place feature component prompt"]:
        """What the weights multiply."""
        ...


@dataclass(frozen=True)
class LinearHypotheses:
    """Linear functions with `nonzeros` weights N(0, variance) on an unknown support; None: all weights, one support.

    `power` is taken of each coordinate first: weighted sums of squares or cubes.
    """

    name: str
    variance: float
    nonzeros: int | None = None
    power: int = 1

    def __post_init__(self) -> None:
        positive(f"Class {self.name!r}", variance=self.variance, power=self.power)

    def supports(self, d: int) -> Tensor:
        """Every set of coordinates that may carry the weights, int64 [nonzeros, component]."""
        size = d if self.nonzeros is None else self.nonzeros
        if size != int(size) or not 1 <= size <= d:
            raise LatebloomError(
                f"Class {self.name!r} has {size} non-zero weights, but the inputs have {d} dimensions: "
                f"nonzeros must be 1 to {d}."
            )
        count = math.comb(d, size)
        if count > MAX_HYPOTHESES:
            raise LatebloomError(
                f"Class {self.name!r} has {count:,} supports of {size} among {d} coordinates; enumeration stops at "
                f"{MAX_HYPOTHESES:,}. Use fewer non-zeros or dimensions, or compare with Lasso."
            )
        return torch.tensor(list(itertools.combinations(range(d), size))).T.contiguous()

    def variances(self, d: int) -> Float[Tensor, "feature component"]:
        """The same variance for every weight of every support."""
        return torch.full(tuple(self.supports(d).shape), self.variance, dtype=torch.float64)

    def features(self, x: Float[Tensor, "place d prompt"]) -> Float[Tensor, "place feature component prompt"]:
        """The coordinates of each support."""
        powers = x if self.power == 1 else x**self.power
        return powers[:, self.supports(x.shape[1])]


@dataclass(frozen=True)
class Posterior:
    """What the mixture says at every place, from the pairs before it."""

    mean: Float[Tensor, "*prompt place"]
    classes: Float[Tensor, "*prompt place cls"]  # posterior probability of each class
    class_means: Float[Tensor, "*prompt place cls"]  # posterior mean if the class were known: its own optimum
    log_evidence: Float[Tensor, "*prompt place"]  # log density, nats, of the labels before the place


class MixturePosterior(PrefixPredictor):
    """Posterior mean under a mixture of classes with given weights and label noise.

    Noise-free labels need a small noise here too (1e-6): without any, evidence is zero or infinite. Memory per prompt
    grows as places x hypotheses; prompts go through in blocks.
    """

    def __init__(
        self,
        classes: Sequence[Hypotheses],
        weights: Sequence[float],
        noise_variance: float | Sequence[float],
    ) -> None:
        """`noise_variance` is one number, or one for each class (mixtures of noise levels, Bai et al. 2023)."""
        if len(classes) != len(weights) or not classes:
            raise LatebloomError(f"{len(classes)} classes and {len(weights)} weights: a mixture needs one for each.")
        if min(weights) < 0 or not math.isclose(sum(weights), 1, abs_tol=1e-9):
            raise LatebloomError(
                f"Mixture weights {list(weights)} sum to {sum(weights):g}: they must be at least 0 and sum to 1."
            )
        if isinstance(noise_variance, Sequence) or np.ndim(noise_variance):
            noises = [float(noise) for noise in noise_variance]  # type: ignore[union-attr]
        else:
            noises = [float(noise_variance)] * len(classes)
        if len(noises) != len(classes):
            raise LatebloomError(f"{len(noises)} noise variances for {len(classes)} classes: give one or as many.")
        for noise in noises:
            if not 0 < noise < math.inf:
                raise LatebloomError(
                    f"noise_variance = {noise}: the exact posterior needs a number above 0; use 1e-6 for clean labels."
                )
        self.classes, self.weights, self.noises = list(classes), [float(w) for w in weights], noises

    def prefixes(
        self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]
    ) -> Float[Tensor, "*prompt place"]:
        """Posterior mean of every label from the pairs before it."""
        return self.posterior(x, y).mean

    def at_query(
        self,
        context_x: Float[Tensor, "*prompt n d"],
        context_y: Float[Tensor, "*prompt n"],
        query_x: Float[Tensor, "*prompt d"],
    ) -> Posterior:
        """Everything the mixture says of the query, with one place."""
        x, y = with_query(*prompts(context_x, context_y), query_x)
        found = self.posterior(x, y)
        last = slice(y.shape[-1] - 1, None)
        return Posterior(
            mean=found.mean[..., last],
            classes=found.classes[..., last, :],
            class_means=found.class_means[..., last, :],
            log_evidence=found.log_evidence[..., last],
        )

    def posterior(self, x: Float[Tensor, "*prompt place d"], y: Float[Tensor, "*prompt place"]) -> Posterior:
        """Everything the mixture says at every place, from the pairs before it."""
        x, y = prompts(x, y)
        lead, n = y.shape[:-1], y.shape[-1]
        rows, labels = x.reshape(-1, *x.shape[-2:]).permute(1, 2, 0), y.reshape(-1, n).T
        both = [self._one_class(own, noise, rows, labels) for own, noise in zip(self.classes, self.noises, strict=True)]
        means, evidences = (torch.stack(parts, -1) for parts in zip(*both, strict=True))
        joint = evidences + torch.tensor(self.weights, dtype=torch.float64).log()
        share = joint.softmax(-1)
        return Posterior(
            mean=(share * means).sum(-1).reshape(*lead, n),
            classes=share.reshape(*lead, n, len(self.classes)),
            class_means=means.reshape(*lead, n, len(self.classes)),
            log_evidence=joint.logsumexp(-1).reshape(*lead, n),
        )

    @staticmethod
    def _one_class(
        own: Hypotheses, noise: float, rows: Float[Tensor, "place d prompt"], labels: Float[Tensor, "place prompt"]
    ) -> tuple[Float[Tensor, "prompt place"], Float[Tensor, "prompt place"]]:
        """Posterior mean and log evidence of one class, its hypotheses averaged."""
        variances = own.variances(rows.shape[1])
        block = max(1, CELLS_AT_ONCE // (variances.shape[0] * variances.numel()))
        means, evidences = [], []
        for some, known in zip(rows.split(block, -1), labels.split(block, -1), strict=True):
            found = gaussian_filter(own.features(some.contiguous()), known, variances, noise)
            log_evidence = found.log_evidence[:-1]
            highest = log_evidence.amax(1, keepdim=True)
            likely = (log_evidence - highest).exp()
            total = likely.sum(1)
            mean = (likely * found.mean).sum(1) / total
            if bool(mean.isnan().any()):
                raise LatebloomError(
                    f"noise_variance = {noise:g} is lost in rounding beside these labels: use 1e-6 for clean ones."
                )
            means.append(mean.T)
            evidences.append((highest[:, 0] + total.log() - math.log(variances.shape[1])).T)
        return torch.cat(means), torch.cat(evidences)


def dense_and_sparse(
    d: int, nonzeros: int, dense_weight: float = 0.5, noise_variance: float = 0.01, scaling: str = "unit"
) -> MixturePosterior:
    """The optimum of the dense/sparse mixture; "unit": both classes have variance 1, "published": d and nonzeros.

    `dense_weight` 1 and 0 give the single-class optima.
    """
    if scaling not in ("unit", "published"):
        raise LatebloomError(f"scaling = {scaling!r} must be 'unit' or 'published'.")
    unit = scaling == "unit"
    sparse = LinearHypotheses("sparse", 1 / nonzeros if unit and nonzeros > 0 else 1.0, nonzeros)
    sparse.supports(d)
    dense = LinearHypotheses("dense", 1 / d if unit else 1.0)
    return MixturePosterior([dense, sparse], [dense_weight, 1 - dense_weight], noise_variance)
