"""Causal linear attention without the pattern: what each place collects, and its gradient, in pieces that fit a cache.

    z_t = sum over s <= t of (q_t . k_s) v_s

Autograd would keep a pattern [pos, pos] for every sequence and head and walk through memory for it six times; here a
piece of some sequences is formed, used and overwritten, and formed again for the gradient.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

PIECE_BYTES = 1 << 19  # half of a common second-level cache, for one pattern of a piece

Rows = Float[Tensor, "rows pos d_head"]


def causal_linear_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Linear attention of [..., pos, d_head], each place seeing itself and what came before; differentiable once."""
    shape = q.shape
    flat = (value.reshape(-1, *value.shape[-2:]) for value in (q, k, v))
    out: Tensor = _Causal.apply(*flat)  # type: ignore[no-untyped-call]
    return out.view(*shape[:-1], v.shape[-1])


class _Causal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Rows, k: Rows, v: Rows) -> Rows:
        ctx.save_for_backward(q, k, v)
        z = torch.empty_like(v)
        for piece in _pieces(q):
            torch.bmm(_pattern(q[piece], k[piece]), v[piece], out=z[piece])
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dz: Rows) -> tuple[Rows, Rows, Rows]:
        q, k, v = ctx.saved_tensors
        dz = dz.contiguous()
        dq, dk, dv = (torch.empty_like(value) for value in (q, k, v))
        for piece in _pieces(q):
            pattern, d_pattern = _pattern(q[piece], k[piece]), _pattern(dz[piece], v[piece])
            torch.bmm(d_pattern, k[piece], out=dq[piece])
            torch.bmm(d_pattern.mT, q[piece], out=dk[piece])
            torch.bmm(pattern.mT, dz[piece], out=dv[piece])
        return dq, dk, dv


def _pattern(left: Rows, right: Rows) -> Float[Tensor, "rows pos pos"]:
    """Products of every place with itself and what came before it; zero for what comes after."""
    return torch.bmm(left, right.mT).tril_()


def _pieces(q: Rows) -> list[slice]:
    rows, places = q.shape[:2]
    size = max(1, PIECE_BYTES // (places * places * q.element_size()))
    return [slice(first, first + size) for first in range(0, rows, size)]
