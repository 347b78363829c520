"""Gradients written by hand against `Model.gradient` (plain autograd) in float64, and against finite differences."""

import itertools

import pytest
import torch
from torch.autograd import gradcheck

from latebloom.data import Batch, Place, Signature
from latebloom.models import LOSSES, MLP, ModularMLP
from latebloom.models.base import Model
from latebloom.models.single_hidden import add_rows, add_rows_gradient, output_gradient
from latebloom.tasks import ModularArithmetic, SparseParity

DOUBLE = Place(dtype=torch.float64)
CORE = sorted(name for name in LOSSES if LOSSES[name].core)
BITS = list(itertools.product(("factored", "collapsed"), ("factored", "collapsed"), (True, False), (True, False)))


def draw(model, signature, members=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(members, *shape.dims, generator=generator, dtype=torch.float64).requires_grad_(shape.trained)
        for name, shape in model.shapes(signature).items()
    }


def symbols(members=3):
    """Rows of members of unequal size: the shorter ones are padded."""
    tasks = [ModularArithmetic(p=5, n_train=n) for n in (9, 17, 4)[:members]]
    return tasks[0].data(tasks, range(members), DOUBLE).splits["train"]


def numbers(members=3):
    tasks = [SparseParity(n=6, n_train=n, n_test=5, bits="+-1") for n in (9, 17, 4)[:members]]
    return tasks[0].data(tasks, range(members), DOUBLE).splits["train"]


def assert_same_gradients(model, params, batch, name):
    """Loss of each member and gradient of each trained parameter equal those of autograd; parameters are left alone."""
    scale = torch.tensor([1.0, 0.3, 2.5], dtype=torch.float64)
    trained = [name for name, value in params.items() if value.requires_grad]
    before = {name: value.detach().clone() for name, value in params.items()}
    with torch.no_grad():
        value, ours = model.gradient(params, trained, batch, LOSSES[name], scale)
        plain_value, plain = Model.gradient(model, params, trained, batch, LOSSES[name], scale)
    torch.testing.assert_close(value, plain_value, rtol=1e-12, atol=1e-13)
    assert list(ours) == list(plain) == trained
    for name in trained:
        torch.testing.assert_close(ours[name], plain[name], rtol=1e-12, atol=1e-13, msg=name)
        assert ours[name].is_contiguous()
    for name, value in params.items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("loss", CORE)
