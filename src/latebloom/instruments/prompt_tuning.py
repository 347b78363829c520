"""Vectors learned for fixed places of a prompt while every weight of the network is frozen: separators and prefixes.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), section 5 and F.1.4: one vector after every pair, and twenty in
front, each trained by Adam at 1e-3 for 5,000 steps on the mean loss of the labels. What helps then was in the network
already.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

Network = Callable[[Float[Tensor, "member batch pos d"]], Float[Tensor, "member batch pos d"]]


class Prompt(NamedTuple):
    """Sequences, the places where answers are due, and the answers."""

    tokens: Float[Tensor, "*member batch pos d"]
    query: Int[Tensor, " pair"]
    answers: Float[Tensor, "*member batch pair d"]


def filled(
    tokens: Float[Tensor, "*member batch pos d"], places: Int[Tensor, " slot"], vectors: Float[Tensor, "member slot d"]
) -> Float[Tensor, "member batch pos d"]:
    """The sequences with each member's vectors at these places; a single vector stands at every one of them.

    Raises `LatebloomError` for a number of vectors that is neither one nor that of the places.
    """
    members, count, d = vectors.shape
    if count not in (1, len(places)):
        raise LatebloomError(f"{count} vectors for {len(places)} places: give one for all, or one for each.")
    out = tokens.expand(members, *tokens.shape[-3:]).clone()
    out[:, :, places] = vectors[:, None].expand(members, out.shape[1], len(places), d)
    return out


def label_loss(outputs: Float[Tensor, "*member batch pos d"], prompt: Prompt) -> Float[Tensor, "*member pair"]:
    """Half the squared error of each answer summed over its numbers, mean over sequences; by pairs shown before."""
    return (outputs[..., prompt.query, :] - prompt.answers).square().sum(-1).mean(-2) / 2


def learned(
    network: Network,
    draw: Callable[[int], Prompt],
    places: Int[Tensor, " slot"],
    start: Float[Tensor, "member slot d"],
    steps: int,
    lr: float = 1e-3,
) -> Float[Tensor, "member slot d"]:
    """The vectors at `places` that minimise the mean label loss over prompts drawn at each step; Adam from `start`.

    Members are trained side by side, each on its own loss. The rate falls to 0 by a cosine. Weights that the network
    holds get no gradient.
    """
    vectors = start.detach().clone().requires_grad_(True)
    adam = torch.optim.Adam([vectors], lr=lr)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(steps, 1))
    for step in range(steps):
        prompt = draw(step)
        with torch.enable_grad():
            loss = label_loss(network(filled(prompt.tokens, places, vectors)), prompt).mean(-1).sum()
            (vectors.grad,) = torch.autograd.grad(loss, vectors)
        adam.step()
        fall.step()
    return vectors.detach()
