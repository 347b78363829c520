"""Cholesky factors, what to say when there is none, and the exact solve place by place in bounded memory."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.mesa.system import System

PIECE = 1 << 21  # numbers in the matrices that are held at once


def limit(dtype: torch.dtype) -> float:
    """The largest condition number that is solved: 8e4 in float32, 5e13 in float64.

    Outputs are wrong by about the condition number times the machine precision and gradients by more, since both of
    their solves are: at this limit by a few per cent (docs/mesa_layer.md).
    """
    return 0.01 / torch.finfo(dtype).eps


def factor(matrix: Float[Tensor, "*batch d d"]) -> tuple[Float[Tensor, "*batch d d"], Bool[Tensor, "*batch"]]:
    """The lower Cholesky factor, and where its pivots show no condition number beyond the limit."""
    lower, failed = torch.linalg.cholesky_ex(matrix)
    pivots = lower.diagonal(dim1=-2, dim2=-1).square()
    sound = pivots.amax(-1) < limit(matrix.dtype) * pivots.amin(-1)
    return lower, sound & (failed == 0)  # a pivot that is nan compares as unsound


def sound_factor(matrix: Float[Tensor, "row *batch d d"], system: System) -> Float[Tensor, "row *batch d d"]:
    """The lower Cholesky factor; matrices beyond the limit are refused with the reason."""
    lower, sound = factor(matrix)
    _refuse_unsound(sound, system)
    return lower


def whitened(
    system: System,
) -> tuple[Float[Tensor, "row chunk d_head d_head"], Float[Tensor, "row chunk d_head pos"]]:
    """W with W^T W = (H + Lambda)^{-1} before every chunk, and W K^T; refused where too few digits would be right.

    The condition number is estimated as the mean eigenvalue times the sum of the inverse ones, which is at most d_head
    too large or too small; k^T (H + Lambda)^{-1} k is how much a key of the chunk outweighs what was there.
    """
    root = _whitening(system.gram, system)
    across = root @ system.key.mT
    _refuse_unsound(across.square().sum(-2) < limit(across.dtype), system)
    return root, across


def check(system: System) -> None:
    """Refuses what the chunked form would refuse, for forms that need no factor and would go on with noise."""
    whitened(system)
    _whitening(system.last[:, None], system)


def _whitening(gram: Float[Tensor, "row border d d"], system: System) -> Float[Tensor, "row border d d"]:
    """W for Gram matrices of the system."""
    matrix = gram if system.ridge is None else gram + system.ridge[:, None].diag_embed()
    found = lower_inverse(sound_factor(matrix, system))
    _refuse_unsound(solvable(matrix, found.square().sum((-2, -1))), system)
    return found


def solvable(matrix: Float[Tensor, "*lead d d"], inverses: Float[Tensor, "*lead"]) -> Bool[Tensor, "*lead"]:
    """Whether the mean eigenvalue times the sum of the inverse ones is within the limit; nan is not."""
    condition = matrix.diagonal(dim1=-2, dim2=-1).mean(-1) * inverses
    return (condition > 0) & (condition < limit(matrix.dtype))


def lower_inverse(lower: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch d d"]:
    """Of lower triangular matrices. Products are faster than substitution; refinement mends the rounding."""
    eye = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device)
    return torch.linalg.solve_triangular(lower, eye, upper=False)


class Unsolvable(LatebloomError):
    """Some A_t cannot be solved; `rows` [row] says in which sequences, all leading axes taken as one."""

    def __init__(self, message: str, rows: Bool[Tensor, " row"]) -> None:
        super().__init__(message)
        self.rows = rows


def _refuse_unsound(sound: Bool[Tensor, "row *batch"], system: System) -> None:
    """Refuses a system of which some matrix is not sound."""
    if not bool(sound.all()):
        finite = all(bool(tensor.isfinite().all()) for tensor in (system.key, system.gram))
        why = reason(system.key.dtype, finite, system.ridge is None and system.chunks.gated)
        raise Unsolvable(why, ~sound.flatten(1).all(1) if sound.ndim > 1 else ~sound)


def reason(kind: torch.dtype, finite: bool, fades: bool) -> str:
    """Why some A_t cannot be solved, and what to do; `fades` where forget factors shrink the regulariser too."""
    dtype = str(kind).removeprefix("torch.")
    if not finite:
        return (
            "The mesa layer met keys or a state that are not finite (nan or inf). Look at what comes into the layer: a "
            "learning rate that is too large is the usual reason."
        )
    if fades:
        return (
            f"The mesa layer cannot solve for its queries in {dtype}: with forget factors below one the decaying "
            "regulariser has died out, and the keys still remembered do not span the key space. Use "
            "regulariser='static', which does not decay, forget factors nearer to one, a smaller lambda, or float64."
        )
    return (
        f"The mesa layer cannot solve for its queries in {dtype}: the regulariser 1/lambda is lost beside the sum of "
        "squared keys. Use a smaller lambda, keys of unit length (normalise='l2'), or float64."
    )


def solve_places(
    system: System, rhs: Float[Tensor, "row chunk pos d_head"], which: Bool[Tensor, "row chunk"]
) -> Float[Tensor, "picked pos d_head"]:
    """A_t x_t = b_t by a Cholesky factor for every place of the chosen chunks: exact for any Lambda and any gate."""
    picked = which.nonzero(as_tuple=True)
    size, d = rhs.shape[-2:]
    step = max(1, PIECE // (size * d * d))
    pieces = [
        _solve(system, rhs, rows, chunks)
        for rows, chunks in zip(picked[0].split(step), picked[1].split(step), strict=True)
    ]
    found = torch.cat(pieces)
    return found.view_as(rhs) if len(found) == which.numel() else found


def _solve(system: System, rhs: Tensor, rows: Tensor, chunks: Tensor) -> Tensor:
    """The same for a few chunks, given by their row and chunk numbers."""
    return solve_with(_factors(system, rows, chunks), rhs[rows, chunks])


def solve_with(lower: Float[Tensor, "*place d_head d_head"], rhs: Float[Tensor, "*place d_head"]) -> Tensor:
    """A x = b at every place, by the factor of each A."""
    return torch.cholesky_solve(rhs[..., None], lower)[..., 0]


def all_factors(system: System) -> Float[Tensor, "row chunk pos d_head d_head"] | None:
    """The Cholesky factor of every A_t at once; None where they are too many to be held."""
    rows, chunks, size, d = system.key.shape
    if rows * chunks * size * d * d > PIECE:
        return None
    row, chunk = torch.ones(rows, chunks, dtype=torch.bool, device=system.key.device).nonzero(as_tuple=True)
    return _factors(system, row, chunk).view(rows, chunks, size, d, d)


def _factors(system: System, rows: Tensor, chunks: Tensor) -> Float[Tensor, "picked pos d_head d_head"]:
    """Cholesky factors of A_t for all places of a few chunks."""
    key = system.key[rows, chunks]
    within, since = system.chunks.within, system.chunks.since
    if system.chunks.gated:
        within, since = within[rows, chunks], since[rows, chunks]
    else:
        within, since = within[0], since[0].expand(len(rows), -1)
    outer = (key[..., :, None] * key[..., None, :]).flatten(-2)
    matrix = (within @ outer).unflatten(-1, key.shape[-1:] * 2)
    matrix = torch.addcmul(matrix, since[..., None, None], system.gram[rows, chunks][:, None])
    if system.ridge is not None:
        matrix.diagonal(dim1=-2, dim2=-1).add_(system.ridge[rows][:, None])
    lower, sound = factor(matrix)
    if not bool(sound.all()):
        lost = torch.zeros(len(system.key), dtype=torch.bool, device=rows.device)
        lost[rows[~sound.all(1)]] = True
        _refuse_unsound(~lost, system)
    return lower
