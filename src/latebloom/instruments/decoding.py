"""Greedy generation: what a network writes when it is fed its own likeliest word at every step.

The accuracies of written sentences are in `generation`. Prefixes of different lengths are continued together: padding
stands behind a prefix, where a causal network does not see it, and is overwritten by what is written.
"""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from latebloom.errors import LatebloomError

VERSION = 1  # bump when any number returned from this file changes

Logits = Callable[[Int[Tensor, "member row pos"]], Tensor]
"""Logits [member, row, pos, vocab] of the next token after each place; no place may see a later one."""


@torch.no_grad()
def greedy(
    logits: Logits,
    prefix: Int[Tensor, "row pos"],
    lengths: Int[Tensor, "row"],
    steps: int,
    members: int = 1,
    end: int | None = None,
    pad: int = 0,
) -> Int[Tensor, "member row step"]:
    """The `steps` tokens each member writes behind each prefix of `lengths` tokens.

    What follows a first `end` is `pad`; once every row has one no more is asked of the network. Raises
    `LatebloomError` for an empty prefix or lengths that do not fit.
    """
    if not len(prefix) or steps < 0 or lengths.is_floating_point():
        raise LatebloomError(
            f"{len(prefix)} prefixes with lengths of type {lengths.dtype} for {steps} steps: give at least one prefix, "
            "lengths as whole numbers, and 0 steps or more."
        )
    if lengths.shape != prefix.shape[:1] or int(lengths.min()) < 1 or int(lengths.max()) > prefix.shape[1]:
        raise LatebloomError(
            f"Prefixes of shape {tuple(prefix.shape)} need one length a row, from 1 to {prefix.shape[1]}; got shape "
            f"{tuple(lengths.shape)}, {int(lengths.min())} to {int(lengths.max())}."
        )
    room = int(lengths.max()) + steps
    tokens = torch.full((members, len(prefix), room), pad, dtype=prefix.dtype, device=prefix.device)
    places = torch.arange(prefix.shape[1], device=prefix.device)
    tokens[:, :, : prefix.shape[1]] = torch.where(places < lengths[:, None], prefix, pad)[:, :room]
    each = torch.arange(len(prefix), device=prefix.device)
    written = torch.full((members, len(prefix), steps), pad, dtype=prefix.dtype, device=prefix.device)
    ended = torch.zeros(members, len(prefix), dtype=torch.bool, device=prefix.device)
    for step in range(steps):
        at = lengths + step
        chosen = logits(tokens[:, :, : int(at.max())])[:, each, at - 1].argmax(-1)
        written[:, :, step] = torch.where(ended, pad, chosen)
        tokens[:, each, at] = written[:, :, step]
        if end is not None:
            ended |= chosen == end
            if bool(ended.all()):
                break
    return written
