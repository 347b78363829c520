"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.experiments import (
    deep,
    few_shot,
    language,
    linearised,
    mesa,
    one_layer,
    partial,
    plain,
)

__all__ = ["deep", "few_shot", "language", "linearised", "mesa", "one_layer", "partial", "plain"]
