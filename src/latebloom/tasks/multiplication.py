"""Multiply two numbers digit by digit, with room for zeros after each.

All numbers are written with the least significant digit first and filled up with zeros: both factors to `width`
digits, the product to 2 * `digits`. Training factors have 1 to `digits` digits, equally often (a length is drawn, then
a number below 10^length); test factors are drawn below 10^digits. The loss counts the digits of the product alone.
Published: 5 digits, width 5 or 10 (Wu, Morris and Levine 2024, arXiv 2404.00859, appendix): the filler zeros are
places in which to compute ahead.

Example, 2 digits, width 3: 12 * 34 = 408.

>>> task = Multiplication(digits=2, width=3)
>>> task.written(np.array([12]), np.array([34]))[0]
'210*430=8040'
>>> task.answer(torch.tensor([[2, 1, 0, 10, 4, 3, 0, 11, 8, 0, 4]])).tolist()[0][-4:]
[8, 0, 4, 0]
"""

from typing import Literal, Self

import numpy as np
import torch
from jaxtyping import Int
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.tasks.base import TASKS
from latebloom.tasks.fresh import FreshTask, Rows

SYMBOLS = "0123456789*="
TIMES, EQUALS = 10, 11


@TASKS.register("multiplication")
class Multiplication(FreshTask):
    """The digits of a product, after its two factors."""

    kind: Literal["multiplication"] = "multiplication"
    digits: int = Field(5, ge=1, le=9, description="digits of the longest factor")
    width: int = Field(5, ge=1, description="digits each factor is filled up to")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.width < self.digits:
            raise ValueError(
                f"task.width = {self.width} has no room for factors of task.digits = {self.digits} digits: "
                "choose width >= digits."
            )
        return self

    @property
    def prompt(self) -> int:
        """Places up to and including the equals sign."""
        return 2 * self.width + 2

    @property
    def signature(self) -> Signature:
        """Ten digits and two signs; logits of the next."""
        places = self.prompt + 2 * self.digits - 1
        return Signature(n_inputs=1, n_outputs=len(SYMBOLS), d_vocab=len(SYMBOLS), n_ctx=places)

    def draw(self, noise: np.random.Generator, rows: int) -> Rows:
        """Factors of every length, equally often."""
        return self.rows(*(noise.integers(0, 10 ** noise.integers(1, self.digits + 1, rows)) for _ in range(2)))

    def draw_test(self, noise: np.random.Generator, rows: int) -> Rows:
        """Factors below 10^digits."""
        return self.of_lengths(noise, rows, self.digits, self.digits)

    def of_lengths(self, noise: np.random.Generator, rows: int, first: int, second: int) -> Rows:
        """Factors below 10^first and 10^second: a cell of the table of accuracies by length."""
        for name, value in (("first", first), ("second", second)):
            if not 1 <= value <= self.digits:
                raise LatebloomError(
                    f"The {name} factor cannot have {value} digits: task.digits = {self.digits} is the most."
                )
        return self.rows(noise.integers(0, 10**first, rows), noise.integers(0, 10**second, rows))

    def rows(self, a: Int[np.ndarray, "batch"], b: Int[np.ndarray, "batch"]) -> Rows:
        """Inputs, targets and weight [batch, pos] of given factors."""
        sequence = self._symbols(a, b)
        weight = np.zeros((len(a), sequence.shape[1] - 1))
        weight[:, self.prompt - 1 :] = 1.0
        return sequence[:, :-1], sequence[:, 1:], weight

    def written(self, a: Int[np.ndarray, "batch"], b: Int[np.ndarray, "batch"]) -> list[str]:
        """The sequences as text."""
        return ["".join(SYMBOLS[symbol] for symbol in row) for row in self._symbols(a, b)]

    def answer(self, inputs: Int[Tensor, "*rows pos"]) -> Int[Tensor, "*rows pos"]:
        """The next symbol: the product's digits where the loss counts, what the row itself says before."""
        a, b = (_value(inputs[..., first : first + self.width]) for first in (0, self.width + 1))
        said = torch.cat([inputs[..., 1:], torch.zeros_like(inputs[..., :1])], -1)
        places = 10 ** torch.arange(2 * self.digits, device=inputs.device)
        product = (a * b)[..., None] // places % 10
        said[..., self.prompt - 1 :] = product[..., : said.shape[-1] - self.prompt + 1]
        return said

    def _symbols(self, a: np.ndarray, b: np.ndarray) -> Int[np.ndarray, "batch pos"]:
        signs = (np.full((len(a), 1), sign) for sign in (TIMES, EQUALS))
        first, second = (_digits(value, self.width) for value in (a, b))
        return np.concatenate([first, next(signs), second, next(signs), _digits(a * b, 2 * self.digits)], 1)


def _digits(value: np.ndarray, width: int) -> Int[np.ndarray, "batch width"]:
    """Least significant digit first; a number longer than int64 holds has zeros there anyway."""
    out = np.zeros((len(value), width), dtype=np.int64)
    for place in range(min(width, 19)):
        out[:, place] = value % 10
        value = value // 10
    return out


def _value(digits: Tensor) -> Tensor:
    """Digits, least significant first, as a number."""
    total = torch.zeros_like(digits[..., 0])
    for place in reversed(range(min(digits.shape[-1], 18))):
        total = 10 * total + digits[..., place]
    return total
