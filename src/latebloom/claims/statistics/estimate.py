"""An estimate with its interval, and how such numbers are printed."""

import math
from dataclasses import dataclass

from latebloom.errors import LatebloomError


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: the estimate; infinite for an event that was not reached.
        low: lower end of the interval; minus infinity where the data give none.
        high: upper end; plus infinity where the data give none.
        n: how many independent observations it rests on.
        unit: printed after the number ("steps", "%"), or empty.
        limit: how long members were watched. An infinite end then says no more than "later than `limit`".

    >>> print(Estimate(28_000, 24_512, 33_110, n=9, unit="steps"))
    28,000 [24,500, 33,100] steps
    >>> print(Estimate(math.inf, 41_000, math.inf, n=9, limit=50_000))
    >50,000 [41,000, >50,000]
    >>> print(Estimate(5.5e-8, 5.1e-8, 6.02e-8, n=9))
    5.50e-8 [5.10e-8, 6.02e-8]
    """

    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    limit: float | None = None

    def __post_init__(self) -> None:
        if any(math.isnan(number) for number in (self.value, self.low, self.high)) or self.low > self.high:
            raise LatebloomError(
                f"An estimate needs numbers, low <= high; got {self.value} with interval [{self.low}, {self.high}]."
            )

    @property
    def exact(self) -> bool:
        """Whether it is one number without uncertainty (see `exactly`)."""
        return self.n == 1 and self.low == self.value == self.high

    @property
    def floor(self) -> float:
        """The lower end as far as it is known: `limit` where the end itself lies beyond what was watched."""
        return self.limit if self.low == math.inf and self.limit is not None else self.low

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The interval with None for an end that is not known; both None where there is no interval."""
        low, high = self.floor, self.high
        return (low if math.isfinite(low) else None, high if math.isfinite(high) else None)

    def __str__(self) -> str:
        place = _place(self)
        value, low, high = (_printed(number, place, self.limit) for number in (self.value, self.low, self.high))
        if self.exact:
            text = value
        elif self.bounds == (None, None) and self.value < math.inf:
            text = f"{value} [no interval, n = {self.n}]"
        else:
            text = f"{value} [{low}, {high}]"
        return text + (self.unit if self.unit in ("", "%", "°") else f" {self.unit}")


def exactly(value: float, unit: str = "") -> Estimate:
    """A number without sampling uncertainty: a count over all cases, a closed form.

    >>> print(exactly(1.519, "°"))
    1.519°
    """
    return Estimate(float(value), float(value), float(value), n=1, unit=unit)


def format_number(number: float, place: int | None = None) -> str:
    """A number for reading: thousands separated, powers of ten for the very small and the very large.

    Args:
        number: may be infinite.
        place: the decimal place to round at (2: hundreds, -1: tenths), moved where that would leave fewer than two
            or more than six significant digits. Without it: four significant digits, whole numbers in full.

    >>> [format_number(number) for number in (28000, 0.9333333, 1.519, 5.5e-8, 2.0, -0.25)]
    ['28,000', '0.9333', '1.519', '5.5e-8', '2', '-0.25']
    """
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(number)))
    free = place is None
    if place is None:
        place = 0 if float(number).is_integer() else magnitude - 3
    else:
        place = 0 if float(number).is_integer() and place == 0 else max(min(place, magnitude - 1), magnitude - 5)
    if 1e-3 <= abs(number) < 1e7:
        decimals = max(0, -place)
        return _without_zeros(f"{round(number, -place):,.{decimals}f}", free)
    mantissa, exponent = f"{number:.{max(0, min(magnitude - place, 5))}e}".split("e")
    return f"{_without_zeros(mantissa, free)}e{int(exponent)}"


def _place(estimate: Estimate) -> int | None:
    """The place of the second significant digit of the interval's width: finer digits are noise."""
    finite = [number for number in (estimate.value, estimate.low, estimate.high) if math.isfinite(number)]
    width = max(finite) - min(finite) if finite else 0.0
    if width == 0:
        return None
    place = math.floor(math.log10(width)) - 1
    return max(place, 0) if all(number.is_integer() for number in map(float, finite)) else place


def _printed(number: float, place: int | None, limit: float | None) -> str:
    if number == math.inf and limit is not None:
        return f">{format_number(limit)}"
    return format_number(number, place)


def _without_zeros(text: str, wanted: bool) -> str:
    return text.rstrip("0").rstrip(".") if wanted and "." in text else text
