"""Where a gradient comes from: the present or later losses; and through one state, directly, ahead, or by sharing.

Sources: Wu, Morris and Levine 2024, arXiv 2404.00859 (diagonal and off-diagonal parts); Rofin, Naghiyev and Hahn 2026,
arXiv 2603.14087 (direct, pre-cached and shared parts).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.norms import PerTable, l2_norms
from latebloom.instruments.stability import weight_cosines

VERSION = 1  # bump when any number returned from this file changes

Tables = Mapping[str, Float[Tensor, "*lead_and_shape"]]


@dataclass(frozen=True, eq=False)
class GradientSplit:
    """A gradient in two parts, their lengths, and whether they agree."""

    total: PerTable
    diagonal: PerTable  # from losses at the place whose computation is taught: what myopic training follows
    future: PerTable  # from later losses: total - diagonal
    cosine: PerTable  # between diagonal and future; NaN where either is zero

    @property
    def ratio(self) -> Float[Tensor, "*lead"]:
        """Length of the future part over that of the diagonal part, all tables together."""
        return self.future.total / self.diagonal.total


def gradient_split(
    total: Tables, diagonal: Tables, lead: int = 1, leave_out: tuple[str, ...] = ("embed", "pos_embed", "unembed")
) -> GradientSplit:
    """From the gradients of vanilla and of myopic training at the same parameters and data.

    The future part can only be had by subtraction: a backward pass that keeps the past and cuts the diagonal is not it,
    since a path may take both kinds of step. Tables whose names begin with one of `leave_out` do not count, as
    published (non-embedding weights); pass () to count all. Of other people's networks name the embeddings yourself, of
    Hugging Face's GPT-2 ("transformer.wte", "transformer.wpe"). `lead` axes come first in every table: 0 for one
    network without a member axis. Raises `LatebloomError` when names or shapes differ, or `leave_out` names no table.
    """
    if total.keys() != diagonal.keys():
        alone = ", ".join(sorted(total.keys() ^ diagonal.keys()))
        raise LatebloomError(f"Both gradients must name the same tables; only one side has: {alone}.")
    kept = [name for name in total if not name.startswith(leave_out)] if leave_out else list(total)
    if leave_out and len(kept) == len(total):
        raise LatebloomError(
            f"leave_out = {leave_out}: none of the {len(total)} tables begins so; the first are "
            f"{', '.join(list(total)[:3])}. Name the beginnings of the embeddings here, or pass () to count all tables."
        )
    if not kept:
        raise LatebloomError(f"leave_out = {leave_out} leaves no table of {', '.join(total)}.")
    for name in kept:
        if total[name].shape != diagonal[name].shape:
            raise LatebloomError(
                f"Table {name!r}: the gradients have shapes {tuple(total[name].shape)} and "
                f"{tuple(diagonal[name].shape)}; they must be equal."
            )
    whole, now = ({name: table[name] for name in kept} for table in (total, diagonal))
    later = {name: whole[name] - now[name] for name in kept}
    return GradientSplit(
        l2_norms(whole, lead), l2_norms(now, lead), l2_norms(later, lead), weight_cosines(now, later, lead)
    )


Losses = Callable[[Mapping[str, Tensor], bool], Float[Tensor, " pos"]]


@dataclass(frozen=True, eq=False)
class StateSplit:
    """The gradient of all losses by every parameter, in three parts that add up to it."""

    direct: dict[str, Tensor]  # through the state, from the loss at its own place
    ahead: dict[str, Tensor]  # through the state, from later losses: pre-caching
    shared: dict[str, Tensor]  # not through the state


def state_split(losses: Losses, params: Mapping[str, Tensor], place: int) -> StateSplit:
    """Parts of the gradient by how they pass one state, that of `place` in some layer.

    `losses(params, stopped)` gives the loss of every place, and where `stopped` with no gradient through that state. So
    direct = grad (L_i - L_i^stopped), ahead = sum over j > i of the same, shared = grad sum_j L_j^stopped. Losses of
    earlier places do not pass the state and fall under shared.
    """
    leaves = {name: value.detach().requires_grad_(True) for name, value in params.items()}
    live, stopped = losses(leaves, False), losses(leaves, True)
    if live.ndim != 1 or not 0 <= place < len(live):
        raise LatebloomError(
            f"place = {place}, losses of shape {tuple(live.shape)}: losses must be [pos], with place among them."
        )
    return StateSplit(
        _gradient(live[place] - stopped[place], leaves),
        _gradient((live[place + 1 :] - stopped[place + 1 :]).sum(), leaves),
        _gradient(stopped.sum(), leaves),
    )


def _gradient(value: Tensor, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = torch.autograd.grad(value, list(leaves.values()), retain_graph=True, allow_unused=True)
    pairs = zip(leaves.items(), found, strict=True)
    return {name: torch.zeros_like(leaf) if grad is None else grad for (name, leaf), grad in pairs}
