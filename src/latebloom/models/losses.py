"""Losses by name. Each maps logits and labels to one number a row; the mean over a member's rows is what it trains on.

`cross_entropy`, `mse`, `stablemax` and `hinge` compare logits with labels; `squared_error`, `half_squared_error`,
`mean_error` and `huber` compare outputs with real targets of the same shape.

Units: cross-entropy in nats per row. The explorable's code also divides by the number of classes (its "trap 0");
that variant is `cross_entropy_per_class`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.registry import Registry

LOSSES: Registry["Loss"] = Registry("loss")


@dataclass(frozen=True)
class Loss:
    """A loss: its value for each row, and which hand-written core (if any) gives the same numbers."""

    name: str
    rows: Callable[[Tensor, Tensor], Tensor]  # outputs [..., out], labels [...] or targets [..., out] -> [...]
    core: Literal["cross_entropy", "mse"] | None = None
    per_class: bool = False
    real: bool = False  # compares with real targets, not with labels
    version: int = 1


def cross_entropy(logits: Float[Tensor, "*rows out"], labels: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """Negative log probability of the label, in nats."""
    return -torch.log_softmax(logits, -1).gather(-1, labels[..., None])[..., 0]


def mean_squared_error(logits: Float[Tensor, "*rows out"], labels: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """Mean over outputs of the squared distance to the label's one-hot vector."""
    return (logits - torch.nn.functional.one_hot(labels, logits.shape[-1])).square().mean(-1)


def stablemax_cross_entropy(logits: Float[Tensor, "*rows out"], labels: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """Cross-entropy with softmax's exp(x) replaced by x + 1 (x >= 0) or 1 / (1 - x) (Prieto et al. 2025, eq. 5)."""
    # Not sign(x) log(1 + |x|): its gradient at exactly 0 would come out as 0 instead of 1.
    positive = torch.log1p(logits.clamp(min=0))
    return cross_entropy(torch.where(logits >= 0, positive, -torch.log1p(-logits.clamp(max=0))), labels)


def hinge(logits: Float[Tensor, "*rows out"], labels: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """max(0, 1 - margin), margin = the label's logit minus the best other (Merrill et al. 2023 for two classes)."""
    right = logits.gather(-1, labels[..., None])
    other = logits.scatter(-1, labels[..., None], -torch.inf).amax(-1)
    return torch.relu(1 - (right[..., 0] - other))


def squared_error(outputs: Float[Tensor, "*rows out"], targets: Float[Tensor, "*rows out"]) -> Float[Tensor, "*rows"]:
    """Sum over outputs of the squared difference."""
    return (outputs - targets).square().sum(-1)


def half_squared_error(
    outputs: Float[Tensor, "*rows out"], targets: Float[Tensor, "*rows out"]
) -> Float[Tensor, "*rows"]:
    """Half the sum over outputs of the squared difference (von Oswald et al. 2023)."""
    return squared_error(outputs, targets) / 2


def mean_error(outputs: Float[Tensor, "*rows out"], targets: Float[Tensor, "*rows out"]) -> Float[Tensor, "*rows"]:
    """Mean over outputs of the squared difference."""
    return (outputs - targets).square().mean(-1)


def cross_entropy_per_class(logits: Float[Tensor, "*rows out"], labels: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """Cross-entropy divided by the number of classes, as the explorable's code averages it."""
    return cross_entropy(logits, labels) / logits.shape[-1]


def huber(outputs: Float[Tensor, "*rows out"], targets: Float[Tensor, "*rows out"]) -> Float[Tensor, "*rows"]:
    """Sum over outputs of Huber's loss with delta 1: half the square up to 1, then linear."""
    return torch.nn.functional.huber_loss(outputs, targets, reduction="none").sum(-1)


LOSSES.register("cross_entropy")(Loss("cross_entropy", cross_entropy, core="cross_entropy"))
LOSSES.register("cross_entropy_per_class")(
    Loss("cross_entropy_per_class", cross_entropy_per_class, core="cross_entropy", per_class=True)
)
LOSSES.register("mse")(Loss("mse", mean_squared_error, core="mse"))
LOSSES.register("stablemax")(Loss("stablemax", stablemax_cross_entropy))
LOSSES.register("hinge")(Loss("hinge", hinge))
LOSSES.register("squared_error")(Loss("squared_error", squared_error, real=True))
LOSSES.register("half_squared_error")(Loss("half_squared_error", half_squared_error, real=True))
LOSSES.register("mean_error")(Loss("mean_error", mean_error, real=True))
LOSSES.register("huber")(Loss("huber", huber, real=True))
