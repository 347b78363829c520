"""The hot path of parity networks: one hidden ReLU layer and one output column, differentiated by hand.

    pre = X @ first,   z = relu(pre) @ out,   loss = log(1 + exp(-z)) for label 1, log(1 + exp(z)) for label 0

which is the cross-entropy of the logits (0, z). With g the gradient by z, and M the g of those rows in which a neuron
is on, the gradients need no other product over the rows than D = X.T @ M:

    by first:  D * out        by out:  sum of first * D over inputs, since relu(pre) = pre where the neuron is on

The products with X are formed by lookup where its numbers are bits (see `words`). Call it where no graph is recorded.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.data import Batch
from latebloom.models.words import Words, words


def single_column_gradient(
    first: Float[Tensor, "member inputs d_mlp"],
    out: Float[Tensor, "member d_mlp 1"],
    batch: Batch,
    with_one: bool,
    per_class: bool,
) -> tuple[Float[Tensor, " member"], Float[Tensor, "member inputs d_mlp"], Float[Tensor, "member d_mlp 1"]]:
    """Mean loss of each member in nats (half of it if `per_class`), and its gradients by `first` and by `out`.

    `with_one`: the last row of `first` belongs to an input that is always 1.
    """
    read: Words | _Columns = words(batch) or _Columns(batch, with_one)
    hidden = read.times(first).relu_()
    sign, share = _sign(batch), batch.share / 2 if per_class else batch.share
    wrong = _column(hidden, out).mul_(sign)  # how far z speaks for the other class
    value = torch.nn.functional.softplus(wrong, threshold=50).mul_(share).sum(1)
    by_z = wrong.sigmoid_().mul_(sign).mul_(share)[..., None]
    torch.ops.aten.threshold_backward.grad_input(by_z.expand_as(hidden), hidden, 0, grad_input=hidden)
    d_sum = read.transposed_times(hidden, with_one)
    return value, d_sum * out.mT, (first * d_sum).sum(1)[..., None]


def _column(hidden: Float[Tensor, "member batch d_mlp"], out: Float[Tensor, "member d_mlp 1"]) -> Tensor:
    """Hidden @ out, [member, batch], in the way that is fast for the layout."""
    if not hidden.is_contiguous():
        return torch.bmm(out.mT, hidden.mT)[:, 0]
    # The batched product takes several times as long as these.
    return torch.stack([torch.mv(own, column) for own, column in zip(hidden, out[..., 0], strict=True)])


class _Columns:
    """Products with rows of any numbers; the hidden layer is laid out [member, d_mlp, batch], which is faster."""

    def __init__(self, batch: Batch, with_one: bool) -> None:
        key = f"columns {with_one}"
        if key not in batch.memo:
            columns = batch.inputs.mT
            ones = [torch.ones_like(columns[:, :1])] if with_one else []
            batch.memo[key] = torch.cat([columns, *ones], 1).contiguous()
        self.columns: Float[Tensor, "member inputs batch"] = batch.memo[key]

    def times(self, first: Float[Tensor, "member inputs d_mlp"]) -> Float[Tensor, "member batch d_mlp"]:
        """X @ first."""
        return torch.bmm(first.mT, self.columns).mT

    def transposed_times(
        self, by_pre: Float[Tensor, "member batch d_mlp"], with_one: bool
    ) -> Float[Tensor, "member inputs d_mlp"]:
        """X.T @ by_pre."""
        return torch.bmm(self.columns, by_pre)


def _sign(batch: Batch) -> Float[Tensor, "member batch"]:
    """+1 for label 0 and -1 for label 1; kept in the batch's memo."""
    if "sign" not in batch.memo:
        batch.memo["sign"] = (1 - 2 * batch.targets).to(batch.weight.dtype)
    found: Float[Tensor, "member batch"] = batch.memo["sign"]
    return found
