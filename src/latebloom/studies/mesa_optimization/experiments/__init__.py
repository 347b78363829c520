"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.experiments import deep, mesa, one_layer, plain

__all__ = ["deep", "mesa", "one_layer", "plain"]
