"""Measurements of the study; importing a module registers what it holds."""

from latebloom.studies.future_tokens.measures import gradients, lens, places, push, sine

__all__ = ["gradients", "lens", "places", "push", "sine"]
