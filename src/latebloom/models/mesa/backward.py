"""The mesa layer as one differentiable operation whose backward pass keeps memory linear in the sequence.

Forward: q~_t = A_t^{-1} q_t by a solver, then o_t = G_t q~_t, gated linear attention. Backward, by the implicit
function theorem (MesaNet, arXiv 2506.05233, appendix; 2309.05858, appendix C, for a regulariser that decays): with
e*_t = A_t^{-1} G_t^T e_t, the gradient by H_t is -(e*_t q~_t^T + q~_t e*_t^T) / 2 and that by G_t is e_t q~_t^T. Both
are then carried back through H_t = gamma_t H_{t-1} + k_t k_t^T and G_t = gamma_t G_{t-1} + v_t k_t^T in chunks. No
A_t is kept and none is undone, so there is nothing to reconstruct. The gradient is that of a solve that has
converged.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.mesa.system import Solver, System
from latebloom.models.once import once


def outputs(
    system: System,
    solution: Tensor,
    value: Float[Tensor, "row pos d_value"],
    moment: Float[Tensor, "row d_head d_value"],
) -> tuple[Float[Tensor, "row pos d_value"], Float[Tensor, "row d_head d_value"]]:
    """o_t = G_t q~_t for all t, and the last G^T."""
    values = system.chunks.split(value)
    states, last = system.chunks.states(system.key, values, moment)
    return system.chunks.join(system.chunks.recall(solution, system.key, values, states)), last


class MesaOperation(torch.autograd.Function):
    """(q, k, v, log gamma, H_0, G_0^T, static Lambda, solver, chunk size) -> (o, H_T, G_T^T); rows are sequences."""

    @staticmethod
    def forward(
        query: Float[Tensor, "row pos d_head"],
        key: Float[Tensor, "row pos d_head"],
        value: Float[Tensor, "row pos d_value"],
        log_gamma: Float[Tensor, "row pos"] | None,
        gram: Float[Tensor, "row d_head d_head"],
        moment: Float[Tensor, "row d_head d_value"],
        ridge: Float[Tensor, "row d_head"] | None,
        solver: Solver,
        size: int,
    ) -> tuple[Tensor, ...]:
        """Outputs, last states, and what the backward pass needs: q~ and whatever the solver keeps."""
        system = System.build(key, log_gamma, gram, ridge, size)
        solution, kept = solver.solve(system, system.chunks.split(query))
        out, last = outputs(system, solution, value, moment)
        return out, system.last, last, system.chunks.join(solution), *kept

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keeps the inputs and q~: memory grows as the sequence does."""
        *tensors, ctx.solver, ctx.size = inputs
        ctx.mark_non_differentiable(*output[3:])
        ctx.set_materialize_grads(True)
        ctx.save_for_backward(*tensors, *output[3:])

    @staticmethod
    @once("a mesa layer", "take form='direct', whose gradients are autograd's own")
    def backward(ctx: Any, grad: Tensor, grad_gram: Tensor, grad_moment: Tensor, *_: Tensor) -> tuple[Any, ...]:
        """Gradients by every tensor that went in."""
        query, key, value, log_gamma, gram, moment, ridge, solution, *kept = ctx.saved_tensors
        with torch.autocast(query.device.type, enabled=False):
            system = System.build(key, log_gamma, gram, ridge, ctx.size)
            return (
                *_gradients(
                    system, ctx.solver, tuple(kept), query, value, moment, solution, grad, grad_gram, grad_moment
                ),
                None,
                None,
            )


def _gradients(
    system: System,
    solver: Solver,
    kept: tuple[Tensor, ...],
    query: Tensor,
    value: Tensor,
    moment: Tensor,
    solution: Tensor,
    grad: Tensor,
    grad_gram: Tensor,
    grad_moment: Tensor,
) -> tuple[Tensor | None, ...]:
    """By q, k, v, log gamma, H_0, G_0^T and the static Lambda."""
    chunks, k = system.chunks, system.key
    q, v, x, e = (chunks.split(tensor) for tensor in (query, value, solution, grad))
    moments, last_moment = chunks.states(k, v, moment)
    adjoint = solver.solve_again(system, chunks.recall(e, v, k, moments.mT), kept, q, x)  # e*

    # Gradients by G^T and by H after every chunk: all later places, and the gradient by the last states.
    later_moment, first_moment = chunks.states_back(x, e, grad_moment)
    # H is symmetric, so only the symmetric part of its gradient ever acts.
    later_gram, first_gram = (-(g + g.mT) for g in chunks.states_back(adjoint, x, -grad_gram))  # twice it

    # Inside a chunk: [t, s], what place t says about what place s added.
    from_solution, from_adjoint, from_value = (
        ((left @ right.mT) * chunks.within).mT for left, right in ((x, k), (adjoint, k), (e, v))
    )
    grad_v = from_solution @ e + chunks.tail * (k @ later_moment)
    grad_k = (from_value - from_adjoint) @ x - from_solution @ adjoint
    grad_k = grad_k + chunks.tail * (v @ later_moment.mT + k @ later_gram)

    grad_gamma = grad_ridge = None
    shrunk = adjoint * x  # by the static Lambda, with the sign turned
    if system.ridge is not None:
        grad_ridge = -shrunk.sum((1, 2))
    if system.log_gamma is not None:
        # A forget factor scales all that came before, so its gradient is a running sum: what states at the chunk's
        # end still matter, and each place's own share. Keys and values act together with sqrt(gamma), hence the half.
        share = -((v * grad_v).sum(-1) + (k * grad_k).sum(-1)) / 2
        if system.ridge is not None:
            share = share + (shrunk * system.ridge[:, None, None]).sum(-1)
        moment_ends = torch.cat([moments[:, 1:], last_moment[:, None]], 1)
        gram_ends = torch.cat([system.gram[:, 1:], system.last[:, None]], 1)
        ends = (later_moment * moment_ends).sum((-2, -1)) + (later_gram * gram_ends).sum((-2, -1)) / 2
        running = share.flip(-1).cumsum(-1).flip(-1) + ends[..., None]
        grad_gamma = running.flatten(1)[:, : chunks.length]
    return (
        chunks.join(adjoint),
        chunks.join(grad_k),
        chunks.join(grad_v),
        grad_gamma,
        first_gram / 2,
        first_moment,
        grad_ridge,
    )
