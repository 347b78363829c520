"""Functions to be learned in context: classes, inputs, mixtures, curriculum, layouts, and the task made of them."""

from latebloom.tasks.functions.base import FUNCTIONS, FunctionClass
from latebloom.tasks.functions.combination import Combination
from latebloom.tasks.functions.curriculum import Curriculum
from latebloom.tasks.functions.inputs import INPUTS, InputDistribution
from latebloom.tasks.functions.linear import Dense, Sparse
from latebloom.tasks.functions.mixture import Component, Mixture, Prompts, draw_prompts, parse_component, parse_mixture
from latebloom.tasks.functions.polynomial import Cubic, Quadratic
from latebloom.tasks.functions.pool import Pool
from latebloom.tasks.functions.task import InContextFunctions
from latebloom.tasks.functions.tree import DecisionTree
from latebloom.tasks.functions.two_layer import TwoLayer
from latebloom.tasks.functions.waves import FourierSeries, Line, Sinusoid

__all__ = [
    "FUNCTIONS",
    "INPUTS",
    "Combination",
    "Component",
    "Cubic",
    "Curriculum",
    "DecisionTree",
    "Dense",
    "FourierSeries",
    "FunctionClass",
    "InContextFunctions",
    "InputDistribution",
    "Line",
    "Mixture",
    "Pool",
    "Prompts",
    "Quadratic",
    "Sinusoid",
    "Sparse",
    "TwoLayer",
    "draw_prompts",
    "parse_component",
    "parse_mixture",
]
