"""Clipping of gradients, each member by itself."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models import Parameters
from latebloom.training.optimisers.base import wide

ClipBy = Literal["norm", "value"]


def clip(grads: Parameters, limit: Float[Tensor, " member"], by: ClipBy) -> None:
    """Clips gradients [member, ...] in place: the L2 norm over all parameters of a member, or every element.

    By norm a member's gradient is scaled down to `limit` if it is longer, as `torch.nn.utils.clip_grad_norm_` does
    (Pascanu et al. 2013); by value each element is kept within plus and minus `limit`.
    """
    if by == "value":
        for grad in grads.values():
            bound = wide(limit, grad)
            torch.clamp(grad, -bound, bound, out=grad)
        return
    lengths = torch.stack([torch.linalg.vector_norm(grad.flatten(1), dim=1) for grad in grads.values()])
    factor = limit / (torch.linalg.vector_norm(lengths, dim=0) + 1e-6)  # the 1e-6 is PyTorch's own
    if bool((factor >= 1).all()):
        return
    factor = factor.clamp(max=1.0)
    for grad in grads.values():
        grad.mul_(wide(factor, grad))
