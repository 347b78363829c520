import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from latebloom.errors import LatebloomError
from latebloom.instruments.myopia import (
    divergence,
    largest_contexts,
    mean_by_place,
    myopia,
    recovered_context,
    whole_answers,
)
from latebloom.randomness import stream


def drawn(seed, *shape):
    return torch.from_numpy(stream(seed, "myopia").standard_normal(shape))


@given(st.integers(0, 99))
def test_the_gap_is_malus_minus_bonus_at_every_place(seed):
    vanilla, myopic, local = (drawn(seed + 1000 * k, 4, 6) for k in range(3))
    found = myopia(vanilla, myopic, local)
    torch.testing.assert_close(found.gap.by_place, found.malus.by_place - found.bonus.by_place)
    torch.testing.assert_close(found.gap.total, found.malus.total - found.bonus.total)
    torch.testing.assert_close(found.gap.total, (myopic - vanilla).mean(-1))
    weighted = myopia(vanilla, myopic, weight=torch.tensor([0.0, 0, 0, 2, 2, 0])).gap.total
    torch.testing.assert_close(weighted, (myopic - vanilla)[:, 3:5].mean(-1))


def test_losses_by_place_and_whole_answers_are_those_of_a_loop():
    losses = drawn(0, 2, 5, 3)
    weight = torch.from_numpy(stream(1, "myopia").integers(0, 2, (2, 5, 3))).double()
    weight[:, 0] = 1
    said = torch.from_numpy(stream(2, "myopia").integers(0, 2, (2, 5, 3)))
    truth = torch.zeros_like(said)
    by_place, whole = mean_by_place(losses, weight), whole_answers(said, truth, weight)
    for member in range(2):
        rows = range(5)
        for n in range(3):
            counted = [float(losses[member, r, n]) for r in rows if weight[member, r, n]]
            assert float(by_place[member, n]) == pytest.approx(sum(counted) / len(counted))
        right = [all(said[member, r, n] == 0 or not weight[member, r, n] for n in range(3)) for r in rows]
        assert float(whole[member]) == pytest.approx(sum(right) / 5)


def test_two_quadratics_whose_best_present_is_known():
    """l(a, b) = (b - 1)^2 / 2 + (a - 3)^2 / 2 at a = b = theta: vanilla 2, myopic 1, local 1 on vanilla's past."""

    def loss(a, b):
        return torch.tensor([[((b - 1) ** 2 + (a - 3) ** 2) / 2]])

    found = myopia(loss(2.0, 2.0), loss(1.0, 1.0), loss(2.0, 1.0))
    assert (float(found.gap.total), float(found.bonus.total), float(found.malus.total)) == (1.0, 0.5, 1.5)


def test_without_a_local_arm_there_is_a_gap_alone_and_other_seeds_are_no_pairs():
    found = myopia(torch.zeros(3, 2), torch.ones(3, 2))
    assert found.bonus is found.malus is None
    with pytest.raises(LatebloomError, match=r"The local arm has losses of shape \(2, 2\), the vanilla arm \(3, 2\)"):
        myopia(torch.zeros(3, 2), torch.ones(3, 2), torch.ones(2, 2))


def test_the_published_share_of_context():
    losses = (torch.tensor(value) for value in (3.28, 3.40, 5.33))
    assert float(recovered_context(*losses)) == pytest.approx(0.94, abs=0.003)


def test_divergence_is_scipys():
    first, second = drawn(0, 5, 3, 7), drawn(1, 5, 3, 7)
    expected = entropy(first.softmax(-1).numpy(), second.softmax(-1).numpy(), axis=-1)
    torch.testing.assert_close(divergence(first, second), torch.from_numpy(expected))
    assert divergence(first, first + 5).abs().max() < 1e-12
    assert not math.isclose(float(divergence(first, second)[0, 0]), float(divergence(second, first)[0, 0]))


def test_the_largest_places_come_with_what_precedes_them():
    values = torch.tensor([[0.0, 5.0, 1.0], [2.0, 0.0, 9.0]])
    inputs = torch.tensor([[10, 11, 12], [20, 21, 22]])
    found = largest_contexts(values, inputs, count=3, before=1)
    assert found.value.tolist() == [9, 5, 2]
    assert list(zip(found.row.tolist(), found.place.tolist(), strict=True)) == [(1, 2), (0, 1), (1, 0)]
    assert found.tokens == [[21, 22], [10, 11], [20]]
    assert len(largest_contexts(values, inputs, count=99).tokens) == 6
    with pytest.raises(LatebloomError, match="must have one shape"):
        largest_contexts(values, inputs[:, :2])
