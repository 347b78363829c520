"""Causal attention with the member axis in front: softmax and linear, read side by side.

A mixer takes queries, keys and values [member, batch, head, pos, d_head] and gives what each place collects. Every
place sees itself and what came before it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.base import Parameters, Tap, untapped

Heads = Float[Tensor, "member batch head pos d_head"]
Mixer = Callable[[Heads, Heads, Heads, Parameters, str, Tap], Heads]


def project(x: Float[Tensor, "member batch pos d_in"], weight: Tensor, bias: Tensor | None) -> Heads:
    """X times each head's weight [member, head, d_in, d_head], plus bias [member, head, d_head]."""
    flat, wide, bias = flat_product(x, weight, bias)
    return as_heads(torch.bmm(flat, wide) if bias is None else torch.baddbmm(bias, flat, wide), x, weight)


def flat_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """The three parts of `project` with all rows, and all heads, side by side: what one batched product takes."""
    members, batch, places, width = x.shape
    wide = weight.transpose(1, 2).reshape(members, width, -1)
    return x.reshape(members, batch * places, width), wide, None if bias is None else bias.reshape(members, 1, -1)


def as_heads(out: Float[Tensor, "member row d_out"], x: Tensor, weight: Tensor) -> Heads:
    """The product of `flat_product` by head and place again."""
    return out.view(*x.shape[:3], weight.shape[1], weight.shape[3]).transpose(2, 3)


def collect(z: Heads, weight: Tensor, bias: Tensor | None) -> Float[Tensor, "member batch pos d_model"]:
    """What the heads found, each times its own weight [member, head, d_head, d_model], added up."""
    members, batch, heads, places, d_head = z.shape
    flat = z.transpose(2, 3).reshape(members, batch * places, heads * d_head)
    wide = weight.reshape(members, heads * d_head, -1)
    out = torch.bmm(flat, wide) if bias is None else torch.baddbmm(bias[:, None], flat, wide)
    return out.view(members, batch, places, -1)


def softmax_mixer(q: Heads, k: Heads, v: Heads, block: Parameters, name: str, tap: Tap) -> Heads:
    """Softmax attention, scores divided by sqrt(d_head) (Vaswani et al. 2017)."""
    if tap is untapped:  # nobody looks at the pattern, so it need not be formed
        # The fast kernels know one batch axis.
        fast = torch.nn.functional.scaled_dot_product_attention
        return fast(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), is_causal=True).view_as(q)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    scores = tap(f"{name}attn.hook_attn_scores", scores.masked_fill(future(q), -torch.inf))
    return tap(f"{name}attn.hook_pattern", torch.softmax(scores, -1)) @ v


def linear_mixer(q: Heads, k: Heads, v: Heads, block: Parameters, name: str, tap: Tap) -> Heads:
    """Linear self-attention: the products of queries and keys as they are, not scaled (von Oswald et al. 2023)."""
    scores = tap(f"{name}attn.hook_attn_scores", q @ k.mT)
    return tap(f"{name}attn.hook_pattern", scores.masked_fill(future(q), 0.0)) @ v


MIXERS: dict[str, Mixer] = {"softmax": softmax_mixer, "linear": linear_mixer}


def future(q: Float[Tensor, "*lead query d_head"]) -> Tensor:
    """True where the key comes after the query."""
    return torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool, device=q.device).triu(1)
