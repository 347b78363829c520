"""What is learned: one file a task, each with its rule, worked examples, rows and exact answer."""

from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.dynamics import LinearDynamics, NonlinearDynamics
from latebloom.tasks.modular import ModularArithmetic
from latebloom.tasks.parity import SparseParity

__all__ = ["TASKS", "LinearDynamics", "ModularArithmetic", "NonlinearDynamics", "SparseParity", "Task"]
