"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.structural_grokking.experiments import dyck, question, question_variants, tense

__all__ = ["dyck", "question", "question_variants", "tense"]
