"""Measurements of the study; importing a module registers what it holds."""

from latebloom.studies.structural_grokking.measures import (
    agreement,
    attention,
    brackets,
    first_word,
    main_verb,
    sentences,
    trees,
    weights,
)

__all__ = ["agreement", "attention", "brackets", "first_word", "main_verb", "sentences", "trees", "weights"]
