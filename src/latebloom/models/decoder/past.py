"""Attention in which what a place owns and what it lends to later places are two things.

Every place i reads its own key and value, and the keys and values of the places before it. Vanilla attention makes no
difference between them. Here `own` is read through the diagonal slot (i, i) and `past` through all slots (i, j < i):

    s_ij = q_i . past_k_j  (j < i),   s_ii = q_i . own_k_i,   z_i = sum_{j < i} a_ij past_v_j + a_ii own_v_i

| past | what the slots before i hold | what a later loss teaches an earlier place |
|---|---|---|
| whole | own | all: vanilla |
| hidden | own; states do not learn through it, the matrices that read them do | how it is read, not what it computes |
| keys | own; nothing learns through it | nothing |
| zeroed | zeros, which still take a share of the attention | there is no past: a transformer bigram |
| teacher_hidden | a frozen teacher's states, read by the student's matrices | as `hidden` |
| teacher_keys | a frozen teacher's keys and values | as `keys` |

In `hidden` and `keys` only gradients differ; outputs are those of vanilla attention, to the last bit. Source: Wu,
Morris and Levine 2024, *Do Language Models Plan Ahead for Future Tokens?*, arXiv 2404.00859, whose runs cut the hidden
state.
"""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.base import Tap, untapped
from latebloom.models.decoder.attention import Heads, as_heads, flat_product, future
from latebloom.models.decoder.cut_attention import cut_attention
from latebloom.models.decoder.linear_attention import causal_linear_attention
from latebloom.models.once import once

PastKind = Literal["whole", "hidden", "keys", "zeroed", "teacher_hidden", "teacher_keys"]
SAME_NUMBERS = ("whole", "hidden", "keys")  # where past and own hold equal numbers


class Slots(NamedTuple):
    """Keys and values of every place."""

    k: Heads
    v: Heads


class _TwoWays(torch.autograd.Function):
    """A product that comes out twice, alike: the weights learn through both, the states through the second in part."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, wide: Tensor, bias: Tensor | None, share: float) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(flat, wide)
        ctx.share, ctx.bias = share, bias is not None
        out = torch.bmm(flat, wide) if bias is None else torch.baddbmm(bias, flat, wide)
        return out, out.view_as(out)

    @staticmethod
    @once("attention with a cut past", "leave create_graph out")
    def backward(ctx: Any, own: Tensor, past: Tensor) -> tuple[Tensor | None, ...]:
        flat, wide = ctx.saved_tensors
        both = own + past
        states = own if ctx.share == 0 else torch.add(own, past, alpha=ctx.share)
        d_flat = torch.bmm(states, wide.mT) if ctx.needs_input_grad[0] else None
        return d_flat, torch.bmm(flat.mT, both), both.sum(1, keepdim=True) if ctx.bias else None, None


def project_two_ways(
    x: Float[Tensor, "member batch pos d_in"], weight: Tensor, bias: Tensor | None, share: float
) -> tuple[Heads, Heads]:
    """`project`, twice in one: (own, past), equal numbers.

    The weights get the gradient of both. The states `x` get that of `own`, and `share` of that of `past`.
    """
    flat, wide, wide_bias = flat_product(x, weight, bias)
    own, past = _TwoWays.apply(flat, wide, wide_bias, share)  # type: ignore[no-untyped-call]
    return as_heads(own, x, weight), as_heads(past, x, weight)


class _Faded(torch.autograd.Function):
    """The same numbers; a share of the gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, share: float) -> Tensor:
        ctx.share = share
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.share, None


def faded(value: Tensor, share: float) -> Tensor:
    """The same numbers, through which a share of the gradient goes: 0 none, 1 all."""
    if share == 0:
        return value.detach()
    less: Tensor = _Faded.apply(value, share)  # type: ignore[no-untyped-call]
    return less


def attend_past(q: Heads, own: Slots, past: Slots, kind: str, same: bool, name: str, tap: Tap) -> Heads:
    """What each place collects, by softmax or linear attention; `same` says that past and own hold equal numbers.

    Where nobody looks at the pattern, linear attention, and softmax attention with equal numbers, keep nothing of size
    [query, key], as vanilla attention then does not. Otherwise the pattern is kept once, as by vanilla attention.
    """
    _known(kind)
    if kind == "linear" and tap is untapped:
        # What is added is exactly zero where the numbers are equal; only its gradient is there.
        return causal_linear_attention(q, *past) + (_here(q, own) - _here(q, past))
    if kind == "softmax" and same and tap is untapped:
        z = cut_attention(*(value.flatten(0, 1).transpose(1, 2) for value in (q, *own, *past)))
        return z.transpose(1, 2).reshape(q.shape)
    query, own_k, own_v, past_k, past_v = (value.transpose(2, 3) for value in (q, *own, *past))
    scores = with_own_scores(query, own_k, past_k)
    if kind == "softmax":
        scores = (scores / q.shape[-1] ** 0.5).masked_fill(future(scores), -torch.inf)
        pattern = torch.softmax(tap(f"{name}attn.hook_attn_scores", scores), -1)
    else:
        pattern = tap(f"{name}attn.hook_attn_scores", scores).masked_fill(future(scores), 0.0)
    return with_own_values(tap(f"{name}attn.hook_pattern", pattern), own_v, past_v).transpose(2, 3)


def _here(q: Heads, slots: Slots) -> Heads:
    """What linear attention collects at the place itself."""
    return (q * slots.k).sum(-1, keepdim=True) * slots.v


def with_own_scores(
    q: Float[Tensor, "*lead query d_head"], own: Tensor, past: Tensor
) -> Float[Tensor, "*lead query key"]:
    """Products of queries and keys: past keys, on the diagonal own ones. Exactly q @ past^T where they are equal."""
    # What is added is exactly zero where the numbers are equal; only its gradient is there.
    return q @ past.mT + torch.diag_embed((q * (own - past)).sum(-1))


def with_own_values(
    pattern: Float[Tensor, "*lead query key"], own: Tensor, past: Tensor
) -> Float[Tensor, "*lead query d_head"]:
    """The pattern times past values, but on the diagonal own ones. Exactly pattern @ past where they are equal."""
    return pattern @ past + pattern.diagonal(dim1=-2, dim2=-1)[..., None] * (own - past)


def attend_nothing(q: Heads, own: Slots, kind: str) -> Heads:
    """`attend_past` where all keys and values before a place are zero, without forming a pattern.

    A zero key has the score 0, so i zeroed slots add i to the denominator of place i.
    """
    _known(kind)
    if kind == "linear":
        return _here(q, own)
    score = (q * own.k).sum(-1, keepdim=True) / q.shape[-1] ** 0.5
    before = torch.arange(q.shape[2], dtype=q.dtype, device=q.device)[:, None, None]
    return torch.sigmoid(score - before.log()) * own.v


def _known(kind: str) -> None:
    if kind not in ("softmax", "linear"):
        raise LatebloomError(
            f"model.attention = {kind!r} mixes places in a way of its own, in which a cut through the past is not "
            "defined here: use softmax or linear, or model.past=whole."
        )
