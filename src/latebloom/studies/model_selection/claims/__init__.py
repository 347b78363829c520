"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.model_selection.claims import (
    between,
    computed,
    extremes,
    lines,
    own_optimum,
    plateau,
    pools,
    selection,
    shares,
    specialists,
    training,
)

__all__ = [
    "between",
    "computed",
    "extremes",
    "lines",
    "own_optimum",
    "plateau",
    "pools",
    "selection",
    "shares",
    "specialists",
    "training",
]
