"""Sums over sorted bags and products with bits by lookup, which only float32 rows that come again take."""

import dataclasses

import pytest
import torch

from latebloom.data import Place
from latebloom.fleet.estimate import population_bytes
from latebloom.models import LOSSES, MLP
from latebloom.models.base import Model
from latebloom.models.blocks import blocks
from latebloom.models.single_hidden import add_rows, add_rows_gradient
from latebloom.models.words import words
from latebloom.tasks import ModularArithmetic, SparseParity
from tests.training.build import tiny


def rows(n=14, bits="01", count=300):
    """Two members' rows, the second's padded."""
    tasks = [SparseParity(n=n, n_train=own, n_test=5, bits=bits) for own in (count, count - 30)]
    return tasks[0].data(tasks, (0, 1), Place()).splits["train"]


@pytest.mark.parametrize("bits", ["01", "+-1"])
@pytest.mark.parametrize("n", [12, 14])  # whole words, and a word that is partly empty
def test_products_with_bits_equal_those_of_matrices(n, bits):
    batch = rows(n, bits)
    generator = torch.Generator().manual_seed(0)
    first, by_pre = torch.randn(2, n + 1, 5, generator=generator), torch.randn(2, 300, 5, generator=generator)
    inputs = torch.cat([batch.inputs, torch.ones(2, 300, 1)], 2)
    found = words(batch)
    torch.testing.assert_close(found.times(first), inputs @ first)
    torch.testing.assert_close(found.times(first[:, :-1]), inputs[..., :-1] @ first[:, :-1])
    torch.testing.assert_close(found.transposed_times(by_pre, True), inputs.mT @ by_pre, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.transposed_times(by_pre, False), batch.inputs.mT @ by_pre, rtol=1e-4, atol=1e-5)


def test_lookup_is_for_many_fixed_rows_of_two_values_in_float32():
    batch = rows()
    assert words(batch) is not None
    assert words(dataclasses.replace(batch, memo={}, once=True)) is None
    assert words(dataclasses.replace(batch, memo={}, inputs=batch.inputs.double())) is None
    assert words(rows(count=200)) is None
    other = batch.inputs.clone()
    other[1, 2, 3] = 0.5
    assert words(dataclasses.replace(batch, memo={}, inputs=other)) is None


@pytest.mark.parametrize("bias", ["none", "first"])
@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy_per_class"])
def test_a_parity_network_by_lookup_equals_autograd(bias, loss):
    model = MLP(hidden=8, bias=bias, single_output=True)
    generator = torch.Generator().manual_seed(1)
    batch = rows()
    shapes = model.shapes(SparseParity(n=14).signature)
    params = {name: torch.randn(2, *shape.dims, generator=generator) for name, shape in shapes.items()}
    with torch.no_grad():
        value, ours = model.gradient(params, list(params), batch, LOSSES[loss], torch.tensor([1.0, 0.3]))
        plain_value, plain = Model.gradient(model, params, list(params), batch, LOSSES[loss], torch.tensor([1.0, 0.3]))
    assert batch.memo["words"] is not None
    torch.testing.assert_close(value, plain_value)
    for name in params:
        torch.testing.assert_close(ours[name], plain[name], rtol=1e-4, atol=1e-6, msg=name)
        assert ours[name].is_contiguous()


def test_sorted_bags_give_the_sums_of_unsorted_rows_bit_for_bit():
    """That these agree to the last bit is what keeps the version of `modular_mlp`."""
    tasks = [ModularArithmetic(p=11, n_train=n) for n in (60, 47)]
    batch = tasks[0].data(tasks, (0, 1), Place()).splits["train"]
    plain = dataclasses.replace(batch, memo={}, once=True)
    generator = torch.Generator().manual_seed(2)
    table, grad = torch.randn(2, 11, 7, generator=generator), torch.randn(2, 60, 7, generator=generator)
    assert torch.equal(add_rows(table, table, batch), add_rows(table, table, plain))
    for shared in (True, False):
        found = zip(add_rows_gradient(grad, 11, batch, shared), add_rows_gradient(grad, 11, plain, shared), strict=True)
        assert all(torch.equal(ours, other) for ours, other in found)


def test_blocks_are_nearly_equal_and_cover_all_members():
    batch = rows()
    many = dataclasses.replace(
        batch, memo={}, inputs=batch.inputs.repeat(9, 1, 1)[:17], targets=batch.targets.repeat(9, 1)[:17]
    )
    many = dataclasses.replace(many, weight=batch.weight.repeat(9, 1)[:17])
    found = blocks(many, 8)
    assert [(own.start, own.stop) for own, _ in found] == [(0, 5), (5, 11), (11, 17)]
    assert torch.equal(torch.cat([part.inputs for _, part in found]), many.inputs)
    assert blocks(many, 17) == [(slice(0, 17), many)]


def test_members_beyond_a_block_need_less_memory_than_those_within():
    member = tiny()
    within = population_bytes(member, 8) - population_bytes(member, 7)
    beyond = population_bytes(member, 18) - population_bytes(member, 17)
    activations = member.model.activation_bytes(member.task.signature, member.task.train_rows, 4)
    assert within - beyond == pytest.approx(activations)
