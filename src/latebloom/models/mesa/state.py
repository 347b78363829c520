"""What a mesa layer remembers between calls, and one step of it: O(d_head^2) numbers, whatever the length so far."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.mesa import checks
from latebloom.models.mesa.cholesky import Unsolvable, factor, lower_inverse, reason, solvable
from latebloom.models.mesa.conjugate import conjugate_gradients, warn_unsolved
from latebloom.models.mesa.recursive import update


@dataclass(frozen=True)
class MesaState:
    """Where a sequence has got to.

    Attributes:
        gram: H_t, with the regulariser in it where that decays, [..., d_head, d_head].
        moment: G_t^T = sum of what is left of k_s v_s^T, [..., d_head, d_value].
        regulariser: "decaying" or "static".
        position: places seen so far.
        inverse: R_t, kept up to date by the recursive form of `mesa_step` only.
    """

    gram: Float[Tensor, "... d_head d_head"]
    moment: Float[Tensor, "... d_head d_value"]
    regulariser: Literal["decaying", "static"]
    position: int = 0
    inverse: Float[Tensor, "... d_head d_head"] | None = None

    def fits(self, regulariser: str, d_head: int, d_value: int) -> None:
        """The state belongs to a layer of this kind and these sizes."""
        if regulariser != self.regulariser:
            raise LatebloomError(
                f"The state comes from regulariser={self.regulariser!r} and cannot go on with {regulariser!r}: one "
                "keeps Lambda in its Gram matrix, the other does not."
            )
        if self.moment.shape[-2:] != (d_head, d_value):
            own = tuple(self.moment.shape[-2:])
            raise LatebloomError(f"The state is for (d_head, d_value) = {own}, the inputs have {(d_head, d_value)}.")

    def detach(self) -> "MesaState":
        """The same numbers, cut from the graph: for training on one piece of a long sequence after another."""
        inverse = None if self.inverse is None else self.inverse.detach()
        return replace(self, gram=self.gram.detach(), moment=self.moment.detach(), inverse=inverse)


def regulariser_diagonal(
    lam: Tensor | float | None, ridge: Tensor | None, like: Float[Tensor, "*lead d_head"]
) -> Float[Tensor, "*lead d_head"]:
    """The diagonal Lambda from lambda or from itself, in the type of `like`."""
    if lam is not None and ridge is not None:
        raise LatebloomError("Give either lam (Lambda = I / lam) or ridge (the diagonal Lambda), not both.")
    d_head = like.shape[-1]
    if ridge is not None:
        if not isinstance(ridge, Tensor):
            raise LatebloomError(
                f"ridge = {ridge!r} is no tensor; give the diagonal, e.g. torch.full(({d_head},), {ridge!r}), or "
                "lam = 1 / ridge."
            )
        if ridge.ndim == 0 or ridge.shape[-1] not in (1, d_head):
            raise LatebloomError(
                f"ridge has shape {tuple(ridge.shape)}; expected [..., d_head] with d_head = {d_head}."
            )
        checks.positive("ridge", ridge)
        return ridge.to(like.dtype).expand(*ridge.shape[:-1], d_head)
    if not isinstance(lam, Tensor):  # a Python number must not pass through float32 on its way to float64
        lam = 1.0 if lam is None else lam
        checks.number("lambda", lam)
        lam = torch.tensor(lam, dtype=like.dtype, device=like.device)
    checks.positive("lambda", lam)
    return (1 / lam.to(like.dtype))[..., None].expand(*lam.shape, d_head)


def start(
    lead: tuple[int, ...],
    d_value: int,
    diagonal: Float[Tensor, "*lead d_head"],
    regulariser: Literal["decaying", "static"],
) -> MesaState:
    """The state before the first place."""
    d_head = diagonal.shape[-1]
    gram = diagonal.diag_embed() if regulariser == "decaying" else diagonal.new_zeros(d_head, d_head)
    moment = diagonal.new_zeros(*lead, d_head, d_value)
    return MesaState(gram.expand(*lead, d_head, d_head), moment, regulariser)


def mesa_step(
    state: MesaState,
    query: Float[Tensor, "*lead d_head"],
    key: Float[Tensor, "*lead d_head"],
    value: Float[Tensor, "*lead d_value"],
    lam: Float[Tensor, "*lead"] | float | None = None,
    gamma: Float[Tensor, "*lead"] | None = None,
    *,
    ridge: Float[Tensor, "*lead d_head"] | None = None,
    form: Literal["chunked", "conjugate", "recursive", "direct"] = "chunked",
    iterations: int = 30,
    tolerance: float | None = None,
) -> tuple[Float[Tensor, "*lead d_value"], MesaState]:
    """One place: the output and the state after it, as `mesa_attention` would give them. Differentiated by autograd.

    The form "recursive" updates R in O(d_head^2) (the first such step inverts H once), "conjugate" iterates in
    O(iterations d_head^2) where Lambda is static, the others solve, or look whether that is possible, in O(d_head^3).

    Raises:
        LatebloomError: as `mesa_attention`.
        Unsolvable: as `mesa_attention`; the state that went in can still be used.
    """
    checks.names(form, state.regulariser)
    checks.at_least_one(iterations=iterations)
    checks.tolerance(tolerance)
    checks.precision(query=query, key=key, value=value)
    checks.sizes(query[..., None, :], key[..., None, :], value[..., None, :])
    state.fits(state.regulariser, key.shape[-1], value.shape[-1])
    own = {"query": query, "key": key, "value": value}
    lead = {name: tuple(tensor.shape[:-1]) for name, tensor in own.items()}
    checks.leading(**lead, state=tuple(state.gram.shape[:-2]))
    left = None
    if gamma is not None:
        checks.forget_factors(gamma[..., None] if isinstance(gamma, Tensor) else gamma, 1)
        left = gamma.to(key.dtype)[..., None, None]
    static = regulariser_diagonal(lam, ridge, key) if state.regulariser == "static" else None
    if form == "recursive" and static is not None and gamma is not None:
        raise LatebloomError(
            "The recursive form cannot forget with regulariser='static'. Use form='chunked' or 'conjugate' for this "
            "step."
        )
    with torch.autocast(query.device.type, enabled=False):
        gram = key[..., :, None] * key[..., None, :] + (state.gram if left is None else left * state.gram)
        moment = key[..., :, None] * value[..., None, :] + (state.moment if left is None else left * state.moment)
        matrix = gram if static is None else gram + static.diag_embed()
        inverse, fades = None, static is None and left is not None
        if form == "recursive":
            before = state.gram if static is None else state.gram + static.diag_embed()
            known = torch.cholesky_inverse(_cholesky(before, fades)) if state.inverse is None else state.inverse
            inverse = update(known, key, left)
            _refuse(solvable(matrix, inverse.diagonal(dim1=-2, dim2=-1).sum(-1)), matrix, fades)
            solved = inverse @ query[..., None]
        elif form == "conjugate":
            if static is None:  # only a regulariser that decays can have died out
                _cholesky(matrix, fades)
            solved = _conjugate(matrix, query, iterations, tolerance)[..., None]
        else:
            solved = torch.cholesky_solve(query[..., None], _cholesky(matrix, fades))
        out = (moment.mT @ solved)[..., 0]
    return out, MesaState(gram, moment, state.regulariser, state.position + 1, inverse)


def _cholesky(matrix: Float[Tensor, "*lead d d"], fades: bool) -> Float[Tensor, "*lead d d"]:
    """The lower Cholesky factor; refused where there is none, or too few digits of a solution would be right."""
    lower, sound = factor(matrix)
    _refuse(sound & solvable(matrix, lower_inverse(lower).square().sum((-2, -1))), matrix, fades)
    return lower


def _refuse(sound: Bool[Tensor, "*lead"], matrix: Float[Tensor, "*lead d d"], fades: bool) -> None:
    """Refuses what `mesa_attention` does."""
    if not bool(sound.all()):
        raise Unsolvable(reason(matrix.dtype, bool(matrix.isfinite().all()), fades), ~sound.flatten())


def _conjugate(matrix: Tensor, query: Tensor, iterations: int, tolerance: float | None) -> Tensor:
    """The query solved by conjugate gradients."""

    def apply(x: Tensor) -> Tensor:
        return (matrix @ x[..., None])[..., 0]

    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    found = conjugate_gradients(apply, query.expand_as(diagonal), diagonal, iterations, tolerance)
    warn_unsolved(found, tolerance)
    return found.x
