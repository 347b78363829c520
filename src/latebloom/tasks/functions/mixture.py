"""Mixtures of function classes, written as text, and prompts drawn from them.

    dense                               one class
    dense+sparse                        equal weights
    0.9*dense+0.1*sparse                weights of your own
    sparse:nonzeros=3, dense:scale=2    a setting of the class's own
    pool:functions=64                   64 dense functions, always the same ones
    dense@skewed, dense@gaussian:scale=2   another distribution of inputs
    line~sinusoid:share=0.25            convex combination: 0.25 line + 0.75 sinusoid (share 0.5 if not said)

Behind the ~ of a combination share, scale and noise_variance are those of the sum.

>>> [c.text for c in parse_mixture("0.25*dense+0.75*sparse:nonzeros=1", {"d": 4}).components]
['dense', 'sparse:nonzeros=1']
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from latebloom.errors import LatebloomError
from latebloom.spec import Spec
from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass
from latebloom.tasks.functions.combination import Combination
from latebloom.tasks.functions.inputs import INPUTS, InputDistribution

Per = Literal["sequence", "batch", "step"]


@dataclass(frozen=True)
class Component:
    """A class of functions with its inputs, and the text it was written as."""

    function: FunctionClass
    inputs: InputDistribution
    text: str


@dataclass(frozen=True)
class Mixture:
    """Components and the probability of each."""

    components: tuple[Component, ...]
    weights: tuple[float, ...]

    def check(self, lengths: Sequence[int], d: int) -> None:
        """Raises `LatebloomError` where prompts of one of these numbers of points of d numbers cannot be drawn."""
        for component in self.components:
            if (own := component.function.d) != d:
                raise LatebloomError(
                    f"{component.text!r} takes inputs of {own} numbers, the task has {d}: leave d out and set task.d."
                )
            for points in lengths:
                component.inputs.check(points, d)


@dataclass(frozen=True, eq=False)
class Prompts:
    """Drawn prompts: inputs, labels, what the labels are without noise, and which component each is of."""

    x: Float[np.ndarray, "n points d"]
    y: Float[np.ndarray, "n points"]
    clean: Float[np.ndarray, "n points"]
    which: Int[np.ndarray, " n"]


def parse_mixture(text: str, settings: Mapping[str, Any]) -> Mixture:
    """A mixture from its text; `settings` are what classes take where the text says nothing.

    Raises `LatebloomError` for unknown names, settings that do not fit, or weights that do not sum to 1.
    """
    weights, components = [], []
    for part in text.split("+"):
        front, star, rest = part.strip().partition("*")
        weights.append(_number(front, part) if star else None)
        components.append(parse_component(rest if star else front, settings))
    given = [weight for weight in weights if weight is not None]
    if not given:
        return Mixture(tuple(components), (1 / len(components),) * len(components))
    if len(given) < len(weights):
        raise LatebloomError(f"The mixture {text!r} gives weights to some classes: give one to each, or to none.")
    if min(given) < 0 or not math.isclose(sum(given), 1, abs_tol=1e-9):
        raise LatebloomError(
            f"The weights of the mixture {text!r} sum to {sum(given):g}: they must be at least 0 and sum to 1."
        )
    return Mixture(tuple(components), tuple(given))


def parse_component(text: str, settings: Mapping[str, Any]) -> Component:
    """One class with its inputs from its text. Raises `LatebloomError` as `parse_mixture` does."""
    front, at, back = text.strip().partition("@")
    first, tilde, second = front.partition("~")
    function = _function(first, settings)
    if tilde:
        if "noise_variance" in _words(first)[1]:
            raise LatebloomError(f"{first!r} in {text!r}: noise is of the sum; write noise_variance behind the ~.")
        name, own = _words(second)
        whole = {key: own.pop(key) for key in ("share", "scale", "noise_variance") if key in own}
        other = _function(":".join([name, *(f"{key}={value}" for key, value in own.items())]), settings)
        function = Combination.parse(
            {"d": function.d, "first": function, "second": other}
            | {"noise_variance": settings.get("noise_variance", 0.0)}
            | whole
        )
    name, own = _words(back) if at else (function.inputs, {})
    return Component(function, INPUTS[name].parse(own), text.strip())


def draw_prompts(
    mixture: Mixture,
    generator: np.random.Generator,
    n: int,
    points: int,
    per: Per = "sequence",
    step: int = 0,
    active: int | None = None,
) -> Prompts:
    """N prompts of `points` pairs.

    A class is drawn for each sequence, once for the whole batch (Panwar et al. 2024), or by turns, one a step (Bai et
    al. 2023). Coordinates from `active` on are 0.
    """
    count = len(mixture.components)
    if per == "sequence":
        which = generator.choice(count, n, p=mixture.weights)
    else:
        which = np.full(n, step % count if per == "step" else generator.choice(count, p=mixture.weights))
    d = mixture.components[0].function.d
    x, clean, noise = np.empty((n, points, d)), np.empty((n, points)), np.zeros((n, 1))
    for index, component in enumerate(mixture.components):
        own = np.flatnonzero(which == index)
        if not len(own):
            continue
        function = component.function
        drawn = component.inputs.draw(generator, len(own), points, d)
        if active is not None:
            drawn[..., active:] = 0.0
        x[own] = drawn
        clean[own] = function.values(function.draw(generator, len(own), active), drawn)
        noise[own] = function.noise_variance
    y = clean + np.sqrt(noise) * generator.standard_normal(clean.shape) if noise.any() else clean
    return Prompts(x, y, clean, which)


def _function(text: str, settings: Mapping[str, Any]) -> FunctionClass:
    name, own = _words(text)
    kind = FUNCTIONS[name]
    return kind.parse(_known(kind, settings) | own)


def _known(kind: type[Spec], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key in kind.model_fields}


def _words(text: str) -> tuple[str, dict[str, Any]]:
    """Name and settings of `name:key=value:key=value`."""
    name, *rest = (word.strip() for word in text.split(":"))
    own = {}
    for word in rest:
        key, sign, value = word.partition("=")
        if not sign:
            raise LatebloomError(f"{word!r} in {text!r} is no setting: write name:key=value, e.g. sparse:nonzeros=3.")
        own[key] = _value(value)
    return name, own


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None if text == "None" else text


def _number(text: str, part: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise LatebloomError(f"{text!r} in {part.strip()!r} is no weight: write 0.9*dense+0.1*sparse.") from None