@pytest.mark.parametrize("activation", ["relu", "square"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("bits", BITS, ids=lambda b: "-".join(map(str, b)))
def test_modular_mlp_equals_autograd(bits, bias, activation, loss):
    into, out, tied, shared = bits
    model = ModularMLP(
        d_mlp=4, d_embed=3, in_product=into, out_product=out, tied=tied, shared=shared, bias=bias, activation=activation
    )
    params = draw(model, ModularArithmetic(p=5).signature)
    assert_same_gradients(model, params, symbols(), loss)


@pytest.mark.parametrize("loss", CORE)
@pytest.mark.parametrize(
    "settings", list(itertools.product(("relu", "square"), ("none", "first"), (True, False))), ids=str
)
def test_parity_network_equals_autograd(settings, loss):
    activation, bias, single = settings
    model = MLP(hidden=4, activation=activation, bias=bias, single_output=single)
    assert_same_gradients(model, draw(model, Signature(6, 2)), numbers(), loss)


def test_a_frozen_circle_gets_no_gradient_and_the_rest_the_same():
    model = ModularMLP(d_mlp=4, d_embed=2, circle=1)
    params = draw(model, ModularArithmetic(p=5).signature)
    assert not params["W_E"].requires_grad
    assert_same_gradients(model, params, symbols(), "cross_entropy")


def test_the_comparison_notices_a_wrong_gradient():
    class Wrong(ModularMLP):
        def gradient(self, *args):
            value, grads = super().gradient(*args)
            grads["W_in"][1, 2, 0] += 1e-10
            return value, grads

    model = Wrong(d_mlp=4, d_embed=3)
    params = draw(model, ModularArithmetic(p=5).signature)
    with pytest.raises(AssertionError, match="W_in"):
        assert_same_gradients(model, params, symbols(), "mse")


@pytest.mark.parametrize("loss", [name for name in LOSSES if not LOSSES[name].core and not LOSSES[name].real])
def test_other_losses_take_the_plain_path(loss):
    model = ModularMLP(d_mlp=4, d_embed=3)
    assert_same_gradients(model, draw(model, ModularArithmetic(p=5).signature), symbols(), loss)


class OutputLoss(torch.autograd.Function):
    """`output_gradient` as a function that can be differentiated."""

    @staticmethod
    def forward(ctx, pre, out, batch, activation, loss):
        value, *ctx.grads = output_gradient(pre.clone(), out, batch, activation, loss)
        return value

    @staticmethod
    def backward(ctx, grad):
        return *(grad[:, None, None] * own for own in ctx.grads), None, None, None


@pytest.mark.parametrize("loss", CORE)
@pytest.mark.parametrize("activation", ["relu", "square"])
def test_output_gradient_against_finite_differences(loss, activation):
    generator = torch.Generator().manual_seed(3)
    pre = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64).requires_grad_()
    out = torch.randn(2, 4, 5, generator=generator, dtype=torch.float64).requires_grad_()
    targets = torch.randint(0, 5, (2, 6), generator=generator)
    weight = torch.tensor([[1.0] * 6, [1.0] * 4 + [0.0] * 2], dtype=torch.float64)
    batch = Batch(torch.zeros(2, 6, 2, dtype=torch.int64), targets, weight)
    assert gradcheck(lambda a, b: OutputLoss.apply(a, b, batch, activation, LOSSES[loss]), (pre, out))


def test_added_rows_of_a_symbol_named_twice_and_their_gradient():
    batch = Batch(torch.tensor([[[1, 1], [0, 2]]]), torch.tensor([[0, 0]]), torch.ones(1, 2))
    first, second = torch.tensor([[[1.0], [2.0], [4.0]]]), torch.tensor([[[10.0], [20.0], [40.0]]])
    assert add_rows(first, second, batch)[0, :, 0].tolist() == [22, 41]
    grad = torch.tensor([[[1.0], [3.0]]])
    (both,) = add_rows_gradient(grad, 3, batch, shared=True)
    assert both[0, :, 0].tolist() == [3, 2, 3]
    assert [table[0, :, 0].tolist() for table in add_rows_gradient(grad, 3, batch, shared=False)] == [
        [3, 1, 0],
        [0, 1, 3],
    ]


def test_one_batch_serves_models_of_several_sizes():
    """What is derived from the rows and kept with them belongs to one size of table and one number of outputs."""
    batch = numbers()
    for single in (True, False, True):
        model = MLP(hidden=4, single_output=single)
        assert_same_gradients(model, draw(model, Signature(6, 2)), batch, "cross_entropy")
    batch = symbols()
    for shared in (True, False, True):
        model = ModularMLP(d_mlp=4, d_embed=3, shared=shared)
        params = draw(model, ModularArithmetic(p=5).signature)
        assert_same_gradients(model, params, batch, "mse")


def test_huge_logits_give_finite_losses_and_gradients_in_float32():
    """A label of probability e^-2000 has a loss of 2000 nats."""
    model = MLP(hidden=4)
    params = {k: 1e3 * v.detach().float() for k, v in draw(model, Signature(6, 2)).items()}
    batch = SparseParity(n=6, n_train=9, n_test=5).data([SparseParity(n=6, n_train=9, n_test=5)] * 3, range(3), Place())
    with torch.no_grad():
        value, grads = model.gradient(
            params, list(params), batch.splits["train"], LOSSES["cross_entropy"], torch.ones(3)
        )
    assert (value > 1000).all()
    assert torch.isfinite(value).all()
    assert all(torch.isfinite(grad).all() for grad in grads.values())
