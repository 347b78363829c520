"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.claims import one_layer, one_layer_data

__all__ = ["one_layer", "one_layer_data"]
