"""Causal linear attention without the pattern: what each place collects, and its gradient, in pieces that fit a cache.

    z_t = sum over s <= t of (q_t . k_s) v_s

Autograd would keep a pattern [pos, pos] for every sequence and head and walk through memory for it six times; here a
piece of some sequences is formed, used and overwritten, and formed again for the gradient.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.once import once

PIECE_BYTES = 1 << 19  # half of a common second-level cache, for one pattern of a piece

Rows = Float[Tensor, "rows pos head d_head"]


def causal_linear_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Linear attention of [..., pos, head, d_head], each place seeing itself and what came before.

    Differentiable once.
    """
    flat = (value.reshape(-1, *value.shape[-3:]) for value in (q, k, v))
    out: Tensor = _Causal.apply(*flat)  # type: ignore[no-untyped-call]
    return out.view(*q.shape[:-1], v.shape[-1])


class _Causal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Rows, k: Rows, v: Rows) -> Rows:
        ctx.save_for_backward(q, k, v)
        z = torch.empty_like(v)
        for piece in _pieces(q):
            queries, keys, values = (_by_head(x[piece]) for x in (q, k, v))
            z[piece] = _by_place(_pattern(queries, keys) @ values, z[piece])
        return z

    @staticmethod
    @once("linear attention", "leave create_graph out, or give forward a tap, which autograd follows")
    def backward(ctx: Any, dz: Rows) -> tuple[Rows, Rows, Rows]:
        q, k, v = ctx.saved_tensors
        dq, dk, dv = (torch.empty_like(x) for x in (q, k, v))
        for piece in _pieces(q):
            queries, keys, values, d_out = (_by_head(x[piece]) for x in (q, k, v, dz))
            pattern, d_pattern = _pattern(queries, keys), _pattern(d_out, values)
            dq[piece] = _by_place(d_pattern @ keys, dq[piece])
            dk[piece] = _by_place(d_pattern.mT @ queries, dk[piece])
            dv[piece] = _by_place(pattern.mT @ d_out, dv[piece])
        return dq, dk, dv


def _by_head(piece: Rows) -> Float[Tensor, "items pos d_head"]:
    """Each head's places side by side, as products want them."""
    return piece.transpose(1, 2).reshape(-1, piece.shape[1], piece.shape[3])


def _by_place(found: Float[Tensor, "items pos d_head"], like: Rows) -> Rows:
    """The way back."""
    return found.view(like.shape[0], like.shape[2], like.shape[1], -1).transpose(1, 2)


def _pattern(left: Float[Tensor, "items pos d_head"], right: Tensor) -> Float[Tensor, "items pos pos"]:
    """Products of every place with itself and what came before it; zero for what comes after."""
    return torch.bmm(left, right.mT).tril_()


def _pieces(q: Rows) -> list[slice]:
    rows, places, heads, _ = q.shape
    size = max(1, PIECE_BYTES // (heads * places * places * q.element_size()))
    return [slice(first, first + size) for first in range(0, rows, size)]
