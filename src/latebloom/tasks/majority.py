"""Say again what was said most often: an input half whose places have nothing to predict, then an output half.

`n_seen` symbols are drawn uniformly; then `n_said` symbols, each drawn uniformly from the set of those that came most
often. So a feature at an input place can pay for itself only later. Conditioned, a symbol counts only where it
follows symbol 0 (where none does, every symbol came equally often). Published sizes: 3 symbols, 10 and 10 (Rofin,
Naghiyev and Hahn 2026, arXiv 2603.14087).

Example, 3 symbols, 5 seen:

>>> most(np.array([[0, 2, 0, 2, 1]]), 3, conditioned=False).astype(int).tolist()  # 0 and 2 came twice
[[1, 0, 1]]
>>> most(np.array([[0, 2, 0, 2, 1]]), 3, conditioned=True).astype(int).tolist()  # after 0 came 2, twice
[[0, 0, 1]]
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor

from latebloom.data import Signature
from latebloom.tasks.base import TASKS
from latebloom.tasks.fresh import FreshTask, Rows


@TASKS.register("majority")
class Majority(FreshTask):
    """Next symbol of sequences that end in draws from the most frequent symbols of their beginning."""

    kind: Literal["majority"] = "majority"
    d_vocab: int = Field(3, ge=2, description="different symbols")
    n_seen: int = Field(10, ge=1, description="symbols that are counted")
    n_said: int = Field(10, ge=1, description="symbols drawn from the most frequent ones")
    conditioned: bool = Field(False, description="count only symbols that follow symbol 0")
    loss_on: Literal["all", "said"] = Field("all", description="which next symbols the loss counts")

    @property
    def signature(self) -> Signature:
        """Symbols; logits of the next one."""
        return Signature(n_inputs=1, n_outputs=self.d_vocab, d_vocab=self.d_vocab, n_ctx=self.n_seen + self.n_said - 1)

    def draw(self, noise: np.random.Generator, rows: int) -> Rows:
        """Inputs and targets [batch, pos], the sequence without its last and without its first symbol."""
        seen = noise.integers(0, self.d_vocab, (rows, self.n_seen))
        allowed = most(seen, self.d_vocab, self.conditioned)
        # The largest of uniform scores among the allowed symbols is a uniform choice.
        scores = noise.random((rows, self.n_said, self.d_vocab)) * allowed[:, None]
        sequence = np.concatenate([seen, scores.argmax(-1)], 1)
        weight = np.ones((rows, sequence.shape[1] - 1))
        if self.loss_on == "said":
            weight[:, : self.n_seen - 1] = 0.0
        return sequence[:, :-1], sequence[:, 1:], weight

    def optimum(self, inputs: Int[Tensor, "*rows pos"]) -> Float[Tensor, "*rows pos d_vocab"]:
        """Probabilities of the next symbol: uniform over all while symbols are counted, then over the majority set."""
        seen = inputs[..., : self.n_seen].cpu().numpy()
        allowed = most(seen.reshape(-1, self.n_seen), self.d_vocab, self.conditioned)
        said = torch.as_tensor(allowed / allowed.sum(-1, keepdims=True), dtype=torch.float64, device=inputs.device)
        table = torch.full((*inputs.shape, self.d_vocab), 1 / self.d_vocab, dtype=torch.float64, device=inputs.device)
        table[..., self.n_seen - 1 :, :] = said.view(*inputs.shape[:-1], 1, self.d_vocab)
        return table

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """The most probable next symbol, the lowest of several."""
        return self.optimum(inputs).argmax(-1)


def most(seen: Int[np.ndarray, "batch pos"], d_vocab: int, conditioned: bool) -> Bool[np.ndarray, "batch d_vocab"]:
    """Which symbols came most often; conditioned, only those right after symbol 0 count."""
    counted = seen[:, 1:] if conditioned else seen
    counts = counted[..., None] == np.arange(d_vocab)
    if conditioned:
        counts = counts & (seen[:, :-1] == 0)[..., None]
    total = counts.sum(1)
    return np.asarray(total == total.max(-1, keepdims=True))
