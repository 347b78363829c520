"""What passes between tasks and models: what a network takes and gives, rows for every member, where numbers live."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Signature:
    """What a network must take and give for a task."""

    n_inputs: int  # columns of an input row; of a sequence: numbers at each place (1 for symbols)
    n_outputs: int  # logits or values it must produce, for a sequence at each place
    d_vocab: int = 0  # number of input symbols; 0 where inputs are real numbers
    n_ctx: int = 0  # places of the longest sequence; 0 where a row is no sequence
    real_targets: bool = False  # targets are vectors of real numbers, not labels


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows for every member at once; `weight` is 0 where a row, or a place of it, does not count.

    Members may have different numbers of rows (their train fractions differ); the shorter ones are padded.

    | | inputs | targets | weight |
    |---|---|---|---|
    | rows | [member, batch, n_inputs] symbols or floats | [member, batch] labels | [member, batch] |
    | sequences of symbols | [member, batch, pos] | [member, batch, pos] labels | [member, batch, pos] |
    | sequences of vectors | [member, batch, pos, n_inputs] | [member, batch, pos, n_outputs] | [member, batch, pos] |
    """

    inputs: Tensor  # int64 symbols or floats
    targets: Tensor  # int64 labels or floats
    weight: Float[Tensor, "member batch *pos"]
    once: bool = False  # rows of a single step: deriving costly things from them does not pay
    memo: dict[str, Any] = field(default_factory=dict)  # what a model derives from these rows once

    @property
    def share(self) -> Float[Tensor, "member batch *pos"]:
        """The share of each row, or place, in its member's mean: weights divided by their sum."""
        if "share" not in self.memo:
            with torch.inference_mode(False):  # whoever asks first, others may need it in a graph
                self.memo["share"] = self.weight / self.weight.sum(tuple(range(1, self.weight.ndim)), keepdim=True)
        share: Tensor = self.memo["share"]
        return share

    def mean(self, rows: Float[Tensor, "member batch *pos"]) -> Float[Tensor, " member"]:
        """Mean over a member's own rows and places; padding does not count."""
        return (rows * self.share).flatten(1).sum(1)


class Data:
    """The rows of one population: fixed splits, and the batch to train on at each step."""

    def __init__(self, splits: dict[str, Batch]) -> None:
        self.splits = splits

    def batch(self, step: int) -> Batch:
        """The batch of one step; here the whole training split, every time."""
        return self.splits["train"]


@dataclass(frozen=True)
class Place:
    """Where numbers live: device and floating type."""

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
