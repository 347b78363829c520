"""The layers of a decoder that are not attention, with the member axis in front."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.base import Parameters, Tap, activate

Stream = Float[Tensor, "member batch pos d_model"]
EPSILON = 1e-5  # of LayerNorm


def linear(x: Float[Tensor, "member *rows d_in"], weight: Tensor, bias: Tensor | None) -> Tensor:
    """X @ weight + bias, each member with its own weight [member, d_in, d_out] and bias [member, d_out]."""
    flat = x.flatten(1, -2)
    out = torch.bmm(flat, weight) if bias is None else torch.baddbmm(bias[:, None], flat, weight)
    return out.view(*x.shape[:-1], -1)


def layer_norm(x: Stream, weight: Tensor, bias: Tensor) -> Stream:
    """LayerNorm (Ba et al. 2016), each member with its own weight and bias [member, d_model]."""
    normalised = torch.nn.functional.layer_norm(x, x.shape[-1:], eps=EPSILON)
    return normalised * weight[:, None, None] + bias[:, None, None]


def mlp(block: Parameters, x: Stream, act_fn: str, name: str, tap: Tap) -> Stream:
    """Two linear maps with an activation between them."""
    hidden = activate(act_fn, tap(f"{name}mlp.hook_pre", linear(x, block["mlp.W_in"], block.get("mlp.b_in"))))
    return linear(tap(f"{name}mlp.hook_post", hidden), block["mlp.W_out"], block.get("mlp.b_out"))


def sinusoids(places: int, width: int, like: Tensor) -> Float[Tensor, "pos width"]:
    """Sine and cosine of each place at geometrically spaced wavelengths, side by side (Vaswani et al. 2017, 3.5).

    Even columns are sines, odd ones cosines; wavelengths run from 2 pi to 10,000 * 2 pi.
    """
    place = torch.arange(places, dtype=torch.float64)[:, None]
    rate = torch.exp(-math.log(10_000.0) / width * torch.arange(0, width, 2, dtype=torch.float64))
    table = torch.zeros(places, width, dtype=torch.float64)
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate[: width // 2])
    return table.to(like)


def embed_symbols(table: Float[Tensor, "member d_vocab d_model"], tokens: Tensor) -> Stream:
    """Each member's own row of its table for every symbol [member, batch, pos]."""
    members, d_vocab, width = table.shape
    own = d_vocab * torch.arange(members, device=tokens.device)[:, None, None]
    # index_select and not an index of two tensors: its backward is one index_add.
    return table.reshape(-1, width).index_select(0, (tokens + own).reshape(-1)).view(*tokens.shape, width)
