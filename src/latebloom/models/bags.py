"""Sums of chosen rows of a table, many at once."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from latebloom.data import Batch

Bags = tuple[Int[Tensor, " entry"], Int[Tensor, " bag_and_end"]]  # rows to sum; where each bag's rows begin


def worth_sorting(batch: Batch, dtype: torch.dtype) -> bool:
    """Whether `sums` pays for these rows: bags are sorted once for rows that come again; it is fast in float32 only."""
    return dtype == torch.float32 and not batch.once


def sums(rows: Float[Tensor, "row width"], bags: Bags) -> Float[Tensor, "bag width"]:
    """The sum of each bag's rows, in the bag's order."""
    entries, offsets = bags
    return embedding_bag(entries, rows, offsets, mode="sum", include_last_offset=True)


def even_bags(entries: Int[Tensor, "bag entry"]) -> Bags:
    """Bags of one size."""
    count, size = entries.shape
    return entries.reshape(-1), torch.arange(0, count * size + 1, size, device=entries.device)


def namers(named: Int[Tensor, " row"], count: int) -> Bags:
    """For each of `count` names, the rows that have it, in their order. A sum over it is what `index_add_` gives."""
    offsets = torch.zeros(count + 1, dtype=torch.int64, device=named.device)
    torch.cumsum(torch.bincount(named, minlength=count), 0, out=offsets[1:])
    return torch.argsort(named, stable=True), offsets
