"""Systems that move by a rule: fresh dynamics for each sequence, and the sequences they give.

h_1 ~ start, h_{t+1} = W h_t + noise (clipped), s_t = C h_t + noise. Source: von Oswald et al. 2023, *Uncovering
mesa-optimization algorithms in Transformers*, arXiv 2309.05858 v2, section 4 and appendices E and F. Where its text
and its released code differ, both exist by a setting and the code's is the default: it made the figures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Array = np.ndarray


@dataclass(frozen=True)
class Sequences:
    """Sequences with everything that made them; nobody who only reads `seen` knows the rest."""

    seen: Float[Array, "batch pos n_seen"]
    hidden: Float[Array, "batch pos n_hidden"]
    dynamics: Float[Array, "batch n_hidden n_hidden"]  # W of each sequence
    readout: Float[Array, "batch n_seen n_hidden"] | None = None  # C of each sequence; None: the state itself is seen


def haar_orthogonal(noise: np.random.Generator, batch: int, d: int) -> Float[Array, "batch d d"]:
    """Orthogonal matrices drawn uniformly (determinant +1 or -1): products of random reflections (Stewart 1980).

    Twice as fast as a batched QR: the batch lies last in memory, so every step is one long vector operation.
    """
    matrix = np.zeros((d, d, batch))
    matrix[np.arange(d), np.arange(d)] = 1.0
    matrix[-1, -1] = noise.integers(0, 2, batch) * 2 - 1
    for size in range(2, d + 1):
        axis = noise.standard_normal((size, batch))
        sign = np.where(axis[0] < 0, -1.0, 1.0)
        axis[0] += sign * np.sqrt((axis * axis).sum(0))
        axis *= np.sqrt(2 / (axis * axis).sum(0))
        block = matrix[d - size :, d - size :]
        # The reflection sends the first axis to -sign times a uniform direction; without this the first entry of a
        # column would never be positive.
        block[0, 0] *= -sign
        block -= axis[:, None] * np.einsum("ib,ijb->jb", axis, block)
    return np.ascontiguousarray(matrix.transpose(2, 0, 1))


def contracting(
    noise: np.random.Generator, batch: int, d: int, low: float = 0.3, high: float = 0.9
) -> Float[Array, "batch d d"]:
    """U diag(e) U^-1 with Gaussian U, one eigenvalue at `high` and the others uniform between (released code, E.1)."""
    basis = noise.standard_normal((batch, d, d))
    eigenvalues = np.concatenate([noise.uniform(low, high, (batch, d - 1)), np.full((batch, 1), high)], axis=1)
    # The released code shuffles the eigenvalues; the columns of U are exchangeable, so their order says nothing.
    scaled = basis * eigenvalues[:, None, :]
    return np.linalg.solve(basis.transpose(0, 2, 1), scaled.transpose(0, 2, 1)).transpose(0, 2, 1)


def start_states(noise: np.random.Generator, batch: int, d: int, shape: str, size: float) -> Float[Array, "batch d"]:
    """First states: `uniform` between -size and size (released code), or `normal` with deviation size (text)."""
    if shape == "normal":
        return noise.standard_normal((batch, d)) * size
    return noise.uniform(-size, size, (batch, d))


def roll_out(
    dynamics: Float[Array, "batch d d"],
    start: Float[Array, "batch d"],
    shocks: Float[Array, "step d batch"],
    clip: float = np.inf,
    features: Callable[[Float[Array, "d batch"]], Float[Array, "d batch"]] | None = None,
) -> Float[Array, "batch pos d"]:
    """States h_1 .. h_{steps + 1}: h_{t+1} = clip(W f(h_t) + shock_t); f is the identity unless `features` is given."""
    # The batch last: a step is then one long vector operation. Shocks are drawn in this order already.
    matrix = np.ascontiguousarray(dynamics.transpose(1, 2, 0))
    states = np.empty((len(shocks) + 1, *matrix.shape[1:]))
    states[0] = start.T
    for step, shock in enumerate(shocks):
        source, after = states[step] if features is None else features(states[step]), states[step + 1]
        np.einsum("ijb,jb->ib", matrix, source, out=after)
        np.add(after, shock, out=after)
        np.minimum(np.maximum(after, -clip, out=after), clip, out=after)
    return states.transpose(2, 0, 1)


@dataclass(frozen=True, eq=False)
class GeluFeatures:
    """f(s) = B gelu(A s), A and B the same in the whole experiment (F.4); GELU by its tanh formula (released code).

    `normalise` divides f(s) by its length; only the code does, and the published zero-predictor loss of 0.5 needs it.
    """

    inner: Float[Array, "d_mlp d"]
    outer: Float[Array, "d d_mlp"]
    normalise: bool = True

    @classmethod
    def drawn(cls, noise: np.random.Generator, d: int, d_mlp: int, std: float, normalise: bool) -> "GeluFeatures":
        """Normal entries of deviation `std`."""
        inner, outer = noise.standard_normal((d_mlp, d)) * std, noise.standard_normal((d, d_mlp)) * std
        return cls(inner, outer, normalise)

    def __call__(self, states: Float[Array, "d batch"]) -> Float[Array, "d batch"]:
        """Features of states, one a column."""
        x = self.inner @ states
        x = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)))
        out = self.outer @ x
        return out / np.sqrt((out * out).sum(0)) if self.normalise else out
