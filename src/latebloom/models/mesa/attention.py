"""The mesa layer as a function of queries, keys and values: regularised least squares over the past, at every place."""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.mesa import checks
from latebloom.models.mesa.backward import MesaOperation
from latebloom.models.mesa.cholesky import check
from latebloom.models.mesa.chunked import Chunked
from latebloom.models.mesa.conjugate import Conjugate
from latebloom.models.mesa.direct import direct
from latebloom.models.mesa.recursive import Backward, Recursive
from latebloom.models.mesa.state import MesaState, regulariser_diagonal, start
from latebloom.models.mesa.system import Solver, System

Form = Literal["chunked", "conjugate", "recursive", "direct"]
Regulariser = Literal["decaying", "static"]


def mesa_attention(
    query: Float[Tensor, "*lead pos d_head"],
    key: Float[Tensor, "*lead pos d_head"],
    value: Float[Tensor, "*lead pos d_value"],
    lam: Float[Tensor, "*lead"] | float | None = None,
    gamma: Float[Tensor, "*lead pos"] | None = None,
    *,
    ridge: Float[Tensor, "*lead d_head"] | None = None,
    form: Form = "chunked",
    regulariser: Regulariser = "decaying",
    chunk: int = 32,
    iterations: int = 30,
    tolerance: float | None = None,
    backward: Backward = "sweep",
    state: MesaState | None = None,
) -> tuple[Float[Tensor, "*lead pos d_value"], MesaState]:
    """o_t = Phi_t q_t, where Phi_t fits all values so far from their keys by regularised least squares.

    Phi_t = argmin 1/2 sum over s <= t of w_ts ||v_s - Phi k_s||^2 + r_t / 2 sum over columns i of Lambda_i ||Phi_i||^2

    with w_ts the product of gamma over (s, t], and r_t the product of gamma over all places so far ("decaying", von
    Oswald et al. 2023, arXiv 2309.05858) or 1 ("static", MesaNet, arXiv 2506.05233). So Phi_t = G_t (H_t + r_t
    Lambda)^{-1}.

    Args:
        query: queries; leading axes (member, batch, head, ...) of all inputs broadcast.
        key: keys.
        value: values.
        lam: lambda of the papers, Lambda = I / lambda: large is weak. 1 if neither it nor `ridge` is given.
        gamma: forget factors in (0, 1]; None: 1 everywhere.
        ridge: the diagonal Lambda itself, instead of `lam`.
        form: "chunked" (exact, fast), "conjugate" (MesaNet's), "recursive" (the paper's, place by place) or "direct"
            (the slow reference, whose gradients are autograd's and whose memory grows with pos d_head^2).
        regulariser: "decaying" or "static"; without forget factors they are the same.
        chunk: places a chunk. It changes speed and memory, not the result.
        iterations: of conjugate gradients, at most.
        tolerance: where conjugate gradients stop, as a share of the first residual; None: after `iterations`.
        backward: of the recursive form: "sweep", "reverse" or "reverse_or_refuse", see
            `latebloom.models.mesa.recursive`.
        state: where an earlier call ended. With "decaying" its Gram matrix holds the regulariser, so `lam` is not
            used again.

    Gradients of all forms but "direct" are those of the exact solve, by the implicit function theorem, in memory that
    grows linearly with pos. They cannot be differentiated again.

    Returns:
        The outputs, and the state after the last place, with which a later call or `mesa_step` goes on.

    Raises:
        LatebloomError: sizes that do not fit, half precision, lambda <= 0, gamma outside (0, 1], a tolerance outside
            [0, 1).
        Unsolvable: a Gram matrix that cannot be solved in this precision; it says of which sequences.
    """
    checks.names(form, regulariser)
    checks.backward_way(backward)
    checks.at_least_one(chunk=chunk, iterations=iterations)
    checks.tolerance(tolerance)
    checks.precision(query=query, key=key, value=value)
    checks.sizes(query, key, value)
    diagonal = regulariser_diagonal(lam, ridge, key)
    lead = {"query": query.shape[:-2], "key": key.shape[:-2], "value": value.shape[:-2], "lambda": diagonal.shape[:-1]}
    if gamma is not None:
        checks.forget_factors(gamma, key.shape[-2])
        lead["gamma"] = gamma.shape[:-1]
    if state is not None:
        state.fits(regulariser, key.shape[-1], value.shape[-1])
        lead["state"] = state.gram.shape[:-2]
    common = checks.leading(**{name: tuple(shape) for name, shape in lead.items()})
    before = start(common, value.shape[-1], diagonal, regulariser) if state is None else state

    pos = key.shape[-2]
    # Matrix products under autocast would be in half precision.
    with torch.autocast(query.device.type, enabled=False):
        q, k, v = (_rows(tensor, common, 2) for tensor in (query, key, value))
        log_gamma = None if gamma is None else _rows(gamma.to(q.dtype).log().expand(*gamma.shape[:-1], pos), common, 1)
        gram, moment = _rows(before.gram, common, 2), _rows(before.moment, common, 2)
        static = _rows(diagonal, common, 1) if regulariser == "static" else None
        if form == "direct":
            with torch.no_grad():
                check(System.build(k, log_gamma, gram, static, chunk))
            out, gram, moment = direct(q, k, v, log_gamma, gram, moment, static)
        else:
            solver = _solver(form, iterations, tolerance, backward)
            out, gram, moment, *_ = MesaOperation.apply(  # type: ignore[no-untyped-call]
                q, k, v, log_gamma, gram, moment, static, solver, chunk
            )
    out, gram, moment = (tensor.view(*common, *tensor.shape[1:]) for tensor in (out, gram, moment))
    return out, MesaState(gram, moment, regulariser, before.position + pos)


def _solver(form: str, iterations: int, tolerance: float | None, backward: Backward) -> Solver:
    """The solver of a form."""
    solvers: Mapping[str, Solver] = {
        "chunked": Chunked(),
        "conjugate": Conjugate(iterations, tolerance),
        "recursive": Recursive(backward),
    }
    return solvers[form]


def _rows(tensor: Tensor, lead: torch.Size, own: int) -> Tensor:
    """The leading axes broadcast and made one; the last `own` axes stay."""
    return tensor.expand(*lead, *tensor.shape[-own:]).reshape(-1, *tensor.shape[-own:])
