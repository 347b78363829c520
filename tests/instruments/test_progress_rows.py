import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latebloom.errors import LatebloomError
from latebloom.instruments import progress_rows as rows
from latebloom.instruments.logits import additive_logits
from latebloom.instruments.trigonometric import frequency_mask
from latebloom.randomness import stream
from tests.instruments.planted import directions_network, slow_loss, slow_projection

P, NEURONS = 11, 5


def network(seed, members=()):
    noise = stream(seed, "test progress rows")
    shapes = [(*members, P, NEURONS), (*members, P, NEURONS), (*members, NEURONS, P)]
    return [torch.from_numpy(noise.normal(size=shape)) * 2 for shape in shapes]


def some_pairs(seed, count=20):
    chosen = stream(seed, "test progress pairs").permutation(P * P)[:count]
    return torch.from_numpy(chosen // P), torch.from_numpy(chosen % P)


def rows_of(table, a, b):
    return table[a, b], (a + b) % P


@given(seed=st.integers(0, 20), keys=st.sets(st.integers(1, P // 2)), activation=st.sampled_from(["relu", "square"]))
def test_the_same_numbers_as_the_projection_of_the_whole_table(seed, keys, activation):
    first, second, out = network(seed)
    table = additive_logits(first, second, out, activation)
    mask = frequency_mask(sorted(keys), P)
    sums = rows.hidden_mean_over_sums(first, second, activation) @ out
    a, b = some_pairs(seed)
    logits, answers = rows_of(table, a, b)
    kept = slow_projection(table.numpy(), sorted(keys), "sum") if keys else np.zeros((P, P, P))
    pairs = np.zeros((P, P), dtype=bool)
    pairs[a.numpy(), b.numpy()] = True
    restricted = float(rows.restricted_loss_of_sums(sums, mask))
    assert restricted == pytest.approx(slow_loss(kept + table.mean((0, 1)).numpy()), rel=1e-9)
    excluded = float(rows.excluded_loss_of_rows(logits, sums, mask, answers))
    assert excluded == pytest.approx(slow_loss(table.numpy() - kept, pairs), rel=1e-9)


def test_every_frequency_by_itself():
    first, second, out = network(3)
    table = additive_logits(first, second, out, "relu")
    sums = rows.hidden_mean_over_sums(first, second) @ out
    a, b = some_pairs(3)
    logits, answers = rows_of(table, a, b)
    pairs = np.zeros((P, P), dtype=bool)
    pairs[a.numpy(), b.numpy()] = True
    found = rows.single_excluded_losses_of_rows(logits, sums, answers)
    wanted = [
        slow_loss(table.numpy() - slow_projection(table.numpy(), [k], "sum"), pairs) for k in range(1, P // 2 + 1)
    ]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9)


def test_members_do_not_mix_and_padding_does_not_count():
    first, second, out = network(5, (3,))
    table = additive_logits(first, second, out, "relu")
    sums = rows.hidden_mean_over_sums(first, second) @ out
    keys = frequency_mask([2, 4], P)
    a, b = some_pairs(5)
    logits, answers = table[:, a, b], ((a + b) % P)[None]
    share = torch.zeros(3, len(a), dtype=torch.float64)
    share[:, :7] = 1 / 7
    together = rows.excluded_loss_of_rows(logits, sums, keys, answers, share)
    for member in range(3):
        alone = rows.excluded_loss_of_rows(logits[member, :7], sums[member], keys, answers[0, :7])
        assert float(together[member]) == pytest.approx(float(alone), rel=1e-12)
    assert len({round(float(value), 6) for value in together}) == 3


def test_a_constructed_network_needs_its_frequency_and_nothing_else():
    w_in, w_out = (torch.from_numpy(table) for table in directions_network(P, 5, frequency=3))
    sums = 40 * rows.hidden_mean_over_sums(w_in, w_in) @ w_out
    assert float(rows.restricted_loss_of_sums(sums, frequency_mask([3], P))) < 0.2
    assert float(rows.restricted_loss_of_sums(sums, frequency_mask([1, 2, 4, 5], P))) > 2.0


def test_wrong_shapes_are_told():
    with pytest.raises(LatebloomError, match=r"boolean mask over 1 \.\. \d+ \(p = "):
        rows.restricted_loss_of_sums(torch.zeros(P, P), torch.zeros(3, dtype=torch.bool))
    with pytest.raises(LatebloomError, match=r"over sums are \[\.\.\., p, p\], not \[\d+, 4\]"):
        rows.restricted_loss_of_sums(torch.zeros(P, 4), torch.zeros(2, dtype=torch.bool))
    with pytest.raises(LatebloomError, match="'relu' or 'square', not 'gelu'"):
        rows.hidden_mean_over_sums(torch.zeros(P, 2), torch.zeros(P, 2), "gelu")
