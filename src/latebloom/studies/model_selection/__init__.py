"""Pretraining mixtures: a network that has seen several classes of functions picks one in context, and only those."""

from latebloom.studies.model_selection import claims, experiments, measures
from latebloom.studies.model_selection.live import Fit, Snapshot, load, predict

__all__ = ["Fit", "Snapshot", "claims", "experiments", "load", "measures", "predict"]
