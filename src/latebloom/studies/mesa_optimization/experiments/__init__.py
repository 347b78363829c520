"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.experiments import deep, one_layer

__all__ = ["deep", "one_layer"]
