"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.model_selection.experiments import linear, pools, testbed, variants

__all__ = ["linear", "pools", "testbed", "variants"]
