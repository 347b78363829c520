"""Restricted and excluded loss without the table of all logits: the same numbers, some hundred times cheaper.

The `sum` projection of `trigonometric` depends on a pair only through its sum, so two things are enough: the mean
logits over the pairs of each sum, `[..., p, p]` (entry `[s, c]`), and the logits of the rows one looks at,
`[..., row, p]`. For a network with one hidden layer the first follows from the mean of its hidden layer. That makes
these measures cheap enough to be taken while a population trains, every member on its own rows.

Losses are in nats per example, from float64. Key frequencies are masks as everywhere (entry `i` is frequency `i + 1`).
Source: Nanda et al. 2023, arXiv:2301.05217, section on progress measures, and its released analysis code.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.trigonometric import project_sums

VERSION = 1  # Raise when a change here changes numbers.


def hidden_mean_over_sums(
    first: Float[Tensor, "*lead p neuron"], second: Float[Tensor, "*lead p neuron"], activation: str = "relu"
) -> Float[Tensor, "*lead p neuron"]:
    """Mean of `activation(first[a] + second[b])` over the pairs of each sum `s = (a + b) mod p`; float64.

    Times the output table it is the mean of the logits over sums. `activation` is "relu" or "square".
    """
    if activation not in ("relu", "square"):
        raise LatebloomError(f"hidden_mean_over_sums: activation is 'relu' or 'square', not {activation!r}.")
    p = first.shape[-2]
    residue = torch.arange(p, device=first.device)
    other = (residue[:, None] - residue) % p  # [s, a] -> b
    pre = first.double().unsqueeze(-3) + second.double()[..., other, :]
    return (torch.relu(pre) if activation == "relu" else pre.square()).mean(-2)


def restricted_loss_of_sums(
    sums: Float[Tensor, "*lead p p"], keys: Bool[Tensor, "*#lead frequency"]
) -> Float[Tensor, "*lead"]:
    """Loss of the key frequencies alone over all `p^2` pairs, the mean logits of each class put back."""
    kept = project_sums(sums, keys) + sums.double().mean(-2, keepdim=True)
    return -torch.log_softmax(kept, -1).diagonal(dim1=-2, dim2=-1).mean(-1)


def excluded_loss_of_rows(
    logits: Float[Tensor, "*lead row p"],
    sums: Float[Tensor, "*lead p p"],
    keys: Bool[Tensor, "*#lead frequency"],
    answers: Int[Tensor, "*#lead row"],
    share: Float[Tensor, "*#lead row"] | None = None,
) -> Float[Tensor, "*lead"]:
    """Loss on rows with answers `(a + b) mod p` when the key frequencies are taken out of their logits.

    `share` is each row's weight in the mean, equal without it; padded rows have 0.
    """
    return _without(logits.double(), project_sums(sums, keys), answers, share)


def single_excluded_losses_of_rows(
    logits: Float[Tensor, "*lead row p"],
    sums: Float[Tensor, "*lead p p"],
    answers: Int[Tensor, "*#lead row"],
    share: Float[Tensor, "*#lead row"] | None = None,
) -> Float[Tensor, "*lead frequency"]:
    """Excluded loss of every frequency by itself; its largest value is a measure that needs no key frequencies."""
    p = sums.shape[-1]
    wide = logits.double()
    # One frequency at a time: all of them at once would need p // 2 copies of the logits.
    alone = torch.eye(p // 2, dtype=torch.bool, device=sums.device)
    return torch.stack([_without(wide, project_sums(sums, key), answers, share) for key in alone], dim=-1)


def _without(
    logits: Float[Tensor, "*lead row p"],
    removed: Float[Tensor, "*lead p p"],
    answers: Int[Tensor, "*#lead row"],
    share: Float[Tensor, "*#lead row"] | None,
) -> Float[Tensor, "*lead"]:
    index = answers.expand(logits.shape[:-1]).unsqueeze(-1)
    rest = logits - removed.gather(-2, index.expand(logits.shape))
    loss = rest.logsumexp(-1) - rest.gather(-1, index).squeeze(-1)
    return loss.mean(-1) if share is None else (loss * share).sum(-1)
