"""Figures of the study."""

from latebloom.studies.drawing.claims import draw_claim

__all__ = ["draw_claim"]
