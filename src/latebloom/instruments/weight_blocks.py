"""Reading a layer's products as an algorithm: cut into channels, each block a number times the identity, or not.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), section 4.1, figures 4A, 9 and 10. A token is a row of channels of
equal width, [0, s_t, s_t, s_{t-1}] in its experiments.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.linear_attention import Products

VERSION = 1  # bump when any number returned from this file changes


@dataclass(frozen=True, eq=False)
class Blocks:
    """For each pair of channels: what a multiple of the identity would be, and what speaks against one."""

    mean: Float[Tensor, "*lead row column"]  # mean of the block's diagonal
    off_diagonal: Float[Tensor, "*lead row column"]  # largest magnitude beside the diagonal; 0 for width 1
    spread: Float[Tensor, "*lead row column"]  # largest distance of a diagonal entry from the mean


def split(product: Float[Tensor, "*lead d_in d_out"], width: int) -> Float[Tensor, "*lead row column width width"]:
    """A product as its blocks. Raises `LatebloomError` if channels of `width` do not fill it."""
    if product.ndim < 2 or width < 1:
        raise LatebloomError(
            f"A product of shape {tuple(product.shape)} has no blocks of width {width}: it must be [..., d_in, d_out], "
            "and the width 1 or more."
        )
    rows, columns = product.shape[-2:]
    if rows % width or columns % width:
        raise LatebloomError(
            f"A product of {rows} by {columns} is not made of blocks of width {width}; use a width that divides both."
        )
    return product.unflatten(-1, (-1, width)).unflatten(-3, (-1, width)).transpose(-3, -2)


def blocks(product: Float[Tensor, "*lead d_in d_out"], width: int) -> Blocks:
    """Mean diagonal, largest off-diagonal magnitude and spread of the diagonal, block by block.

    Rows of a QK product are the query's channels, columns the key's; rows of OV the value's, columns the output's.
    """
    cut = split(product, width)
    diagonal = cut.diagonal(dim1=-2, dim2=-1)
    mean = diagonal.mean(-1)
    beside = (cut - torch.diag_embed(diagonal)).abs().amax((-2, -1))
    return Blocks(mean, beside, (diagonal - mean[..., None]).abs().amax(-1))


def coefficients(layer: Products, width: int) -> Float[Tensor, "*lead query key value out"]:
    """What all heads together do: sum over heads of (QK block mean) x (OV block mean).

    The layer adds to channel `out`: sum over places of (query . key) value, times this number. A head's two products
    may trade a factor, or a sign, so single means say little; these sums are what the network computes.
    """
    asked, written = blocks(layer.qk, width).mean, blocks(layer.ov, width).mean
    return torch.einsum("...hqk,...hvo->...qkvo", asked, written)


@dataclass(frozen=True, eq=False)
class Step:
    """One gradient step as read from the weights, from Phi_0 = phi_0 I at a learning rate."""

    rate: Float[Tensor, "*lead"]  # eta
    phi_0: Float[Tensor, "*lead"]
    other: Float[Tensor, "*lead"]  # largest other coefficient that reaches the output, in magnitude


def gradient_step(
    layer: Products, width: int, current: int = 2, previous: int = 3, out: int = 0, seen: tuple[int, ...] | None = None
) -> Step:
    """Eta = (query s_t, key s_{t-1}, value s_t), -eta phi_0 = the same with value s_{t-1}: Proposition 1's identities.

    `current`, `previous` and `out` are the channels of s_t, s_{t-1} and the prediction. `other` looks at the channels
    in `seen` (default: `current` and `previous`), because weights on channels that hold zeros do nothing.
    """
    held = list(seen or (current, previous))
    table = coefficients(layer, width)[..., out]
    rate, start = table[..., current, previous, current], table[..., current, previous, previous]
    rest = table.clone()
    rest[..., current, previous, current] = rest[..., current, previous, previous] = 0
    other = rest[..., held, :, :][..., held, :][..., held].abs().amax((-3, -2, -1))
    return Step(rate, -start / rate, other)
