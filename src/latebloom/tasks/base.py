"""What a task is: a rule, worked examples, data for a population, and the exact answer."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from latebloom.data import Data, Place, Signature
from latebloom.registry import Registry
from latebloom.spec import Spec

TASKS: Registry[type["Task"]] = Registry("task")


class Task(Spec):
    """A rule to learn. Subclasses are frozen settings with behaviour; one file each."""

    kind: str
    version: ClassVar[int] = 1  # goes into every run's hash; raise it when the same settings give other numbers

    @property
    @abstractmethod
    def signature(self) -> Signature:
        """What a network must take and give."""

    @property
    def at_hand(self) -> bool:
        """Whether its signature is known without fetching anything. If not, what must fit it is checked later."""
        return True

    def reach(self) -> None:
        """Nothing, if its rows are here or made here; raises `LatebloomError` where they must be fetched and cannot."""

    @abstractmethod
    def data(self, members: Sequence["Task"], seeds: Sequence[int], place: Place) -> Data:
        """The rows of a population: `members` are this task with each member's own settings."""

    @abstractmethod
    def answer(self, inputs: Tensor) -> Tensor:
        """What a perfect network says, [..., n_inputs] -> [...]: ground truth of tests and pictures."""
