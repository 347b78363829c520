"""A curriculum: few active coordinates and short prompts first, more of both as training goes on (Garg et al. 2022)."""

from pydantic import Field

from latebloom.spec import Spec


class Curriculum(Spec):
    """Every `every` steps some coordinates and pairs are added until all are there; the rest of x is 0.

    As published for linear functions: 5 coordinates and 11 pairs, plus 1 and 2 every 2,000 steps. Networks and trees
    start at 26 pairs and add 5. Measuring is always without it.

    >>> plan = Curriculum(every=2000)
    >>> [plan.at(step, d=20, points=41) for step in (0, 1999, 2000, 30_000, 500_000)]
    [(5, 11), (5, 11), (6, 13), (20, 41), (20, 41)]
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
