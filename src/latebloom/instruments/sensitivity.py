"""How much an activation at one place moves when each input token moves: gradients through any callable."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

VERSION = 1  # bump when any number returned from this file changes

Network = Callable[[Tensor], Tensor]  # tokens [..., batch, pos, d_in] -> activations [..., batch, pos, d_out]


def token_sensitivity(
    network: Network, tokens: Float[Tensor, "*lead batch pos d_in"], place: int = -1
) -> Float[Tensor, "*lead pos"]:
    """||d f_place / d s_t'|| for every t': norm over the input's numbers, mean over sequences and the output's numbers.

    Von Oswald et al. 2023 (arXiv 2309.05858 v2), figures 14 to 17 (mean over 64 sequences, last place). The network
    must treat sequences alone. One backward pass for each output number.
    """
    gradients = jacobian(network, tokens, place)
    return gradients.norm(dim=-1).mean((-3, -2))


def jacobian(
    network: Network, tokens: Float[Tensor, "*lead batch pos d_in"], place: int = -1
) -> Float[Tensor, "*lead batch out pos d_in"]:
    """D f_place / d s_t' of every output number, for every sequence. The network's own gradients are left alone."""
    with torch.enable_grad():
        moved = tokens.detach().requires_grad_(True)
        outputs = network(moved)[..., place, :]
        rows = [
            torch.autograd.grad(outputs[..., i].sum(), moved, retain_graph=i + 1 < outputs.shape[-1])[0]
            for i in range(outputs.shape[-1])
        ]
    return torch.stack(rows, -3)


def cosine(
    first: Float[Tensor, "*lead batch out pos d_in"], second: Float[Tensor, "*lead batch out pos d_in"]
) -> Float[Tensor, "*lead"]:
    """Mean cosine between two predictors' sensitivities at each output number: do they listen alike?

    Von Oswald et al. 2022 (arXiv 2212.07677), which compares d yhat / d x of a network and of gradient descent.
    """
    return torch.cosine_similarity(first.flatten(-2), second.flatten(-2), dim=-1).mean((-2, -1))
