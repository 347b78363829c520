"""Sometimes sum the sines of what came before: a task that rewards work done ahead.

At each place n there are a number x_n, standard normal, and a coin z_n that shows 1 with probability p. Where it shows
1 the target is the sum of sin(b x) over the `window` places before n, where it shows 0 it is x_n itself:

    y_n = z_n * sum_{i = 1 .. window} sin(b x_{n - i}) + (1 - z_n) * x_n

Places before the first one add nothing. With b = 10, sin(b x) is uncorrelated with x. Published: 64 places, window 10,
b = 10, p from 0.001 to 1, Huber's loss (Wu, Morris and Levine 2024, arXiv 2404.00859, section 4). The coin is drawn
independently of the numbers.

Example, window 2, b = 1, coins 0 1 1:

>>> task = SineSum(places=3, window=2, b=1.0)
>>> rows = torch.tensor([[[0.5, 0.0], [1.0, 1.0], [2.0, 1.0]]])
>>> [round(y, 4) for y in task.answer(rows)[0, :, 0].tolist()]  # 0.5, sin 0.5, sin 1 + sin 0.5
[0.5, 0.4794, 1.3209]
"""

from typing import Literal, Self

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Signature
from latebloom.spec import vary
from latebloom.tasks.base import TASKS
from latebloom.tasks.fresh import FreshTask, Rows


@TASKS.register("sine_sum")
class SineSum(FreshTask):
    """Sum of the sines of the `window` numbers before, where the coin shows 1; else the number itself."""

    kind: Literal["sine_sum"] = "sine_sum"
    places: int = Field(64, ge=1, description="numbers in a sequence")
    window: int = Field(10, ge=1, description="places whose sines are summed, the one before first")
    b: float = vary(10.0, gt=0, description="frequency within the sine")
    p: float = vary(0.3, le=1, description="how often the sum is asked for")
    batch_size: int = Field(512, ge=1, description="sequences in a training step")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.p <= 0:
            raise ValueError(
                f"task.p = {self.p:g} never asks for the sum, so nothing can be learned about it, and losses are "
                "divided by p: choose 0 < p <= 1."
            )
        if self.window >= self.places:
            raise ValueError(
                f"task.window = {self.window} is longer than the past of any place: a sequence of task.places = "
                f"{self.places} has at most {self.places - 1} places before its last. Choose window < places, better "
                "places >= 4 window."
            )
        return self

    @property
    def signature(self) -> Signature:
        """The number and the coin in, one number out."""
        return Signature(n_inputs=2, n_outputs=1, n_ctx=self.places, real_targets=True)

    def draw(self, noise: np.random.Generator, rows: int) -> Rows:
        """Inputs [batch, pos, 2], targets [batch, pos, 1]; every place counts."""
        x = noise.standard_normal((rows, self.places))
        z = (noise.random((rows, self.places)) < self.p).astype(np.float64)
        inputs = np.stack([x, z], -1)
        return inputs, _targets(torch.from_numpy(inputs), self.window, self.b).numpy(), np.ones((rows, self.places))

    def answer(self, inputs: Float[Tensor, "*rows pos 2"]) -> Float[Tensor, "*rows pos 1"]:
        """The exact target of every place."""
        return _targets(inputs, self.window, self.b)


def _targets(inputs: Tensor, window: int, b: float) -> Tensor:
    x, z = inputs.unbind(-1)
    sines = torch.sin(b * x)
    total = torch.zeros_like(x)
    for lag in range(1, min(window, x.shape[-1] - 1) + 1):
        total[..., lag:] += sines[..., :-lag]
    return (z * total + (1 - z) * x)[..., None]
