"""What the judges of this study ask of a run: trained networks by what they were trained on, and prompts to ask them.

A judge gets its networks from `arms` alone, so that it can be tried on predictors whose answers are known.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.claims import Finding, NothingToJudge, Readable, undecided
from latebloom.instruments.icl_curve import EvaluationPrompts, normalised_errors
from latebloom.randomness import stream
from latebloom.runs.run import Run
from latebloom.tasks import InContextFunctions
from latebloom.tasks.functions import Curriculum, draw_prompts
from latebloom.training.experiment import Experiment

PROMPTS = 2000  # of every class that a judge asks about
# Of functions of one number a hundredth of the prompts holds a third to a half of the error: on 2,000 of them a mean is
# known to 10 to 15 % only. So many are asked about where a rule rests on it.
MANY = 8000
AT_ONCE = 128  # prompts that go through a network together

Curve = Float[np.ndarray, " place"]
Predict = Callable[[Tensor, Tensor], Tensor]


class Network(Protocol):
    """A predictor of all prefixes with the task it was trained on."""

    @property
    def task(self) -> InContextFunctions:
        """What it was trained on."""

    @property
    def seed(self) -> int:
        """Its training seed."""

    @property
    def width(self) -> int:
        """Width of its residual stream."""

    @property
    def even_from(self) -> float:
        """The step from which its recipe no longer adds coordinates or pairs and no longer raises the rate."""

    def says(self, x: Tensor, y: Tensor, label: int | None = None) -> Tensor:
        """Prediction of every label from the pairs before it, float64; `label` where the class is named."""

    def untrained(self, x: Tensor, y: Tensor) -> Tensor:
        """The same before its first step."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A member of a run."""

    run: Run
    member: int
    specification: Experiment
    known: dict[tuple[Any, ...], tuple[Tensor, ...]] = field(default_factory=dict, repr=False)  # what was asked

    @property
    def task(self) -> InContextFunctions:
        """What it was trained on."""
        return cast(InContextFunctions, self.specification.task)

    @property
    def seed(self) -> int:
        """Its training seed."""
        return self.specification.seed

    @property
    def width(self) -> int:
        """Width of its residual stream."""
        return int(getattr(self.specification.model, "d_model", 0))

    @property
    def even_from(self) -> float:
        """The step from which its recipe no longer adds coordinates or pairs and no longer raises the rate."""
        whole = self.task.curriculum.whole_from(self.task.d, self.task.points)
        return max(whole, float(self.specification.training.warmup))

    @property
    def steps(self) -> list[int]:
        """Steps at which its weights were kept."""
        return self.run.snapshot_steps(self.member)

    def says(
        self, x: Tensor, y: Tensor, label: int | None = None, step: int | None = None
    ) -> Float[Tensor, "prompt place"]:
        """Prediction of every label from the pairs before it, at a kept step (None: the last).

        Judges ask the same prompts again and again, so answers are remembered.
        """
        key = (id(x), id(y), label, step)
        if key not in self.known:
            self.known[key] = (self._says(x, y, label, step), x, y)  # kept, so that nothing else gets their ids
        return self.known[key][0]

    def _says(self, x: Tensor, y: Tensor, label: int | None, step: int | None) -> Tensor:
        names = None if label is None else np.full(len(y), label)
        rows = torch.from_numpy(self.task.sequences(x.numpy(), y.numpy(), names)).float()
        params = {name: value[None] for name, value in self.run.parameters(self.member, step).items()}
        with torch.no_grad():
            out = [self.specification.model.forward(params, some[None])[0] for some in rows.split(AT_ONCE)]
        return torch.cat(out)[:, self.task.x_places, 0].double()

    def untrained(self, x: Tensor, y: Tensor) -> Tensor:
        """The same before its first step."""
        return self.says(x, y, step=self.steps[0])


