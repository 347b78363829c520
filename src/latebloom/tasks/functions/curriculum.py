"""A curriculum: few active coordinates and short prompts first, more of both as training goes on (Garg et al. 2022)."""

import math

from pydantic import Field

from latebloom.spec import Spec


class Curriculum(Spec):
    """Every `every` steps some coordinates and pairs are added until all are there; the rest of x is 0.

    As published for linear functions: 5 coordinates and 11 pairs, plus 1 and 2 every 2,000 steps. Networks and trees
    start at 26 pairs and add 5. Measuring is always without it.

    >>> plan = Curriculum(every=2000)
    >>> [plan.at(step, d=20, points=41) for step in (0, 1999, 2000, 30_000, 500_000)]
    [(5, 11), (5, 11), (6, 13), (20, 41), (20, 41)]
    >>> plan.whole_from(d=20, points=41)
    30000.0
    """

    every: int = Field(0, ge=0, description="steps between two additions; 0: no curriculum")
    dims: int = Field(5, ge=1, description="active coordinates at first")
    dims_step: int = Field(1, ge=0, description="coordinates that join at each addition")
    points: int = Field(11, ge=1, description="pairs at first")
    points_step: int = Field(2, ge=0, description="pairs that join at each addition")

    def at(self, step: int, d: int, points: int) -> tuple[int, int]:
        """Active coordinates and pairs of one step."""
        if not self.every:
            return d, points
        rung = step // self.every
        return min(d, self.dims + rung * self.dims_step), min(points, self.points + rung * self.points_step)

    def whole_from(self, d: int, points: int) -> float:
        """The first step at which all coordinates and pairs are there; inf: never."""
        if not self.every:
            return 0.0
        missing = ((d - self.dims, self.dims_step), (points - self.points, self.points_step))
        rungs = [0 if more <= 0 else math.ceil(more / by) if by else math.inf for more, by in missing]
        return float(self.every * max(rungs))
