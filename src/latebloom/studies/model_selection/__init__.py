"""Pretraining mixtures: a network that has seen several classes of functions picks one in context, and only those."""

from latebloom.studies.model_selection import claims, experiments

__all__ = ["claims", "experiments"]
