"""An experiment: task, model, recipe, what to measure - one frozen record for one member; ranges make populations."""

from typing import Any, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from latebloom.errors import SpecificationError, unknown_name
from latebloom.models import LOSSES, MODELS, Model
from latebloom.spec import Spec, joined, vary
from latebloom.tasks import TASKS, Task
from latebloom.training.clipping import ClipBy
from latebloom.training.rate import Decay
from latebloom.training.schedule import Schedule

SCALES = ("smoke", "quick", "laptop", "paper")


def check_scale(scale: str) -> str:
    """The scale itself, if it is one of the four."""
    if scale not in SCALES:
        raise unknown_name("scale", scale, SCALES)
    return scale


class Stop(Spec):
    """When a member is done early: a measured quantity stays on one side of a value for some consecutive logs."""

    metric: str = Field("test_accuracy", description="the measured quantity that is watched")
    at_least: float | None = Field(0.99, description="it must be this large; None: no bound")
    at_most: float | None = Field(None, description="it must be this small; None: no bound")
    logs: int = Field(5, ge=1, description="for so many logs in a row")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("training.stop needs at_least or at_most: without either it holds at once.")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(
                f"training.stop: no value is at least {self.at_least} and at most {self.at_most}. "
                "Set the one that is not meant to None, e.g. training.stop.at_least=None."
            )
        return self


class Start(Spec):
    """Weights to begin from: another experiment's member of the same seed, as it was at one step (None: at its end)."""

    experiment: str = Field(description="name of the experiment whose networks these begin from")
    overrides: tuple[str, ...] = Field((), description="what is written behind its name")
    step: int | None = Field(None, description="the step whose weights are taken; None: the last")
    grow: bool = joined(False, description="parameters that the source does not have begin as drawn: further layers")


class Training(Spec):
    """The recipe. Numbers that shape only the update rule may differ between members."""

    steps: int = Field(1000, ge=0, description="updates; 0: a network as it begins")
    optimiser: str = Field("adamw", description="update rule: `latebloom ls optimisers`")
    loss: str = Field("cross_entropy", description="what is made small: `latebloom ls losses`")
    lr: float = vary(1e-3, ge=0, description="learning rate")
    lr_rest: float = vary(1e-3, ge=0, description="muon: learning rate of what is no hidden matrix (AdamW)")
    weight_decay: float = vary(
        0.0, ge=0, description="strength; its kind (L2 decoupled or coupled, L1) is the optimiser's"
    )
    beta1: float = vary(0.9, ge=0, lt=1, description="Adam: memory of the mean gradient")
    beta2: float = vary(0.98, ge=0, lt=1, description="Adam: memory of the mean squared gradient")
    eps: float = vary(1e-8, ge=0, description="Adam: added to the root of the mean squared gradient")
    momentum: float = vary(0.0, ge=0, lt=1, description="sgd and muon: memory of past updates")
    amplify: float = vary(2.0, ge=0, description="Grokfast's lambda")
    smooth: float = vary(0.98, ge=0, lt=1, description="Grokfast-EMA's alpha")
    window: int = Field(100, ge=1, description="Grokfast-MA's window, in steps")
    warmup: int = Field(0, ge=0, description="steps of linear warm-up")
    decay: Decay = joined("none", description="how the learning rate falls after warm-up")
    decay_steps: int | None = joined(None, ge=1, description="the step at which it has fallen; None: the last one")
    decay_to: float = joined(0.0, ge=0, description="what it falls to, as a share of lr")
    clip: float | None = vary(None, joined=True, gt=0, description="limit on the gradient, each member by itself")
    clip_by: ClipBy = joined("norm", description="clip the norm over all parameters, or every element")
    logit_scale: float = vary(1.0, gt=0, description="inverse temperature on the logits")
    clamp_norm: float | None = vary(
        None, gt=0, description="rescale all trained weights to this L2 norm after each step"
    )
    precision: Literal["float32", "float64"] = Field("float32", description="of all numbers in training")
    stop: Stop | None = Field(None, description="when a member is done early; None: never")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.decay != "none" and self.decay_steps is not None and self.decay_steps <= self.warmup:
            raise ValueError(
                f"training.decay_steps = {self.decay_steps} is no later than the end of the warm-up, "
                f"training.warmup = {self.warmup}: the rate would have fallen before it has risen."
            )
        return self


class Measure(Spec):
    """One named measurement and its schedule; None: at every log step."""

    name: str = Field(description="one of `latebloom ls measures`")
    when: Schedule | None = Field(None, description="at which steps; None: at every log step")


class Experiment(Spec):
    """Everything that decides the numbers of one member."""

    name: str = Field(description="what `latebloom ls experiments` calls it")
    scale: Literal["smoke", "quick", "laptop", "paper"] = Field("quick", description="its size")
    task: SerializeAsAny[Task] = Field(description="where data come from")
    model: SerializeAsAny[Model] = Field(description="what learns")
    training: Training = Field(Training(), description="the recipe")
    seed: int = vary(0, ge=0, description="decides first weights, data and their order")
    start: Start | None = Field(None, description="weights of other networks to begin from; None: as drawn")
    log: Schedule = Field(Schedule(every=100), description="at which steps is measured")
    snapshots: Schedule = Field(Schedule(), description="at which steps parameters are kept")
    measure: tuple[Measure, ...] = Field((), description="measured beside loss and accuracy: `latebloom ls measures`")
    population: int = Field(8, ge=1, description="at most so many members train together")
    device: str = Field("cpu", description="where it trains: cpu, cuda, cuda:1 or mps")

    @field_validator("task", mode="before")
    @classmethod
    def _task(cls, value: Any) -> Any:
        return TASKS[value.get("kind", "")].model_validate(value) if isinstance(value, dict) else value

    @field_validator("model", mode="before")
    @classmethod
    def _model(cls, value: Any) -> Any:
        return MODELS[value.get("kind", "")].model_validate(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        from latebloom.training.optimisers import (
            OPTIMISERS,  # the table imports torch kernels; specifications stay light
        )

        OPTIMISERS[self.training.optimiser], LOSSES[self.training.loss]
        if self.task.at_hand:
            self._check_signature()
        return self

    def check(self) -> None:
        """What its construction could not check, before it is priced or trained.

        Whether a task that had to be fetched for it fits loss and model, whether a network that is taught has a
        teacher (`start`), and whether first weights come from one place. Raises `LatebloomError` where not.
        """
        if not self.task.at_hand:
            self._check_signature()
        if self.model.taught and self.start is None:
            raise SpecificationError(
                f"{self.name}: a network that is taught must be told by whom: write start.experiment=NAME, whose "
                "networks teach and are begun from, each by its seed; where it has several of a seed, say which: "
                """start.overrides='["model.past=whole"]'."""
            )

        if self.model.read_from is not None and self.start is not None:
            raise SpecificationError(
                f"{self.name} would begin with the weights of {self.model.read_from} and with those of "
                f"{self.start.experiment}: take model.weights away, or write start=None."
            )

    def _check_signature(self) -> None:
        signature = self.task.signature
        if LOSSES[self.training.loss].real != signature.real_targets:
            fitting = ", ".join(sorted(name for name in LOSSES if LOSSES[name].real == signature.real_targets))
            raise SpecificationError(
                f"training.loss = {self.training.loss!r} does not fit the task {self.task.kind!r}, whose targets are "
                f"{'real numbers' if signature.real_targets else 'labels'}. Losses that do: {fitting}."
            )
        self.model.shapes(signature)
