"""Attention that reads a source in both directions, and what follows it in one.

With `source_ends` a row is a source, up to the first of these symbols, and what follows. Within the source every place
sees the whole source, as in the encoder of a sequence-to-sequence network; behind it places see themselves and what
came before (the prefix language model of Raffel et al. 2020, arXiv 1910.10683, figure 4). A row without such a symbol
is read in one direction.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from latebloom.models.base import Tap, untapped
from latebloom.models.decoder.attention import Heads, mixed, scores_of

Seen = Bool[Tensor, "member batch query key"]


def seen_from(inputs: Int[Tensor, "member batch pos"], ends: Sequence[int]) -> Seen:
    """What each place of each row sees."""
    found = torch.isin(inputs, torch.tensor(ends, device=inputs.device))
    last = torch.where(found.any(-1), found.int().argmax(-1), -1)[..., None, None]
    place = torch.arange(inputs.shape[-1], device=inputs.device)
    query = place[:, None]
    return (place <= query) | ((place <= last) & (query <= last))


def seeing_mixer(q: Heads, k: Heads, v: Heads, seen: Seen, name: str, tap: Tap) -> Heads:
    """Softmax attention over what each place sees."""
    if tap is untapped:  # nobody looks at the pattern, so it need not be formed
        by_head = [value.flatten(0, 1).transpose(1, 2) for value in (q, k, v)]
        mask = seen.flatten(0, 1)[:, None]
        z = torch.nn.functional.scaled_dot_product_attention(by_head[0], by_head[1], by_head[2], attn_mask=mask)
        return z.transpose(1, 2).reshape(q.shape)
    scores = (scores_of(q, k) / q.shape[-1] ** 0.5).masked_fill(~seen[:, :, None], -torch.inf)
    scores = tap(f"{name}attn.hook_attn_scores", scores)
    return mixed(tap(f"{name}attn.hook_pattern", torch.softmax(scores, -1)), v)
