"""What a measurement sees of a population at one step; costly things are computed once and shared."""

from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.data import Batch
from latebloom.models import Parameters
from latebloom.training.population import Population

PIECE = 256  # sequences of each member that go through a network together when it is measured


class View:
    """The population after `step` updates: parameters, data, logits of each split, gradient of the training loss."""

    def __init__(self, population: Population, step: int) -> None:
        self.population = population
        self.step = step
        self.params: Parameters = {name: value.detach() for name, value in population.params.items()}
        self._logits: dict[str, Tensor] = {}

    @property
    def splits(self) -> dict[str, Batch]:
        """Fixed splits by name."""
        return self.population.data.splits

    def logits(self, split: str) -> Float[Tensor, "member batch *pos out"]:
        """Outputs on a split, before any temperature."""
        if split not in self._logits:
            with torch.no_grad():
                self._logits[split] = self._forward(self.splits[split].inputs)
        return self._logits[split]

    def _forward(self, inputs: Tensor) -> Tensor:
        """Rows at once; sequences in pieces, since what attention keeps of them grows with their number."""
        model = self.population.model
        if not self.population.task.signature.n_ctx:
            return model.forward(self.params, inputs)
        return torch.cat([model.forward(self.params, piece) for piece in inputs.split(PIECE, 1)], 1)

    def losses(self, split: str) -> Float[Tensor, "member batch *pos"]:
        """The training loss of every row, or place, of a split."""
        logits = self.logits(split)
        scaled = logits * self.population.hyper["logit_scale"].view(-1, *[1] * (logits.ndim - 1))
        return self.population.loss.rows(scaled, self.splits[split].targets)

    @cached_property
    def gradient(self) -> Parameters:
        """Gradient of the mean training loss, by trained parameter."""
        with torch.no_grad():
            return self.population.gradient(self.step)[1]

    @property
    def trained(self) -> Parameters:
        """The parameters that training changes."""
        return {name: self.params[name] for name in self.population.trained}
