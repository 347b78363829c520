"""The mesa layer as one of a decoder's kinds of attention."""

import warnings

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.models.base import Parameters, Tap
from latebloom.models.mesa import MesaWarning, Unsolvable, mesa_attention

LEAST = 1e-3  # of lambda: the paper's scalar is free, and a least-squares problem needs a positive one


def mesa_mixer(q: Tensor, k: Tensor, v: Tensor, block: Parameters, name: str, tap: Tap) -> Tensor:
    """Regularised least squares from keys to values over the past, asked at the query; no pattern to look at.

    One lambda a head, `attn.mesa_lambda` [member, head], begins at 1 and is trained as it is: as in the code of
    von Oswald et al. 2023 (arXiv 2309.05858 v2); values below 0.001 count as that.

    A member whose keys or lambda are not finite, or whose least squares cannot be solved in this precision, has outputs
    that are NaN, so that its loss tells that it has diverged; the layer itself refuses such numbers, and with them the
    members beside it. Where the numbers are finite a `MesaWarning` says why they cannot be solved.
    """
    lam = block["attn.mesa_lambda"].clamp(min=LEAST)[:, None]
    query, key, value = (tensor.transpose(2, 3) for tensor in (q, k, v))
    lost = _not_finite(lam)
    while True:
        try:
            out = _without(lost, query, key, value, lam)
        except Unsolvable as error:  # the first that were met; there may be more
            found = error.rows.view(len(lost), -1).any(1) & ~lost
            if bool((found & ~_not_finite(key)).any()):
                warnings.warn(f"{name}attn: {error} A member of which this is true counts as diverged.", MesaWarning, 2)
            lost = lost | found
        else:
            return out.transpose(2, 3)


def _without(lost: Bool[Tensor, " member"], query: Tensor, key: Tensor, value: Tensor, lam: Tensor) -> Tensor:
    """What the layer gives; NaN for members that are lost, which it does not see."""
    if not bool(lost.any()):
        return mesa_attention(query, key, value, lam)[0]
    mask = lost[:, None, None, None, None]
    out, _ = mesa_attention(query, key.masked_fill(mask, 0), value, lam.masked_fill(mask[..., 0, 0], 1))
    return out.masked_fill(mask, torch.nan)


def _not_finite(tensor: Float[Tensor, "member ..."]) -> Bool[Tensor, " member"]:
    return ~tensor.isfinite().flatten(1).all(1)
