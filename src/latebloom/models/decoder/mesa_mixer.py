"""The mesa layer as one of a decoder's kinds of attention."""

from torch import Tensor

from latebloom.models.base import Parameters, Tap
from latebloom.models.mesa import mesa_attention

LEAST = 1e-3  # of lambda: the paper's scalar is free, and a least-squares problem needs a positive one


def mesa_mixer(q: Tensor, k: Tensor, v: Tensor, block: Parameters, name: str, tap: Tap) -> Tensor:
    """Regularised least squares from keys to values over the past, asked at the query; no pattern to look at.

    One lambda a head, `attn.mesa_lambda` [member, head], begins at 1 and is trained as it is: as in the code of
    von Oswald et al. 2023 (arXiv 2309.05858 v2); values below 0.001 count as that.
    """
    lam = block["attn.mesa_lambda"].clamp(min=LEAST)[:, None]
    out, _ = mesa_attention(q.transpose(2, 3), k.transpose(2, 3), v.transpose(2, 3), lam)
    return out.transpose(2, 3)
