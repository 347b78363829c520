"""The paper's recursion for the inverse: one rank-one update a place (Sherman-Morrison), one place after another.

R_0 = lambda I, and with z = R_{t-1} k_t

    R_t = [R_{t-1} - z z^T / (gamma_t + k_t^T z)] / gamma_t                    (2309.05858, section 3 and appendix B).

Gradients need R_t a second time, against G_t^T e_t. Two ways exist by name:

`sweep` (default) runs the same recursion again, forwards. It keeps no R_t and is as accurate as the forward pass.

`reverse` is the paper's appendix C.1: keep R_T alone and undo the updates from the end,
R_{t-1} = gamma_t [R_t - z z^T / (k_t^T z - 1)] with z = R_t k_t. Undoing divides what rounding left by gamma at every
place, and loses what a large lambda hid, so it fails far inside the useful range (docs/mesa_layer.md has the
table). It therefore checks itself at every place, R_t q_t against the q~_t of the forward pass, and at the end, R_0
against the R_0 it came from. Where either is off by more than half of the digits, `reverse` says so in a warning and
sweeps, and `reverse_or_refuse` raises.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.mesa import checks
from latebloom.models.mesa.cholesky import check, sound_factor
from latebloom.models.mesa.system import System

Backward = Literal["sweep", "reverse", "reverse_or_refuse"]


class MesaWarning(UserWarning):
    """A mesa layer took another way than the one asked for, or stopped before it was done."""


@dataclass(frozen=True)
class Recursive:
    """The recursive solver, for a regulariser that decays with the Gram matrix or where nothing is forgotten."""

    backward: Backward = "sweep"

    def solve(self, system: System, rhs: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """R_t b_t for all t; keeps the first and the last R for `reverse`."""
        if system.chunks.gated:
            checks.can_forget("recursive", "decaying" if system.ridge is None else "static")
        check(system)
        first = first_inverse(system)
        found, last = sweep(first, *_places(system, rhs))
        return system.chunks.split(found), () if self.backward == "sweep" else (first, last)

    def solve_again(
        self, system: System, rhs: Tensor, kept: tuple[Tensor, ...], query: Tensor, solution: Tensor
    ) -> Tensor:
        """The same for a second right-hand side: by a second sweep, or backwards."""
        keys, gamma, places = _places(system, rhs)
        if kept:
            first, last = kept
            join = system.chunks.join
            found, error = undo(first, last, keys, gamma, places, join(query), join(solution))
            if error <= _limit(last.dtype):
                return system.chunks.split(found)
            if self.backward == "reverse_or_refuse":
                raise LatebloomError(_lost(error, last.dtype) + " Use backward='sweep', which undoes nothing.")
            warnings.warn(_lost(error, last.dtype) + " Gradients come from a forward sweep instead.", MesaWarning, 2)
        return system.chunks.split(sweep(first_inverse(system), keys, gamma, places)[0])


def first_inverse(system: System) -> Float[Tensor, "row d_head d_head"]:
    """R_0, the inverse of the Gram matrix before the first place with its regulariser."""
    start = system.gram[:, 0]
    if system.ridge is not None:
        start = start + system.ridge.diag_embed()
    return torch.cholesky_inverse(sound_factor(start, system))


def update(
    inverse: Float[Tensor, "*row d_head d_head"], key: Float[Tensor, "*row d_head"], gamma: Tensor | None
) -> Float[Tensor, "*row d_head d_head"]:
    """R_t from R_{t-1}, k_t and the forget factor [*row, 1, 1] (None: 1)."""
    z = inverse @ key[..., None]
    if gamma is None:
        return inverse - z * z.mT / (1 + key[..., None, :] @ z)
    return (inverse - z * z.mT / (gamma + key[..., None, :] @ z)) / gamma


def sweep(
    inverse: Float[Tensor, "row d_head d_head"],
    key: Float[Tensor, "row pos d_head"],
    gamma: Float[Tensor, "row pos"] | None,
    rhs: Float[Tensor, "row pos d_head"],
) -> tuple[Float[Tensor, "row pos d_head"], Float[Tensor, "row d_head d_head"]]:
    """R_t b_t for every place from the first to the last, and the last R."""
    found = torch.empty_like(rhs)
    for t, left in _factors(gamma, range(key.shape[1])):
        inverse = update(inverse, key[:, t], left)
        found[:, t] = (inverse @ rhs[:, t, :, None])[..., 0]
    return found, inverse


def undo(
    first: Float[Tensor, "row d_head d_head"],
    last: Float[Tensor, "row d_head d_head"],
    key: Float[Tensor, "row pos d_head"],
    gamma: Float[Tensor, "row pos"] | None,
    rhs: Float[Tensor, "row pos d_head"],
    query: Float[Tensor, "row pos d_head"],
    solution: Float[Tensor, "row pos d_head"],
) -> tuple[Float[Tensor, "row pos d_head"], float]:
    """R_t b_t from the last place to the first, and the largest relative error seen on the way.

    The error compares R_t q_t with the q~_t that is known, and in the end R_0 with the R_0 that is known; it is inf
    as soon as a number is not finite.
    """
    inverse, found = last, torch.empty_like(rhs)
    worst = torch.zeros(len(key), dtype=key.dtype, device=key.device)
    for t, left in _factors(gamma, range(key.shape[1] - 1, -1, -1)):
        both = inverse @ torch.stack([rhs[:, t], query[:, t]], -1)
        found[:, t] = both[..., 0]
        worst = _worse(worst, both[..., 1] - solution[:, t], solution[:, t])
        z = inverse @ key[:, t, :, None]
        inverse = inverse - z * z.mT / (key[:, t, None] @ z - 1)
        inverse = inverse if left is None else left * inverse
    worst = _worse(worst, (inverse - first).flatten(1), first.flatten(1))
    return found, float(worst.max())


def reconstruction_error(
    key: Float[Tensor, "pos d_head"], lam: float = 1.0, gamma: float | Float[Tensor, " pos"] = 1.0
) -> float:
    """How wrong R_0 comes back when the recursion over these keys is undone, ||R_0' - lambda I|| / ||lambda I||.

    It depends on the precision of `key`. Above the root of the machine precision (3e-4 in float32, 1e-8 in float64) the
    reverse recursion is not used for gradients; inf where a number was not finite.

    Raises `LatebloomError` for keys that are no matrix of float32 or float64, lambda <= 0, gamma outside (0, 1].
    """
    if key.ndim != 2:
        raise LatebloomError(f"key has shape {tuple(key.shape)}; expected [pos, d_head], the keys of one sequence.")
    checks.sizes(key, key, key)
    checks.precision(key=key)
    checks.number("lambda", lam)
    checks.positive("lambda", torch.tensor(lam))
    keys = key[None]
    gammas = torch.as_tensor(gamma, dtype=key.dtype, device=key.device).reshape(1, -1)
    checks.forget_factors(gammas, len(key))
    gammas = gammas.expand(1, len(key))
    first = lam * torch.eye(key.shape[1], dtype=key.dtype, device=key.device)[None]
    nothing = torch.zeros_like(keys)
    _, last = sweep(first, keys, gammas, nothing)
    return undo(first, last, keys, gammas, nothing, nothing, nothing)[1]


def _places(system: System, rhs: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
    """Keys, forget factors and right-hand sides as whole sequences."""
    gamma = None if system.log_gamma is None else system.log_gamma.exp()
    return system.chunks.join(system.key), gamma, system.chunks.join(rhs)


def _factors(gamma: Tensor | None, order: range) -> Iterator[tuple[int, Tensor | None]]:
    """Each place with its forget factor as [row, 1, 1]."""
    return ((t, None if gamma is None else gamma[:, t, None, None]) for t in order)


def _worse(worst: Tensor, off: Tensor, known: Tensor) -> Tensor:
    """The larger of the errors so far and |off| / |known|; a nan counts as inf, and 0 / 0 as no error."""
    size = off.norm(dim=-1)
    error = torch.where(size == 0, 0, size / known.norm(dim=-1)).nan_to_num(nan=torch.inf)
    return torch.maximum(worst, error)


def _limit(dtype: torch.dtype) -> float:
    """The largest error that is used: half of the digits are right."""
    return torch.finfo(dtype).eps ** 0.5


def _lost(error: float, dtype: torch.dtype) -> str:
    """What happened."""
    return (
        f"Undoing the mesa recursion from its end gave back an R that is wrong by {error:.1e} of itself (limit "
        f"{_limit(dtype):.1e} in {str(dtype).removeprefix('torch.')}): forget factors below one, a large lambda or a "
        "long sequence do that."
    )
