"""Figures of the study: `draw_run` picks by what a run holds, `draw_claim` shows evidence and curves."""

from latebloom.studies.drawing.claims import draw_claim
from latebloom.studies.future_tokens.figures.pick import draw_run

__all__ = ["draw_claim", "draw_run"]
