"""Every loss against a formula written otherwise, and its gradient against finite differences of that formula."""

import math

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.models import LOSSES
from latebloom.randomness import stream


def cross_entropy(logits, label):
    return scipy.special.logsumexp(logits) - logits[label]


def mse(logits, label):
    return sum((z - (i == label)) ** 2 for i, z in enumerate(logits)) / len(logits)


def stablemax(logits, label):
    s = [z + 1 if z >= 0 else 1 / (1 - z) for z in logits]  # the sheet's first form; the package uses the second
    return -math.log(s[label] / sum(s))


def hinge(logits, label):
    return max(0.0, max(1 - (logits[label] - z) for i, z in enumerate(logits) if i != label))


SLOW = {
    "cross_entropy": cross_entropy,
    "cross_entropy_per_class": lambda logits, label: cross_entropy(logits, label) / len(logits),
    "mse": mse,
    "stablemax": stablemax,
    "hinge": hinge,
}
REAL = {
    "squared_error": lambda out, to: sum((a - b) ** 2 for a, b in zip(out, to, strict=True)),
    "half_squared_error": lambda out, to: sum((a - b) ** 2 for a, b in zip(out, to, strict=True)) / 2,
    "mean_error": lambda out, to: sum((a - b) ** 2 for a, b in zip(out, to, strict=True)) / len(out),
    "huber": lambda out, to: sum(scipy.special.huber(1.0, a - b) for a, b in zip(out, to, strict=True)),
}
each_loss = pytest.mark.parametrize("name", sorted(SLOW))
FLAT = {
    "cross_entropy": math.log(5),
    "cross_entropy_per_class": math.log(5) / 5,
    "mse": 0.2,
    "stablemax": math.log(5),
    "hinge": 1.0,
}


def rows(dtype=torch.float64):
    """Logits [member, batch, out] of every size and sign, and labels."""
    noise = stream(0, "loss test")
    logits = noise.standard_normal((3, 40, 5)) * 10.0 ** noise.integers(-3, 3, (3, 40, 1))
    return torch.tensor(logits, dtype=dtype), torch.tensor(noise.integers(0, 5, (3, 40)))


def slowly(name, logits, labels):
    flat = zip(logits.reshape(-1, logits.shape[-1]).tolist(), labels.reshape(-1).tolist(), strict=True)
    return np.array([SLOW[name](np.array(row), label) for row, label in flat]).reshape(labels.shape)


def test_every_loss_has_a_row_here():
    assert sorted([*SLOW, *REAL]) == list(LOSSES)


@each_loss
def test_rows_equal_the_slow_formula(name):
    logits, labels = rows()
    np.testing.assert_allclose(
        LOSSES[name].rows(logits, labels).numpy(), slowly(name, logits, labels), rtol=1e-10, atol=1e-12
    )


@each_loss
def test_equal_logits_give_the_known_value(name):
    value = LOSSES[name].rows(torch.zeros(1, 1, 5, dtype=torch.float64), torch.tensor([[2]]))
    assert value.item() == pytest.approx(FLAT[name], abs=1e-15)


@each_loss
def test_gradient_equals_finite_differences_of_the_slow_formula(name):
    noise = stream(0, "loss gradient")  # no ties and no margin near one: the hinge has no slope there
    logits = torch.tensor(2 * noise.standard_normal((1, 8, 5)), requires_grad=True)
    labels = torch.tensor(noise.integers(0, 5, (1, 8)))
    (gradient,) = torch.autograd.grad(LOSSES[name].rows(logits, labels).sum(), logits)
    step = 1e-6
    for place in np.ndindex(*logits.shape):
        shift = torch.zeros_like(logits)
        shift[place] = step
        high, low = (slowly(name, (logits + sign * shift).detach(), labels).sum() for sign in (1, -1))
        assert gradient[place].item() == pytest.approx((high - low) / (2 * step), rel=1e-5, abs=1e-7)


@each_loss
def test_a_population_and_its_members_alone_agree(name):
    logits, labels = rows(torch.float32)
    together = LOSSES[name].rows(logits, labels)
    for member in range(3):
        torch.testing.assert_close(
            LOSSES[name].rows(logits[member : member + 1], labels[member : member + 1])[0], together[member]
        )


@each_loss
def test_huge_logits_stay_finite_in_float32(name):
    logits = torch.tensor([[[1e4, -1e4, 0.0]]]).requires_grad_(True)
    value = LOSSES[name].rows(logits, torch.tensor([[1]])).sum()
    assert torch.isfinite(value)
    assert torch.isfinite(torch.autograd.grad(value, logits)[0]).all()


def test_stablemax_learns_at_a_zero_logit():
    # A network whose hidden neurons are all off, or whose output starts at zero, has logits of exactly zero.
    zero = torch.zeros(1, 1, 4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(LOSSES["stablemax"].rows(zero, torch.tensor([[0]])).sum(), zero)
    torch.testing.assert_close(gradient[0, 0], torch.tensor([-0.75, 0.25, 0.25, 0.25], dtype=torch.float64))


def test_stablemax_still_learns_where_softmax_has_collapsed():
    sure, label = torch.tensor([[[120.0, 0.5, 0.5, 0.5]]]), torch.tensor([[0]])
    assert LOSSES["cross_entropy"].rows(sure, label).item() == 0.0  # float32: nothing left to learn from
    assert LOSSES["stablemax"].rows(sure, label).item() == pytest.approx(math.log(125.5 / 121), rel=1e-4)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.data())
def test_cross_entropies_are_never_negative_and_the_hinge_is_zero_exactly_at_margin_one(values, data):
    label = data.draw(st.integers(0, len(values) - 1))
    logits, labels = torch.tensor([[values]], dtype=torch.float64), torch.tensor([[label]])
    for name in ("cross_entropy", "cross_entropy_per_class", "stablemax"):
        assert LOSSES[name].rows(logits, labels).item() >= -1e-15
    margin = values[label] - max(value for i, value in enumerate(values) if i != label)
    assert (LOSSES["hinge"].rows(logits, labels).item() == 0) == (margin >= 1)


@given(st.integers(0, 2**31))
def test_cross_entropy_does_not_care_about_a_shift_and_stablemax_does(seed):
    logits, labels = torch.tensor(stream(seed, "shift").standard_normal((1, 1, 5))), torch.tensor([[3]])
    plain, stable = LOSSES["cross_entropy"].rows, LOSSES["stablemax"].rows
    torch.testing.assert_close(plain(logits + 7.0, labels), plain(logits, labels))
    assert not torch.allclose(stable(logits + 7.0, labels), stable(logits, labels))


def test_an_unknown_loss_names_the_nearest():
    with pytest.raises(LatebloomError, match=r"Unknown loss 'stable_max'\. Did you mean 'stablemax'"):
        LOSSES["stable_max"]


@pytest.mark.parametrize("name", sorted(REAL))
def test_losses_of_real_targets(name):
    outputs = torch.tensor(3 * stream(0, "real loss").standard_normal((2, 4, 6, 3)))
    targets = torch.tensor(stream(1, "real loss").standard_normal((2, 4, 6, 3)))
    pairs = zip(outputs.reshape(-1, 3).tolist(), targets.reshape(-1, 3).tolist(), strict=True)
    slow = [REAL[name](out, to) for out, to in pairs]
    found = LOSSES[name].rows(outputs, targets)
    assert LOSSES[name].real
    assert found.shape == (2, 4, 6)
    np.testing.assert_allclose(found.reshape(-1), slow, rtol=1e-12)