class Arms(dict[str, list[Network]]):
    """Networks by the mixture they were trained on; `NothingToJudge` for a mixture of which nobody is left."""

    def __getitem__(self, mixture: str) -> list[Network]:
        if not (group := super().__getitem__(mixture)):
            raise NothingToJudge(f"No member trained on {mixture} reached its end.")
        return group


def arms(run: Readable) -> Arms:
    """The members of a run that did not diverge, by the mixture they were trained on, each list by seed."""
    own = cast(Run, run)
    return _arms(own.path, own.hash, tuple(own.snapshot_steps()))


@lru_cache(maxsize=4)
def _arms(path: Path, hash: str, steps: tuple[int, ...]) -> Arms:
    """Read once for all claims that rest on a run; the hash and the kept steps say whether it is still the same."""
    own = Run(path)
    found: dict[str, list[Network]] = {}
    for member, diverged in own.members()[["member", "diverged"]].itertuples(index=False):
        network = Trained(own, int(member), Experiment.parse(own.specification(int(member))))
        group = found.setdefault(network.task.mixture, [])
        if not diverged:
            group.append(network)
    return Arms((name, sorted(group, key=lambda network: network.seed)) for name, group in found.items())


def prompts(task: InContextFunctions, text: str, count: int | None = None) -> EvaluationPrompts:
    """Prompts of one class, written as in a mixture, with the task's settings: the same ones at every call.

    Errors on them are divided by the variance of a clean value under the inputs that are drawn; where only the last
    input is as it should be (a query orthogonal to its context, ...), those before have none (NaN).
    """
    asked = task.replace({"mixture": text, "tests": text, "name_class": False, "curriculum": Curriculum()})
    return _drawn(asked.model_dump_json(), text, PROMPTS if count is None else count)


@lru_cache(maxsize=64)
def _drawn(asked: str, text: str, count: int) -> EvaluationPrompts:
    task = InContextFunctions.model_validate_json(asked)
    mixture = task.trained
    drawn = draw_prompts(mixture, stream(0, "model selection", text, count), count, task.points)
    x, y, clean = (torch.from_numpy(part) for part in (drawn.x, drawn.y, drawn.clean))
    component = mixture.components[0]
    if component.inputs.query_only:  # a copy: without noise labels and clean values are one array
        clean = torch.cat([torch.full_like(clean[:, :-1], torch.nan), clean[:, -1:]], 1)
    return EvaluationPrompts(x, y, clean, component.function.variance_under(component.inputs))


def errors(predict: Predict, asked: EvaluationPrompts) -> Float[Tensor, "prompt place"]:
    """Squared error of every prediction against the clean value, over the variance of the class."""
    return normalised_errors(predict(asked.x, asked.y), asked.clean, asked.variance)


def curve(predict: Predict, asked: EvaluationPrompts) -> Curve:
    """Mean error after each number of pairs."""
    return errors(predict, asked).mean(0).numpy()


def curves(networks: Sequence[Network], asked: EvaluationPrompts) -> Float[np.ndarray, "network place"]:
    """Mean error of every network after each number of pairs."""
    return np.stack([curve(network.says, asked) for network in networks])


def untrained_curves(networks: Sequence[Network], asked: EvaluationPrompts) -> Float[np.ndarray, "network place"]:
    """The same before their first step."""
    return np.stack([curve(network.untrained, asked) for network in networks])


def by_count(rows: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Median over networks of curves [network, place] (or [place]) by number of pairs and name, for pictures."""
    middle = {name: np.median(np.atleast_2d(values), 0) for name, values in rows.items()}
    places = len(next(iter(middle.values())))
    return {str(k): {name: float(values[k]) for name, values in middle.items()} for k in range(places)}


def told_of(who: str, finding: Finding) -> Finding:
    """A finding that says whom it is about."""
    return replace(finding, measured=f"{who}: {finding.measured}")


def nothing_to_see(why: str, seeds: int) -> Finding:
    """The finding of a rule that does not apply to what was measured."""
    return undecided("nothing to judge", f"Nothing to judge: {why}.", seeds=seeds)
