"""The mesa layer as one of a decoder's kinds of attention."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models.base import Parameters, Tap
from latebloom.models.mesa import mesa_attention

LEAST = 1e-3  # of lambda: the paper's scalar is free, and a least-squares problem needs a positive one


def mesa_mixer(q: Tensor, k: Tensor, v: Tensor, block: Parameters, name: str, tap: Tap) -> Tensor:
    """Regularised least squares from keys to values over the past, asked at the query; no pattern to look at.

    One lambda a head, `attn.mesa_lambda` [member, head], begins at 1 and is trained as it is: as in the code of
    von Oswald et al. 2023 (arXiv 2309.05858 v2); values below 0.001 count as that.

    A member whose keys or lambda are not finite has outputs that are NaN, so that its loss tells that it has diverged;
    the layer itself refuses such numbers, and with them the members beside it.
    """
    lam = block["attn.mesa_lambda"].clamp(min=LEAST)[:, None]
    query, key, value = (tensor.transpose(2, 3) for tensor in (q, k, v))
    try:
        out, _ = mesa_attention(query, key, value, lam)
    except LatebloomError:
        lost = _not_finite(key) | _not_finite(lam)
        if not bool(lost.any()):
            raise
        mask = lost[:, None, None, None, None]
        out, _ = mesa_attention(query, key.masked_fill(mask, 0), value, lam.masked_fill(mask[..., 0, 0], 1))
        out = out.masked_fill(mask, torch.nan)
    return out.transpose(2, 3)


def _not_finite(tensor: Float[Tensor, "member ..."]) -> Bool[Tensor, " member"]:
    return ~tensor.isfinite().flatten(1).all(1)
