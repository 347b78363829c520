"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.model_selection.claims import (
    between,
    computed,
    extremes,
    lines,
    own_optimum,
    plateau,
    selection,
    shares,
    specialists,
    training,
    waiting,
)

__all__ = [
    "between",
    "computed",
    "extremes",
    "lines",
    "own_optimum",
    "plateau",
    "selection",
    "shares",
    "specialists",
    "training",
    "waiting",
]
