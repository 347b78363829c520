"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.future_tokens.experiments import counting, curriculum, sine, text, text_variants

__all__ = ["counting", "curriculum", "sine", "text", "text_variants"]
