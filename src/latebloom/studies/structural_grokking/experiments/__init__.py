"""Experiments of the study; importing a module registers what it holds."""

from latebloom.studies.structural_grokking.experiments import agreement, dyck, question, question_variants, tense

__all__ = ["agreement", "dyck", "question", "question_variants", "tense"]
