"""The reference: every A_t built and solved, gradients by autograd alone. Slow, and O(pos d_head^2) memory.

It shares no line with the other forms, so that they can be compared with it.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def direct(
    query: Float[Tensor, "row pos d_head"],
    key: Float[Tensor, "row pos d_head"],
    value: Float[Tensor, "row pos d_value"],
    log_gamma: Float[Tensor, "row pos"] | None,
    gram: Float[Tensor, "row d_head d_head"],
    moment: Float[Tensor, "row d_head d_value"],
    ridge: Float[Tensor, "row d_head"] | None,
) -> tuple[Float[Tensor, "row pos d_value"], Float[Tensor, "row d_head d_head"], Float[Tensor, "row d_head d_value"]]:
    """o_t = G_t (H_t + Lambda)^{-1} q_t for all t, H_T and G_T^T.

    H_t = gamma_t H_{t-1} + k_t k_t^T from H_0 = `gram`, G_t^T = gamma_t G_{t-1}^T + k_t v_t^T from `moment`. A
    regulariser that decays is part of `gram`; a static diagonal one is `ridge`.
    """
    if log_gamma is None:
        log_gamma = torch.zeros_like(key[..., 0])
    # What is left at place t of what place s added: the product of gamma over (s, t].
    total = log_gamma.cumsum(-1)
    past = torch.ones(key.shape[1], key.shape[1], dtype=torch.bool, device=key.device).tril()
    left = (total[:, :, None] - total[:, None, :]).masked_fill(~past, -torch.inf).exp()
    start = total.exp()[..., None, None]
    grams = torch.einsum("rts,rsi,rsj->rtij", left, key, key) + start * gram[:, None]
    moments = torch.einsum("rts,rsi,rsj->rtij", left, key, value) + start * moment[:, None]
    matrix = grams if ridge is None else grams + ridge[:, None, :].diag_embed()
    solved = torch.linalg.solve(matrix, query[..., None])
    return torch.einsum("rtij,rti->rtj", moments, solved[..., 0]), grams[:, -1], moments[:, -1]
