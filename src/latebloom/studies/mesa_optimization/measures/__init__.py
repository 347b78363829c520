"""Measurements of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.measures import main

__all__ = ["main"]
