"""References for a task of this study: the exact optimum of what it was trained on, least squares, a tuned Lasso."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.baselines.fourier_series import FourierHypotheses
from latebloom.baselines.lasso import Lasso
from latebloom.baselines.least_squares import LeastSquares
from latebloom.baselines.line_or_sinusoid import SinusoidHypotheses
from latebloom.baselines.mixture_posterior import Hypotheses, LinearHypotheses, MixturePosterior
from latebloom.baselines.pool_posterior import PoolPosterior
from latebloom.errors import LatebloomError
from latebloom.studies.model_selection.claims.networks import Curve, curve, prompts
from latebloom.tasks import InContextFunctions
from latebloom.tasks.functions import (
    Combination,
    Cubic,
    Curriculum,
    Dense,
    FourierSeries,
    FunctionClass,
    Line,
    Pool,
    Quadratic,
    Sinusoid,
    Sparse,
)

CLEAN = 1e-6  # noise that the optimum of clean labels assumes: without any, evidence is zero or infinite
ALPHAS = (1.0, 0.1, 0.03, 0.01, 0.003, 0.001)  # Garg et al. 2022 search 1 to 1e-4 by factors of ten
HELD_OUT = 1001  # prompts on which Lasso's penalty is chosen
SHARES = 9  # points at which combinations of unknown share are enumerated


def optimum(task: InContextFunctions, mixture: str | None = None) -> MixturePosterior:
    """The exact posterior mean under a mixture, by default the one that the task trains on.

    Combinations of unknown share enter as `SHARES` classes of known shares. Raises `LatebloomError` for classes whose
    posterior has no closed form (networks, trees), and where classes have inputs of their own: it tells classes apart
    by labels, and there the inputs do as well.
    """
    known = (
        task.trained
        if mixture is None
        else task.replace({"mixture": mixture, "name_class": False, "curriculum": Curriculum()}).trained
    )
    unlike = [component for component in known.components if component.inputs != known.components[0].inputs]
    if unlike:
        texts = (known.components[0].text, unlike[0].text)
        raise LatebloomError(
            f"The inputs of {texts[0]!r} and {texts[1]!r} differ, so that they tell the classes apart; the posterior "
            "here reads labels alone. Give both the same inputs, e.g. fourier@gaussian."
        )
    classes: list[Hypotheses] = []
    weights: list[float] = []
    noises: list[float] = []
    for component, weight in zip(known.components, known.weights, strict=True):
        own = hypotheses(component.function)
        classes += own
        weights += [weight / len(own)] * len(own)
        noises += [max(component.function.noise_variance, CLEAN)] * len(own)
    return MixturePosterior(classes, weights, noises)


def pool_posterior(task: InContextFunctions) -> PoolPosterior:
    """The exact posterior mean over the pool that a task trains on.

    Raises `LatebloomError` for a task that trains on something else, or on more than one pool.
    """
    first, *more = (component.function for component in task.trained.components)
    if more or not isinstance(first, Pool):
        raise LatebloomError(f"task.mixture = {task.mixture!r} is not one pool of functions, as pool:functions=64 is.")
    spread = (first.variance / first.published_variance) ** 0.5
    return PoolPosterior(torch.from_numpy(first.weights * spread), max(first.noise_variance, CLEAN))


def hypotheses(function: FunctionClass) -> list[Hypotheses]:
    """A class of functions as families of linear-Gaussian hypotheses; several where a share is unknown."""
    spread = (function.variance / function.published_variance) ** 0.5  # of each weight
    if isinstance(function, Sparse):
        return [LinearHypotheses("sparse", spread**2, function.nonzeros)]
    if isinstance(function, Dense | Line):
        return [LinearHypotheses(function.kind, spread**2)]
    if isinstance(function, Quadratic | Cubic):
        power = 2 if isinstance(function, Quadratic) else 3
        return [LinearHypotheses(function.kind, spread**2 / 3, power=power)]
    if isinstance(function, Sinusoid):
        return [SinusoidHypotheses(low=function.low, high=function.high, sinusoid=spread)]
    if isinstance(function, FourierSeries):
        return [FourierHypotheses("fourier", function.terms, function.half_period, spread**2)]
    if isinstance(function, Combination) and isinstance(function.first, Line) and isinstance(function.second, Sinusoid):
        shares = [(i + 0.5) / SHARES for i in range(SHARES)] if function.share is None else [function.share]
        low, high = function.second.low, function.second.high
        line, wave = (spread * part.variance**0.5 for part in (function.first, function.second))
        return [
            SinusoidHypotheses(f"combination {share:g}", low, high, sinusoid=wave * (1 - share), line=line * share)
            for share in shares
        ]
    if isinstance(function, Pool):
        raise LatebloomError("A pool's functions are finitely many, not Gaussian: ask `pool_posterior` for their mean.")
    raise LatebloomError(
        f"The posterior of the class {function.kind!r} has no closed form here; known are dense, sparse, line, "
        "quadratic, cubic, sinusoid, fourier and line~sinusoid. Compare with a specialist instead."
    )


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """The solution of smallest norm, for every prefix."""
    return LeastSquares().prefixes(x, y)


@dataclass(frozen=True)
class LassoByLength:
    """Lasso with a penalty for each number of pairs: one penalty for all would favour the length it was chosen at."""

    alphas: tuple[float, ...]

    def prefixes(self, x: Float[Tensor, "prompt place d"], y: Float[Tensor, "prompt place"]) -> Tensor:
        """Prediction of every label from the pairs before it."""
        said = {alpha: Lasso(alpha).prefixes(x, y) for alpha in set(self.alphas)}
        return torch.stack([said[alpha][..., k] for k, alpha in enumerate(self.alphas)], -1)


def tuned_lasso(task: InContextFunctions) -> LassoByLength:
    """At each number of pairs the penalty that does best there on sparse prompts that no judge asks about."""
    asked = task.replace({"mixture": "sparse", "tests": "sparse", "name_class": False})
    return LassoByLength(_alphas(asked.model_dump_json()))


@lru_cache(maxsize=16)
def _alphas(task: str) -> tuple[float, ...]:
    held_out = prompts(InContextFunctions.model_validate_json(task), "sparse", count=HELD_OUT)
    table = np.stack([curve(Lasso(alpha).prefixes, held_out) for alpha in ALPHAS])
    return tuple(ALPHAS[int(best)] for best in table.argmin(0))


def optimum_curve(task: InContextFunctions, text: str, mixture: str | None = None, count: int | None = None) -> Curve:
    """Mean error of an exact optimum on a class, after each number of pairs; `count` prompts, or as many as usual."""
    return curve(optimum(task, mixture).prefixes, prompts(task, text, count))
