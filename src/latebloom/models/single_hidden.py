"""The hot path: gradients of networks with one hidden layer, written by hand.

    hidden = act(pre),   logits = hidden @ out,   loss(logits, labels)

Autograd would spend most of its time on the softmax and on temporaries. Logits are laid out [member, out, row], so that
reductions over classes run along contiguous memory, and are overwritten by their own gradient. Nothing here records a
graph: call it under `torch.no_grad()`. docs/performance.md has the ratios.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.data import Batch
from latebloom.models.bags import Bags, even_bags, namers, sums, worth_sorting
from latebloom.models.losses import Loss

Activation = Literal["relu", "square"]


def output_gradient(
    pre: Float[Tensor, "member batch d_mlp"],
    out: Float[Tensor, "member d_mlp out"],
    batch: Batch,
    activation: Activation,
    loss: Loss,
) -> tuple[Float[Tensor, " member"], Float[Tensor, "member batch d_mlp"], Float[Tensor, "member d_mlp out"]]:
    """Mean loss of each member, and its gradient by `pre` and by `out`; overwrites `pre`.

    Only for a loss with a `core`. The gradient by `out` is a transposed view; that by `pre` is laid out as `pre` is,
    which may be a transposed view too: with few outputs the products with `out` are several times faster so.
    """
    transposed = not pre.is_contiguous()
    hidden = pre.relu_() if activation == "relu" else pre * pre
    logits = torch.bmm(out.mT, hidden.mT)  # [member, out, row]
    share = batch.share / out.shape[2] if loss.per_class else batch.share
    value = (_cross_entropy if loss.core == "cross_entropy" else _squared)(logits, batch, share)
    d_out = torch.bmm(logits, hidden)
    d_pre = torch.bmm(out, logits).mT if transposed else torch.bmm(logits.mT, out.mT)
    if activation == "relu":
        torch.ops.aten.threshold_backward.grad_input(d_pre, hidden, 0, grad_input=d_pre)
    else:
        d_pre.mul_(pre).mul_(2)
    return value, d_pre, d_out.mT


def _cross_entropy(logits: Float[Tensor, "member out batch"], batch: Batch, share: Tensor) -> Float[Tensor, " member"]:
    """Mean loss in nats; logits become their gradient, share * (softmax - one hot)."""
    places = _label_places(batch, logits.shape[1])
    top = logits.amax(1)
    right = logits.view(-1).index_select(0, places).view_as(top).sub_(top)
    # Below this the exponential is no ordinary number; the library then takes a path ten times as slow, and a network
    # that memorises sends most of its logits there. The sum is at least 1, so nothing else changes.
    logits.sub_(top[:, None]).clamp_(min=math.log(torch.finfo(logits.dtype).tiny) + 1).exp_()
    # A product with ones: the same sum over classes, twice as fast as `sum`.
    total = torch.bmm(logits.new_ones(1, 1, 1).expand(logits.shape[0], 1, logits.shape[1]), logits)[:, 0]
    logits.mul_((share / total)[:, None])
    logits.view(-1).index_add_(0, places, share.reshape(-1), alpha=-1)
    return total.log_().sub_(right).mul_(share).sum(1)


def _squared(logits: Float[Tensor, "member out batch"], batch: Batch, share: Tensor) -> Float[Tensor, " member"]:
    """Mean squared error; logits become their gradient, 2 share / out * (logits - one hot)."""
    places = _label_places(batch, logits.shape[1])
    logits.view(-1).index_add_(0, places, logits.new_ones(1).expand(places.shape[0]), alpha=-1)
    value = logits.square().mean(1).mul_(share).sum(1)
    logits.mul_((2.0 / logits.shape[1]) * share[:, None])
    return value


def add_rows(
    first: Float[Tensor, "member symbol d_mlp"], second: Float[Tensor, "member symbol d_mlp"], batch: Batch
) -> Float[Tensor, "member batch d_mlp"]:
    """The row of `first` that a data row's first symbol names plus the row of `second` that its second symbol names."""
    members, symbols, width = first.shape
    if first is second and worth_sorting(batch, first.dtype):
        return sums(first.reshape(-1, width), _pairs(batch, symbols)).view(members, -1, width)
    left, right = _symbol_places(batch, symbols)
    total = first.reshape(-1, width).index_select(0, left)
    total += second.reshape(-1, width).index_select(0, right)
    return total.view(members, -1, width)


def add_rows_gradient(
    grad: Float[Tensor, "member batch d_mlp"], symbols: int, batch: Batch, shared: bool
) -> list[Float[Tensor, "member symbol d_mlp"]]:
    """The gradient of `add_rows` by its tables: one table if `shared`, else two."""
    members, _, width = grad.shape
    flat = grad.reshape(-1, width)
    if worth_sorting(batch, grad.dtype):
        return [sums(flat, bags).view(members, symbols, width) for bags in _namers(batch, symbols, shared)]
    tables = [grad.new_zeros(members * symbols, width) for _ in range(1 if shared else 2)]
    for table, places in zip((tables[0], tables[-1]), _symbol_places(batch, symbols), strict=True):
        table.index_add_(0, places, flat)
    return [table.view(members, symbols, width) for table in tables]


# What is derived from the rows once and kept in the batch's memo.


def _symbol_places(batch: Batch, symbols: int) -> list[Int[Tensor, " flat"]]:
    """For each of the two inputs, the rows it names in the tables of all members laid under each other."""
    key = f"symbols {symbols}"
    if key not in batch.memo:
        base = torch.arange(batch.inputs.shape[0], device=batch.inputs.device)[:, None, None] * symbols
        batch.memo[key] = [column.reshape(-1).contiguous() for column in (base + batch.inputs).unbind(2)]
    places: list[Tensor] = batch.memo[key]
    return places


def _pairs(batch: Batch, symbols: int) -> Bags:
    """For each data row, the two rows of the table that it names."""
    key = f"pairs {symbols}"
    if key not in batch.memo:
        batch.memo[key] = even_bags(torch.stack(_symbol_places(batch, symbols), 1))
    pairs: Bags = batch.memo[key]
    return pairs


def _namers(batch: Batch, symbols: int, shared: bool) -> list[Bags]:
    """For each row of a table, the data rows that name it; in a shared one, first by their first symbol."""
    key = f"namers {symbols} {shared}"
    if key not in batch.memo:
        places = _symbol_places(batch, symbols)
        rows, count = len(places[0]), batch.inputs.shape[0] * symbols
        found = [namers(named, count) for named in ([torch.cat(places)] if shared else places)]
        batch.memo[key] = [(entries % rows, offsets) for entries, offsets in found]
    bags: list[Bags] = batch.memo[key]
    return bags


def _label_places(batch: Batch, n_outputs: int) -> Int[Tensor, " flat"]:
    """Where each row's label sits in a flattened [member, out, row] array."""
    key = f"labels {n_outputs}"
    if key not in batch.memo:
        members, rows = batch.targets.shape
        base = torch.arange(members, device=batch.targets.device)[:, None] * (n_outputs * rows)
        batch.memo[key] = (base + batch.targets * rows + torch.arange(rows, device=base.device)).reshape(-1)
    places: Tensor = batch.memo[key]
    return places
