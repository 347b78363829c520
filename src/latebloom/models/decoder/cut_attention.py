"""Causal softmax attention whose backward tells the diagonal from the past, in one pass and without a T x T tensor.

The gradients of the diagonal slots need only numbers of each place: with s_jj = q_j . k_j / sqrt(d_head), the log of
the softmax's denominator lse_j, the output z_j and its gradient g_j,

    a_jj = exp(s_jj - lse_j),   dk_jj = a_jj g_j . (v_j - z_j) q_j / sqrt(d_head),   dv_jj = a_jj g_j

and what the past gets is the rest of the full gradient, which the fused kernel gives.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from latebloom.models.once import once

Rows = Float[Tensor, "batch head pos d_head"]
BLOCK = 64  # queries whose scores are formed together where a kernel does not tell its denominators


def cut_attention(q: Rows, own_k: Rows, own_v: Rows, past_k: Rows, past_v: Rows) -> Rows:
    """Causal attention over keys and values given twice, alike.

    `own_k`, `own_v` get the gradient of the slots (i, i), `past_k`, `past_v` that of all slots (i, j < i).
    """
    z: Tensor = _CutAttention.apply(q, own_k, own_v, past_k, past_v)  # type: ignore[no-untyped-call]
    return z


class _CutAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, past_k: Tensor, past_v: Tensor) -> Tensor:
        ctx.graph = None
        q, k, v = (_dense(value) for value in (q, k, v))
        if _tells_denominators(q, v):
            z, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, True)
        else:
            # Whatever kernel this device has; its own graph keeps what it keeps in vanilla attention.
            own_q, own_k, own_v = (value.detach().requires_grad_(True) for value in (q, k, v))
            with torch.enable_grad():
                live = scaled_dot_product_attention(own_q, own_k, own_v, is_causal=True)
            ctx.graph = (live, (own_q, own_k, own_v))
            z, lse = live.detach(), q.new_empty(0)
        ctx.save_for_backward(q, k, v, z, lse)
        return z

    @staticmethod
    @once("attention with a cut past", "leave create_graph out")
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, z, lse = ctx.saved_tensors
        if ctx.graph is None:
            backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
            full = backward(_dense(g), q, k, v, z, lse, 0.0, True)
        else:
            live, leaves = ctx.graph
            full = torch.autograd.grad(live, leaves, g, retain_graph=True)
            lse = denominators(q, k)
        q, k, v, z, g = (value.to(torch.promote_types(g.dtype, torch.float32)) for value in (q, k, v, z, g))
        scale = q.shape[-1] ** -0.5
        share = torch.exp((q * k).sum(-1) * scale - lse)  # a_jj
        dk = (share * (g * (v - z)).sum(-1) * scale)[..., None] * q
        dv = share[..., None] * g
        own = [value.to(full[0].dtype) for value in (dk, dv)]
        past = [
            (whole - part).to(whole.dtype) if asked else None
            for whole, part, asked in zip(full[1:], (dk, dv), ctx.needs_input_grad[3:], strict=True)
        ]
        return full[0], *own, *past


def _tells_denominators(q: Tensor, v: Tensor) -> bool:
    """Whether PyTorch has the kernel that returns the log of each denominator; the one it uses itself on a CPU."""
    known = hasattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu")
    return known and q.device.type == "cpu" and q.shape == v.shape


def _dense(value: Rows) -> Rows:
    """With the numbers of a vector side by side: the kernel takes that for granted and reads on otherwise."""
    return value if value.stride(-1) == 1 else value.contiguous()


def denominators(q: Rows, k: Rows) -> Float[Tensor, "batch head pos"]:
    """The log of each query's softmax denominator, a block of queries at a time."""
    wide = torch.promote_types(q.dtype, torch.float32)  # half precision overflows
    q, k = q.to(wide), k.to(wide)
    found = []
    for first in range(0, q.shape[-2], BLOCK):
        some = q[..., first : first + BLOCK, :]
        end = first + some.shape[-2]
        scores = some @ k[..., :end, :].mT * q.shape[-1] ** -0.5
        later = torch.ones(some.shape[-2], end, dtype=torch.bool, device=q.device).triu(first + 1)
        found.append(torch.logsumexp(scores.masked_fill_(later, -torch.inf), -1))
    return torch.cat(found, -1)
