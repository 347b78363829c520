"""What is learned: one file a task, each with its rule, worked examples, rows and exact answer."""

from latebloom.tasks.base import TASKS, Task
from latebloom.tasks.dynamics import LinearDynamics, NonlinearDynamics
from latebloom.tasks.functions import InContextFunctions
from latebloom.tasks.hub_text import HubText
from latebloom.tasks.language import Dyck, QuestionFormation, SimpleAgreement, TenseInflection
from latebloom.tasks.majority import Majority
from latebloom.tasks.modular import ModularArithmetic
from latebloom.tasks.multiplication import Multiplication
from latebloom.tasks.parity import SparseParity
from latebloom.tasks.shipped_text import Shakespeare
from latebloom.tasks.sine_sum import SineSum
from latebloom.tasks.text import SyntheticText, Text

__all__ = [
    "TASKS",
    "Dyck",
    "HubText",
    "InContextFunctions",
    "LinearDynamics",
    "Majority",
    "ModularArithmetic",
    "Multiplication",
    "NonlinearDynamics",
    "QuestionFormation",
    "Shakespeare",
    "SimpleAgreement",
    "SineSum",
    "SparseParity",
    "SyntheticText",
    "Task",
    "TenseInflection",
    "Text",
]
