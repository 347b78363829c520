"""What an optimiser is: state for a population, and one update of all members, each with its own hyperparameters.

A row of the table is a base rule, optionally behind a transform of the gradient (Grokfast, orthogonal gradient).
Everything keeps the leading member axis: `hyper[name]` is a tensor [member].
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from latebloom.registry import Registry

Hyper = Mapping[str, Tensor]  # lr, weight_decay, beta1, ... -> [member]
State = dict[str, Tensor]  # "<buffer>/<parameter>" -> [member, ...]; saved with every checkpoint
Params = dict[str, Tensor]


class Rule(Protocol):
    """A base update rule."""

    @property
    def version(self) -> int:
        """Raised when the same settings give other numbers."""

    def init(self, params: Params, window: int) -> State:
        """Buffers at step 0."""

    def update(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> None:
        """Changes `params` and `state` in place; `step` counts from 1."""


class Transform(Protocol):
    """A change of the gradient before the base rule sees it."""

    @property
    def version(self) -> int:
        """Raised when the same settings give other numbers."""

    def init(self, params: Params, window: int) -> State:
        """Buffers at step 0."""

    def apply(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> Params:
        """The gradients to use; may change `state` in place."""


@dataclass(frozen=True)
class Optimiser:
    """A row of the table."""

    rule: Rule
    transform: Transform | None = None
    about: str = ""  # one line for lists

    @property
    def version(self) -> tuple[int, ...]:
        """Versions of the parts and of the rules they are built on, for the run's hash."""
        return versions(self.rule) + (versions(self.transform) if self.transform else ())

    def init(self, params: Params, window: int) -> State:
        """All buffers at step 0."""
        first = self.transform.init(params, window) if self.transform else {}
        return first | self.rule.init(params, window)

    def update(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> None:
        """One step of every member, in place."""
        if self.transform is not None:
            grads = self.transform.apply(params, grads, state, hyper, step)
        self.rule.update(params, grads, state, hyper, step)


OPTIMISERS: Registry[Optimiser] = Registry("optimiser")


def versions(part: Rule | Transform) -> tuple[int, ...]:
    """A part's own version, then those of the parts it holds: Muon's numbers change when AdamW's do."""
    inner = [value for value in vars(part).values() if hasattr(value, "version")]
    return (part.version, *(version for value in inner for version in versions(value)))


def wide(value: Tensor, like: Tensor) -> Tensor:
    """[member] -> [member, 1, ...], to multiply a parameter of any shape."""
    return value.view(-1, *[1] * (like.ndim - 1))


def zeros(params: Params, *buffers: str) -> State:
    """Zero buffers named `<buffer>/<parameter>`, each shaped as its parameter."""
    return {f"{buffer}/{name}": torch.zeros_like(value) for buffer in buffers for name, value in params.items()}


def equal_runs(hyper: Hyper, names: tuple[str, ...]) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Runs of neighbouring members whose named hyperparameters agree: (first, end, values)."""
    table = list(zip(*[hyper[name].tolist() for name in names], strict=True))
    first = 0
    for end in range(1, len(table) + 1):
        if end == len(table) or table[end] != table[first]:
            yield first, end, dict(zip(names, table[first], strict=True))
            first = end
