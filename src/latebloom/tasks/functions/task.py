"""In-context learning of function classes: a sequence shows pairs of one unseen function and asks for the next value.

A mixture of classes is trained on; every prompt has a function of its own. Garg et al. 2022 (arXiv 2208.01066) train
on single classes, Yadlowsky et al. 2023 (arXiv 2311.00871) on mixtures. Training targets are the labels as seen;
targets of the fixed test splits are the clean values.

Example: two pairs of a function of two numbers, as a sequence and with what is asked at each place.

>>> task = InContextFunctions(d=2, points=2, mixture="dense", tests="dense")
>>> tokens = task.sequences(np.array([[[1.0, 2.0], [3.0, 4.0]]]), np.array([[9.0, 8.0]]))
>>> for token, answer in zip(tokens[0].tolist(), task.answer(torch.from_numpy(tokens))[0].tolist()):
...     print(token, "->", *answer)
[1.0, 2.0] -> 9.0
[9.0, 0.0] -> 0.0
[3.0, 4.0] -> 8.0
[8.0, 0.0] -> 0.0
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Batch, Data, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.randomness import stream
from latebloom.spec import vary
from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.functions import layout as layouts
from latebloom.tasks.functions.curriculum import Curriculum
from latebloom.tasks.functions.mixture import Mixture, Per, Prompts, draw_prompts, parse_mixture
from latebloom.tasks.rows import to_batch

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # inputs, targets, weight


@TASKS.register("in_context_functions")
class InContextFunctions(Task):
    """Predict y_i = f(x_i) at the place of x_i, from the pairs before it. `mixture` says how mixtures are written."""

    kind: Literal["in_context_functions"] = "in_context_functions"
    mixture: str = vary("dense+sparse", description="classes to train on, e.g. 0.9*dense+0.1*sparse")
    per: Per = vary("sequence", description="a class is drawn for each sequence, each batch, or by turns each step")
    d: int = Field(20, ge=1, description="numbers in one x")
    points: int = Field(41, ge=1, description="pairs in the longest prompt, the queried one included")
    layout: layouts.Layout = Field(
        "garg", description="x and y as tokens by turns; 'raventos': a coordinate for y; 'paired': y beside its x"
    )
    name_class: bool = Field(False, description="the first token names the class")
    scaling: Literal["unit", "published"] = vary("unit", description="every class has variance 1, or as published")
    noise_variance: float = vary(0.0, ge=0, description="of the noise on labels")
    nonzeros: int = vary(2, ge=1, description="sparse: weights that are not 0")
    hidden: int = vary(100, ge=1, description="relu: units of the network")
    depth: int = vary(4, ge=1, description="tree: questions from the root to a leaf")
    terms: int = vary(10, ge=1, description="fourier: largest number of frequencies")
    low: float = vary(1.0, ge=0, description="sinusoid: smallest frequency")
    high: float = vary(5.0, ge=0, description="sinusoid: largest frequency")
    tests: str = Field("dense+sparse", description="classes to test on, one split each: test_dense, test_sparse, ...")
    n_test: int = Field(1280, ge=1, description="prompts of a test split")
    batch_size: int = Field(64, ge=1, description="prompts in a training step")
    curriculum: Curriculum = Curriculum()
    split_seed: int | None = vary(None, description="which test prompts; None: the member's own seed")

    @model_validator(mode="after")
    def _check(self) -> "InContextFunctions":
        trained, tested = self._parsed("mixture"), self._parsed("tests")
        if self.per == "step" and len(set(trained.weights)) > 1:
            raise ValueError(
                f"task.per = 'step' takes classes by turns, so their weights must be equal; task.mixture = "
                f"{self.mixture!r}. Use task.per=sequence or batch."
            )
        least = max(component.function.least_dimensions for component in trained.components)
        if self.curriculum.every and self.curriculum.dims < least:
            raise ValueError(
                f"task.curriculum.dims = {self.curriculum.dims} active coordinates are too few for {self.mixture!r}: "
                f"start with at least {least}."
            )
        # A curriculum draws shorter prompts too.
        drawn = (min(self.curriculum.at(0, self.d, self.points)[1], self.points), self.points)
        for field, mixture, lengths in (("mixture", trained, drawn), ("tests", tested, drawn[1:])):
            try:
                mixture.check(lengths, self.d)
            except LatebloomError as error:
                raise LatebloomError(f"task.{field} = {getattr(self, field)!r}: {error}") from None
        names = [split_name(component.text) for component in tested.components]
        if len(set(names)) < len(names):
            raise ValueError(f"task.tests = {self.tests!r} names one split twice: {', '.join(names)}.")
        if self.name_class:
            self._labels(trained)
        return self

    @property
    def trained(self) -> Mixture:
        """What is trained on."""
        return self._parsed("mixture")

    @property
    def tested(self) -> Mixture:
        """What is tested on, one component a split."""
        return self._parsed("tests")

    @property
    def signature(self) -> Signature:
        """Tokens in, one number out at each place."""
        places = 2 * self.points + self.name_class
        return Signature(layouts.width(self.layout, self.d), 1, n_ctx=places, real_targets=True)

    @property
    def x_places(self) -> slice:
        """The places that hold an x, where predictions are read."""
        return slice(int(self.name_class), None, 2)

    def sequences(
        self,
        x: Float[np.ndarray, "n points d"],
        y: Float[np.ndarray, "n points"],
        label: Int[np.ndarray, " n"] | None = None,
    ) -> Float[np.ndarray, "n pos width"]:
        """Prompts of one's own as sequences. Raises `LatebloomError` where they do not fit what is trained on."""
        if x.shape[-1] != self.d or y.shape != x.shape[:-1]:
            raise LatebloomError(
                f"Inputs of shape {x.shape} and labels of shape {y.shape}: they must be [n, points, {self.d}] and "
                "[n, points]."
            )
        if x.shape[1] > self.points:
            raise LatebloomError(
                f"A prompt of {x.shape[1]} pairs is longer than the {self.points} trained on (task.points); "
                "shorten it, or train with more points."
            )
        if self.name_class and label is None:
            raise LatebloomError("task.name_class: say which class each prompt is of (its place in task.tests).")
        return layouts.sequence(x, y, self.layout, label if self.name_class else None)

    def pairs(
        self, inputs: Float[Tensor, "*prompt pos width"]
    ) -> tuple[Float[Tensor, "*prompt points d"], Float[Tensor, "*prompt points"]]:
        """The x and y that a sequence was made of: what reference predictors take."""
        tokens = inputs[..., int(self.name_class) :, :]
        return tokens[..., ::2, tokens.shape[-1] - self.d :], tokens[..., 1::2, 0]

    def answer(self, inputs: Float[Tensor, "*prompt pos width"]) -> Float[Tensor, "*prompt pos 1"]:
        """The label that follows each x; 0 at other places. The best guess without it is a baseline's to make."""
        answers = torch.zeros_like(inputs[..., :1])
        answers[..., self.x_places, 0] = self.pairs(inputs)[1]
        return answers

    def data(self, members: Sequence[Task], seeds: Sequence[int], place: Place) -> Data:
        """Fresh prompts at every step; splits `test_<class>` [member, n_test, pos, width] with clean targets."""
        own = [member for member in members if isinstance(member, InContextFunctions)]
        splits = {}
        for index, component in enumerate(self.tested.components):
            parts = [task.test(index, seed) for task, seed in zip(own, seeds, strict=True)]
            inputs, targets, weight = (np.stack(part) for part in zip(*parts, strict=True))
            splits[split_name(component.text)] = to_batch(inputs, targets, weight, place)
        return FreshPrompts(splits, own, seeds, place)

    def batch(self, seed: int, step: int) -> Arrays:
        """One member's training batch of a step, without the member axis."""
        active, points = self.curriculum.at(step, self.d, self.points)
        mixture = self.trained
        narrowed = active if active < self.d else None
        drawn = draw_prompts(mixture, stream(seed, "batch", step), self.batch_size, points, self.per, step, narrowed)
        return self._arrays(drawn, drawn.y, mixture, np.ones(points))

    def test(self, index: int, seed: int) -> Arrays:
        """One member's test split of one class, without the member axis; targets are clean."""
        component = self.tested.components[index]
        only = Mixture((component,), (1.0,))
        own = seed if self.split_seed is None else self.split_seed
        drawn = draw_prompts(only, stream(own, "test", component.text), self.n_test, self.points)
        counted = np.ones(self.points)
        if component.inputs.query_only:
            counted[:-1] = 0.0
        return self._arrays(drawn, drawn.clean, only, counted)

    def _arrays(self, drawn: Prompts, targets: np.ndarray, mixture: Mixture, counted: np.ndarray) -> Arrays:
        label = self._labels(mixture)[drawn.which] if self.name_class else None
        weight = layouts.at_x_places(np.broadcast_to(counted, targets.shape), self.name_class)
        placed = layouts.at_x_places(targets, self.name_class)
        return layouts.sequence(drawn.x, drawn.y, self.layout, label), placed[..., None], weight

    def _labels(self, mixture: Mixture) -> Int[np.ndarray, " component"]:
        """The number by which the first token names each component: the place of its class in `tests`."""
        known = list(dict.fromkeys(component.function.kind for component in self.tested.components))
        wanted = [component.function.kind for component in mixture.components]
        missing = [kind for kind in wanted if kind not in known]
        if missing:
            raise ValueError(f"task.name_class numbers classes as task.tests lists them; {missing[0]!r} is not there.")
        if len(known) > layouts.width(self.layout, self.d):
            raise ValueError(f"task.name_class: {len(known)} classes do not fit a token of {self.d} numbers.")
        return np.array([known.index(kind) for kind in wanted])

    def _parsed(self, field: str) -> Mixture:
        names = ("d", "scaling", "noise_variance", "nonzeros", "hidden", "depth", "terms", "low", "high")
        settings: dict[str, Any] = {name: getattr(self, name) for name in names}
        text = getattr(self, field)
        try:
            return parse_mixture(text, settings)
        except LatebloomError as error:
            raise LatebloomError(f"task.{field} = {text!r}: {error}") from None


class FreshPrompts(Data):
    """Prompts drawn anew at every step, a function of a member's seed and the step alone."""

    def __init__(
        self, splits: dict[str, Batch], members: Sequence[InContextFunctions], seeds: Sequence[int], place: Place
    ) -> None:
        super().__init__(splits)
        self.members, self.seeds, self.place = list(members), list(seeds), place

    def batch(self, step: int) -> Batch:
        """The batch of one step, [member, batch_size, pos, width]; shorter while a curriculum says so."""
        own = [task.batch(seed, step) for task, seed in zip(self.members, self.seeds, strict=True)]
        inputs, targets, weight = (np.stack(part) for part in zip(*own, strict=True))
        return to_batch(inputs, targets, weight, self.place)


def split_name(text: str) -> str:
    """The split of one test class.

    >>> split_name("sparse:nonzeros=3@gaussian:scale=0.5")
    'test_sparse_nonzeros_3_gaussian_scale_0_5'
    """
    return "test_" + re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
