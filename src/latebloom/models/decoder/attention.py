"""Causal attention with the member axis in front: softmax and linear, read side by side.

A mixer takes queries, keys and values [member, batch, pos, head, d_head] and gives what each place collects. Every
place sees itself and what came before it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.base import Parameters, Tap, untapped
from latebloom.models.decoder.linear_attention import causal_linear_attention
from latebloom.models.decoder.mesa_mixer import mesa_mixer

Heads = Float[Tensor, "member batch pos head d_head"]
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
    """The product of `flat_product` by place and head again."""
    return out.view(*x.shape[:3], weight.shape[1], weight.shape[3])


def collect(z: Heads, weight: Tensor, bias: Tensor | None) -> Float[Tensor, "member batch pos d_model"]:
    """What the heads found, each times its own weight [member, head, d_head, d_model], added up."""
    members, batch, places, heads, d_head = z.shape
    flat = z.reshape(members, batch * places, heads * d_head)
    wide = weight.reshape(members, heads * d_head, -1)
    out = torch.bmm(flat, wide) if bias is None else torch.baddbmm(bias[:, None], flat, wide)
    return out.view(members, batch, places, -1)


def softmax_mixer(q: Heads, k: Heads, v: Heads, block: Parameters, name: str, tap: Tap) -> Heads:
    """Softmax attention, scores divided by sqrt(d_head) (Vaswani et al. 2017)."""
    if tap is untapped:  # nobody looks at the pattern, so it need not be formed
        # The fast kernels know one batch axis, and want the head before the place.
        by_head = [value.flatten(0, 1).transpose(1, 2) for value in (q, k, v)]
        z = torch.nn.functional.scaled_dot_product_attention(by_head[0], by_head[1], by_head[2], is_causal=True)
        return z.transpose(1, 2).reshape(v.shape)
    scores = scores_of(q, k) / q.shape[-1] ** 0.5
    scores = tap(f"{name}attn.hook_attn_scores", scores.masked_fill(future(scores), -torch.inf))
    return mixed(tap(f"{name}attn.hook_pattern", torch.softmax(scores, -1)), v)


def linear_mixer(q: Heads, k: Heads, v: Heads, block: Parameters, name: str, tap: Tap) -> Heads:
    """Linear self-attention: the products of queries and keys as they are, not scaled (von Oswald et al. 2023)."""
    if tap is untapped:
        return causal_linear_attention(q, k, v)
    scores = tap(f"{name}attn.hook_attn_scores", scores_of(q, k))
    return mixed(tap(f"{name}attn.hook_pattern", scores.masked_fill(future(scores), 0.0)), v)


MIXERS: dict[str, Mixer] = {"softmax": softmax_mixer, "linear": linear_mixer, "mesa": mesa_mixer}


def scores_of(q: Heads, k: Heads) -> Float[Tensor, "member batch head query key"]:
    """The product of every query with every key."""
    return q.transpose(2, 3) @ k.permute(0, 1, 3, 4, 2)


def mixed(pattern: Float[Tensor, "member batch head query key"], v: Heads) -> Heads:
    """Values added up as the pattern says."""
    return (pattern @ v.transpose(2, 3)).transpose(2, 3)


def future(scores: Tensor) -> Tensor:
    """True where the key comes after the query."""
    return torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
