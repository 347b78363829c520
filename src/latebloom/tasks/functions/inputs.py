"""Distributions of inputs: the one that is trained on, and those that are not.

Some of them treat the last input, the query, differently from the context: then only the prediction at the last
place means anything (`query_only`), and a curve over context lengths needs prompts of each length.
"""

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from latebloom.errors import LatebloomError
from latebloom.registry import Registry
from latebloom.spec import Spec

INPUTS: Registry[type["InputDistribution"]] = Registry("input distribution")


class InputDistribution(Spec):
    """How the inputs of a prompt are drawn."""

    query_only: ClassVar[bool] = False

    kind: str

    @abstractmethod
    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Inputs of n prompts. Raises `LatebloomError` where the prompt's shape does not allow them."""

    def check(self, points: int, d: int) -> None:
        """Raises `LatebloomError` where prompts of `points` inputs of d numbers cannot be drawn."""

    def growth(self, degree: int) -> float:
        """E x^(2 degree) of a coordinate, over that of a standard normal one.

        1 where only directions are moved and lengths are kept; of subspace and skewed inputs this is exact up to
        degree 1.
        """
        return 1.0


@INPUTS.register("gaussian")
class Gaussian(InputDistribution):
    """N(0, scale^2 I); scale 1 is what is trained on, 1/3, 1/2, 2 and 3 are the published shifts (Garg et al. 2022)."""

    kind: Literal["gaussian"] = "gaussian"
    scale: float = Field(1.0, gt=0, description="standard deviation")

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Independent normal numbers."""
        x = generator.standard_normal((n, points, d))
        return x if self.scale == 1 else x * self.scale

    def growth(self, degree: int) -> float:
        """Every number is `scale` times a standard normal one."""
        return self.scale ** (2 * degree)


@INPUTS.register("uniform")
class Uniform(InputDistribution):
    """U(-half_width, half_width) in every coordinate; 5 for Fourier series (Panwar et al. 2024)."""

    kind: Literal["uniform"] = "uniform"
    half_width: float = Field(5.0, gt=0, description="largest size of a coordinate")

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Independent uniform numbers."""
        return generator.uniform(-self.half_width, self.half_width, (n, points, d))

    def growth(self, degree: int) -> float:
        """h^(2 k) / (2 k + 1) over 1 . 3 . ... . (2 k - 1)."""
        return self.half_width ** (2 * degree) / math.prod(range(1, 2 * degree + 2, 2))


@INPUTS.register("skewed")
class Skewed(InputDistribution):
    """Normal, with eigenvalues of the covariance proportional to i^-power in a random basis of each prompt.

    The eigenvalues sum to d, as those of the identity do, so that dense labels keep their variance.
    """

    kind: Literal["skewed"] = "skewed"
    power: float = Field(2.0, ge=0, description="how fast eigenvalues fall")

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Each prompt in a basis of its own."""
        values = np.arange(1, d + 1) ** -self.power
        lengths = np.sqrt(values * d / values.sum())
        return (generator.standard_normal((n, points, d)) * lengths) @ random_basis(generator, n, d)


@INPUTS.register("subspace")
class Subspace(InputDistribution):
    """Normal in a random subspace of each prompt, of `dims` dimensions (None: half of them, as published).

    Lengths are scaled by sqrt(d / dims), so that dense labels keep their variance; the scale is our choice.
    """

    kind: Literal["subspace"] = "subspace"
    dims: int | None = Field(None, ge=1, description="of the subspace; None: half of d")

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Each prompt in a subspace of its own."""
        self.check(points, d)
        dims = max(1, d // 2) if self.dims is None else self.dims
        x = generator.standard_normal((n, points, dims)) * (d / dims) ** 0.5
        return x @ random_basis(generator, n, d)[:, :dims]

    def check(self, points: int, d: int) -> None:
        """A subspace is not larger than the space."""
        if self.dims is not None and self.dims > d:
            raise LatebloomError(f"subspace: dims = {self.dims} must be at most d = {d}.")


@INPUTS.register("orthant")
class Orthant(InputDistribution):
    """The context lies in one random orthant of each prompt, the query in another (Garg et al. 2022)."""

    query_only: ClassVar[bool] = True

    kind: Literal["orthant"] = "orthant"

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Sizes of normal numbers with the signs of the orthants."""
        signs = np.where(generator.random((2, n, d)) < 0.5, -1.0, 1.0)
        same = (signs[0] == signs[1]).all(-1)
        flipped = generator.integers(d, size=n)[same]
        signs[1][same, flipped] *= -1
        x = np.abs(generator.standard_normal((n, points, d))) * signs[0][:, None]
        x[:, -1] = np.abs(x[:, -1]) * signs[1]
        return x


@INPUTS.register("repeated")
class Repeated(InputDistribution):
    """The query is one of the context's own inputs, chosen at random (Garg et al. 2022)."""

    query_only: ClassVar[bool] = True

    kind: Literal["repeated"] = "repeated"

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Normal inputs, the last one a copy."""
        self.check(points, d)
        x = generator.standard_normal((n, points, d))
        x[:, -1] = x[np.arange(n), generator.integers(points - 1, size=n)]
        return x

    def check(self, points: int, d: int) -> None:
        """There must be something to repeat."""
        if points < 2:
            raise LatebloomError(
                f"repeated: a prompt of {points} points has no context to repeat; at least 2 are needed."
            )


@INPUTS.register("orthogonal")
class Orthogonal(InputDistribution):
    """The query is orthogonal to the whole context and as long as a normal vector: nothing is known, 0 is optimal."""

    query_only: ClassVar[bool] = True

    kind: Literal["orthogonal"] = "orthogonal"

    def draw(self, generator: np.random.Generator, n: int, points: int, d: int) -> Float[np.ndarray, "n points d"]:
        """Normal inputs, the last one projected off the others and stretched back."""
        self.check(points, d)
        x = generator.standard_normal((n, points, d))
        query = x[:, -1, :, None]
        basis = np.linalg.qr(np.swapaxes(x[:, :-1], 1, 2))[0]
        rest = query - basis @ (np.swapaxes(basis, 1, 2) @ query)
        rest *= np.linalg.norm(query, axis=1, keepdims=True) / np.linalg.norm(rest, axis=1, keepdims=True)
        x[:, -1] = rest[..., 0]
        return x

    def check(self, points: int, d: int) -> None:
        """The context must leave a direction for the query."""
        if points > d:
            raise LatebloomError(
                f"orthogonal: {points - 1} context inputs fill all d = {d} dimensions, so no query is orthogonal to "
                f"them: use at most {d} points."
            )


def random_basis(generator: np.random.Generator, n: int, d: int) -> Float[np.ndarray, "n d d"]:
    """N orthonormal bases, uniform (Haar) over rotations and reflections; basis vectors are rows."""
    q, r = np.linalg.qr(generator.standard_normal((n, d, d)))
    # Without the signs of the diagonal the factor depends on a convention of LAPACK's (Mezzadri 2007).
    return np.swapaxes(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None], 1, 2)
