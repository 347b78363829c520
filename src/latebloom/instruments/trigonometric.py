"""The trigonometric part of a modular-addition logit table: what it says through `cos` and `sin` of `a + b`.

A logit table is `[..., p, p, p]`: axes `a`, `b` and the class `c`. For frequency `k` two unit vectors over
the grid of pairs span the sum directions, `u_k ~ cos(2 pi k (a + b) / p)` and `v_k ~ sin(2 pi k (a + b) / p)`, and the
projection is `P_K L = sum over k in K of (u_k u_k^T + v_k v_k^T) L`. Because `u_k` and `v_k` depend on `a + b`
alone, `P_K L` is the mean of `L` over all pairs of equal sum, filtered to the frequencies `K` along the sum. That
is how it is computed here: `p^3` additions and products of `p x p` matrices, nothing of size `p^2 x p^2`.

Three operators carry the name "projection on the key frequencies":

==========  ========================================================  ======================
name        keeps, for every key frequency                            directions a frequency
==========  ========================================================  ======================
sum         `u_k, v_k` (the released code, the default)               2
block2x2    `{cos, sin} x {cos, sin}`: sums and differences of a, b   4
block3x3    `{1, cos, sin} x {1, cos, sin}` without the constant      8
==========  ========================================================  ======================

Everything is computed in float64 whatever the table's precision. Sets of key frequencies are masks over frequencies
`1 .. p // 2` (entry `i` is frequency `i + 1`), shared or one a member. For even `p` the Nyquist frequency has
one direction instead of two.

Source: Nanda et al. 2023, arXiv:2301.05217, section on progress measures, and its released analysis code.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError, unknown_name
from latebloom.instruments.fourier import (
    fourier_basis,
    fourier_transform,
    fourier_transform_2d,
    inverse_fourier_transform_2d,
    power,
)

VERSION = 1  # Raise when a change here changes numbers.

Operator = Literal["sum", "block2x2", "block3x3"]


def answer_table(p: int, device: torch.device | str | None = None) -> Int[Tensor, "p p"]:
    """`(a + b) mod p` for every pair."""
    residue = torch.arange(p, device=device)
    return (residue[:, None] + residue) % p


def frequency_mask(
    frequencies: Iterable[int], p: int, device: torch.device | str | None = None
) -> Bool[Tensor, " frequency"]:
    """The mask over frequencies `1 .. p // 2` of a few listed ones."""
    mask = torch.zeros(p // 2, dtype=torch.bool, device=device)
    for frequency in frequencies:
        if not 1 <= frequency <= p // 2:
            raise LatebloomError(f"Frequency {frequency} does not exist for p = {p}: it must lie in 1 .. {p // 2}.")
        mask[frequency - 1] = True
    return mask


def modulus_of(logits: Float[Tensor, "*lead p p p"]) -> int:
    """`p` of a logit table; raises `LatebloomError` if the last three axes are not equal."""
    shape = tuple(logits.shape)
    if len(shape) < 3 or len(set(shape[-3:])) != 1:
        raise LatebloomError(
            f"A logit table has shape [..., p, p, p] (input a, input b, class), not {list(shape)}."
            " Drop the logits of tokens that are not residues."
        )
    return shape[-1]


def mean_over_sums(logits: Float[Tensor, "*lead p p p"]) -> Float[Tensor, "*lead p p"]:
    """Mean logits over the `p` pairs of equal sum: entry `[s, c]`. Units: logits."""
    p = modulus_of(logits)
    mean = torch.zeros(*logits.shape[:-3], p, p, dtype=torch.float64, device=logits.device)
    for a in range(p):  # Row a holds sum s at b = s - a. A loop of p steps spares a copy of the whole table.
        mean += torch.roll(logits[..., a, :, :], a, dims=-2)
    return mean / p


def sum_projection(
    logits: Float[Tensor, "*lead p p p"], keys: Bool[Tensor, "*#lead frequency"]
) -> Float[Tensor, "*lead p p"]:
    """`P_K L` of the `sum` operator as rows `[s, c]`; the pair `(a, b)` has row `(a + b) mod p`."""
    return project_sums(mean_over_sums(logits), keys)


def project_sums(
    sums: Float[Tensor, "*lead p p"], keys: Bool[Tensor, "*#lead frequency"]
) -> Float[Tensor, "*lead p p"]:
    """The part of mean-over-sums logits `[s, c]` in the key frequencies of `s`, constant left out; float64."""
    p = sums.shape[-1]
    if sums.shape[-2] != p:
        raise LatebloomError(f"Mean logits over sums are [..., p, p], not {list(sums.shape)}.")
    basis = fourier_basis(p, device=sums.device)
    return basis.T @ (_key_rows(keys, p).unsqueeze(-1) * (basis @ sums.double()))


def sum_projection_by_frequency(logits: Float[Tensor, "*lead p p p"]) -> Float[Tensor, "*lead frequency p p"]:
    """The `sum` projection of every frequency by itself, as rows `[s, c]`. Units: logits."""
    mean = mean_over_sums(logits)
    p = mean.shape[-1]
    basis = fourier_basis(p, device=logits.device)
    rows = _key_rows(torch.eye(p // 2, dtype=torch.bool, device=logits.device), p)
    return basis.T @ (rows.unsqueeze(-1) * (basis @ mean).unsqueeze(-3))


def project(
    logits: Float[Tensor, "*lead p p p"], keys: Bool[Tensor, "*#lead frequency"], operator: Operator = "sum"
) -> Float[Tensor, "*lead p p p"]:
    """The table projected on the key frequencies by one of the three operators. Units: logits; float64, full size."""
    p = modulus_of(logits)
    if operator == "sum":
        return sum_projection(logits, keys)[..., answer_table(p, logits.device), :]
    if operator not in ("block2x2", "block3x3"):
        raise unknown_name("operator", operator, ["sum", "block2x2", "block3x3"])
    rows = _key_rows(keys, p)
    frequency = (torch.arange(p, device=logits.device) + 1) // 2
    kept = rows.unsqueeze(-1) & (frequency[:, None] == frequency)
    if operator == "block3x3":
        kept[..., :, 0] |= rows
        kept[..., 0, :] |= rows
    return inverse_fourier_transform_2d(fourier_transform_2d(logits.double()) * kept.unsqueeze(-1))


def sum_direction_norms(logits: Float[Tensor, "*lead p p p"]) -> Float[Tensor, "*lead frequency"]:
    """`||P_k L||` of the `sum` operator for every frequency: a spectrum that needs no model. Units: logits."""
    mean = mean_over_sums(logits)
    return (power(fourier_transform(mean)).sum(-1) * mean.shape[-1]).sqrt()


def cosine_coefficients(logits: Float[Tensor, "*lead p p p"]) -> Float[Tensor, "*lead frequency"]:
    """Least-squares `alpha_k` of `L ~ sum over k of alpha_k cos(2 pi k (a + b - c) / p)`. Units: logits.

    The released code divides each cosine table by its norm, so its coefficients are these times `sqrt(p^3 / 2)`.
    Source: Nanda et al. 2023, section on the logits.
    """
    mean = mean_over_sums(logits)
    p = mean.shape[-1]
    residue = torch.arange(p, device=logits.device)
    # Mean over s - c = d, then one cosine transform along d. A wave alpha cos(k d) has the inner product
    # alpha sqrt(p / 2) with its unit cosine, whose peak is sqrt(2 / p): their product is alpha (Nyquist likewise).
    by_difference = mean.gather(-1, ((residue[:, None] - residue) % p).expand_as(mean)).mean(-2)
    cosine = fourier_basis(p, device=logits.device)[1::2]
    return (cosine @ by_difference.unsqueeze(-1)).squeeze(-1) * cosine[:, 0]


def trigonometric_share(logits: Float[Tensor, "*lead p p p"]) -> Float[Tensor, "*lead"]:
    """`||P L|| / ||L||` with all frequencies kept (`sum` operator), after centring each pair's logits; in [0, 1].

    A ratio of norms; its square is the share of the energy. A table of equal logits gives 0.
    Source: Varma et al. 2023, arXiv:2309.02390 (a generalising circuit is accepted above 0.95).
    """
    p = modulus_of(logits)
    total = torch.zeros(logits.shape[:-3], dtype=torch.float64, device=logits.device)
    for a in range(p):
        row = logits[..., a, :, :].double()
        total += (row - row.mean(-1, keepdim=True)).square().sum((-2, -1))
    mean = mean_over_sums(logits)
    mean = mean - mean.mean(-1, keepdim=True)
    kept = (mean - mean.mean(-2, keepdim=True)).square().sum((-2, -1)) * p
    return (kept / torch.where(total > 0, total, torch.ones_like(total))).sqrt()


def _key_rows(keys: Bool[Tensor, "*lead frequency"], p: int) -> Bool[Tensor, "*lead p"]:
    """Basis rows of the key frequencies; never the constant."""
    if keys.dtype != torch.bool or keys.shape[-1] != p // 2:
        raise LatebloomError(
            f"Key frequencies are a boolean mask over 1 .. {p // 2} (p = {p}), not {keys.dtype} of shape"
            f" {list(keys.shape)}. frequency_mask builds one from a list."
        )
    return torch.nn.functional.pad(keys.repeat_interleave(2, dim=-1), (1, 0))[..., :p]
