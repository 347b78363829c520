"""What is learned: one file a task, each with its rule, worked examples, rows and exact answer."""

from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.dynamics import LinearDynamics, NonlinearDynamics
from latebloom.tasks.functions import InContextFunctions
from latebloom.tasks.language import Dyck, QuestionFormation, SimpleAgreement, TenseInflection
from latebloom.tasks.modular import ModularArithmetic
from latebloom.tasks.parity import SparseParity

__all__ = [
    "TASKS",
    "Dyck",
    "InContextFunctions",
    "LinearDynamics",
    "ModularArithmetic",
    "NonlinearDynamics",
    "QuestionFormation",
    "SimpleAgreement",
    "SparseParity",
    "Task",
    "TenseInflection",
]
