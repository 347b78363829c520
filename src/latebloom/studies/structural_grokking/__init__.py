"""Hierarchical rules of language emerge long after accuracy in the domain has saturated."""

from latebloom.studies.structural_grokking import claims, experiments, measures

__all__ = ["claims", "experiments", "measures"]
