"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.model_selection.claims import selection

__all__ = ["selection"]
