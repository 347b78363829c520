"""At which steps something happens: every n, log-spaced, listed, or any union. Step s means after s updates."""

from typing import Any

import numpy as np
from pydantic import Field, field_validator

from latebloom.spec import Spec

WINDOW = "it is from, to, stride: 0 <= from <= to, and a stride of 1 or more, e.g. [0,500,10]."


class Schedule(Spec):
    """A union of regular, log-spaced and listed steps; the first and last step of training always belong to it."""

    every: int | None = Field(None, ge=1, description="every n steps")
    per_decade: int | None = Field(None, ge=1, description="log-spaced, so many for each factor of ten")
    at: tuple[int, ...] = Field((), description="these steps")
    window: tuple[int, int, int] | None = Field(None, description="from, to, stride: dense around a transition")

    @field_validator("window", mode="before")
    @classmethod
    def _three(cls, value: Any) -> Any:
        if value is not None and not (isinstance(value, list | tuple) and len(value) == 3):
            raise ValueError(WINDOW)
        return value

    @field_validator("window")
    @classmethod
    def _in_order(cls, value: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if value is not None and not (0 <= value[0] <= value[1] and value[2] >= 1):
            raise ValueError(WINDOW)
        return value

    @field_validator("at")
    @classmethod
    def _not_negative(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if negative := [step for step in value if step < 0]:
            raise ValueError(f"a step is 0 or more, which {', '.join(map(str, negative))} is not")
        return value

    def steps(self, total: int) -> list[int]:
        """Sorted steps within 0..total.

        >>> Schedule(every=40).steps(100)
        [0, 40, 80, 100]
        >>> Schedule(per_decade=3, at=(7,)).steps(100)
        [0, 1, 2, 5, 7, 10, 22, 46, 100]
        """
        chosen = {0, total, *self.at}
        if self.every:
            chosen.update(range(0, total, self.every))
        if self.per_decade and total:
            points = int(np.ceil(np.log10(total) * self.per_decade)) + 1
            chosen.update(round(10 ** (i / self.per_decade)) for i in range(points))
        if self.window:
            first, last, stride = self.window
            chosen.update(range(first, min(last, total) + 1, stride))
        return sorted(step for step in chosen if 0 <= step <= total)
