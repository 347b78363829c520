"""The plain code that multiplies: rows as the task writes them, and answers counted by hand."""

import numpy as np
import pytest
import torch

from checks import products
from latebloom.tasks.multiplication import SYMBOLS, Multiplication


@pytest.mark.parametrize("width", products.WIDTHS)
def test_rows_are_those_of_the_task(width):
    a, b = torch.tensor([0, 7, 12, 99]), torch.tensor([5, 40, 34, 99])
    rows = products.written(a, b, width)
    task = Multiplication(digits=products.DIGITS, width=width)
    assert ["".join(SYMBOLS[symbol] for symbol in row) for row in rows] == task.written(a.numpy(), b.numpy())
    inputs, targets, weight = task.rows(a.numpy(), b.numpy())
    assert (rows[:, :-1].numpy() == inputs).all()
    assert (rows[:, -2 * products.DIGITS :].numpy() == targets[weight > 0].reshape(len(a), -1)).all()


@pytest.mark.parametrize(("wrong_digit", "share"), [(None, 1.0), (0, 0.9), (3, 0.9)])
def test_a_product_is_right_if_all_its_digits_are(monkeypatch, wrong_digit, share):
    """A table that multiplies, and one that errs in one digit wherever the first factor ends in 7."""

    def table(net, rows, past):
        said = rows[:, -4:].clone()
        if wrong_digit is not None:
            said[rows[:, 0] == 7, wrong_digit] += 1
        return torch.nn.functional.one_hot(said, 12)

    monkeypatch.setattr(products, "answers", table)
    assert products.exact(None, 2) == pytest.approx(share, abs=1e-12)


def test_half_of_the_factors_have_one_digit_or_begin_with_zero():
    numbers = products.drawn(20_000, torch.Generator().manual_seed(0)).numpy()
    assert numbers.min() == 0 and numbers.max() == 99
    assert np.mean(numbers < 10) == pytest.approx(0.55, abs=0.02)  # a half, and a tenth of the other half
