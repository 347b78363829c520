"""Measures of the study; importing it registers them."""

from latebloom.studies.model_selection.measures import main

__all__ = ["main"]
