"""Learning inside the forward pass: linear attention as gradient descent, depth as a solver, the mesa layer."""

from latebloom.studies.mesa_optimization import claims, experiments, measures

__all__ = ["claims", "experiments", "measures"]
