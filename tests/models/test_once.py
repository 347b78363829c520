"""Second derivatives of what is differentiated by hand are refused, also where another way leads to the weights."""

import pytest
import torch

from latebloom.errors import LatebloomError
from latebloom.models.decoder import thinned
from latebloom.models.decoder.cut_attention import cut_attention
from latebloom.models.decoder.linear_attention import causal_linear_attention
from latebloom.models.decoder.past import project_two_ways
from latebloom.models.gated import gated_layer
from latebloom.models.once import once


class Cube(torch.autograd.Function):
    """x^3, beside numbers that have no gradient."""

    @staticmethod
    def forward(ctx, x, count):
        ctx.save_for_backward(x)
        return x**3 * count

    @staticmethod
    @once("a cube", "take x**3")
    def backward(ctx, g):
        return 3 * g * ctx.saved_tensors[0] ** 2, None


def cut(x):
    return cut_attention(x, x, x, x, x)


def linear(x):
    return causal_linear_attention(x, x, x)


def two_ways(x):
    own, past = project_two_ways(x, x[:, :1], None, 0.5)
    return own + past


def thinned_mlp(x):
    w = x[0, 0]
    return thinned._MLP.apply(x.flatten(1, 2), w[None], None, w.mT[None], None, None, 1.0)


def thinned_sum(x):
    flat = x.flatten(1, 2)
    return thinned._AddNorm.apply(flat, 2 * flat, None, 1.0, flat[:, 0], flat[:, 1])


def thinned_attention(x):
    qkv = torch.cat([x.flatten(1, 2)] * 3, -1)
    return thinned._Attention.apply(qkv, (x.shape[1], x.shape[2], 1, x.shape[3]), None, 1.0)


def gated(x):
    return gated_layer(torch.cat([x] * 3, -1), torch.cat([x[:, 0]] * 3, -1), x.flatten(1)[:, :12])


WAYS = [cut, linear, two_ways, thinned_mlp, thinned_sum, thinned_attention, gated, lambda x: Cube.apply(x, 2.0)]


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("way", WAYS)
def test_one_derivative_is_there_and_a_second_is_refused(way, x):
    (plain,) = torch.autograd.grad(way(x).square().sum(), x)
    (first,) = torch.autograd.grad(way(x).square().sum(), x, create_graph=True)
    assert torch.equal(first, plain)
    with pytest.raises(LatebloomError, match="cannot be differentiated again"):
        torch.autograd.grad(first.square().sum(), x)


@pytest.mark.parametrize("way", WAYS)
def test_a_penalty_that_reaches_the_weights_by_another_way_is_refused_too(way, x):
    (first,) = torch.autograd.grad((way(x) + 0).square().sum() + x.pow(4).sum(), x, create_graph=True)
    with pytest.raises(LatebloomError, match="cannot be differentiated again"):
        torch.autograd.grad(first.square().sum(), x)


def test_the_message_says_of_what_and_what_to_do_instead(x):
    (first,) = torch.autograd.grad(Cube.apply(x, 1.0).sum(), x, create_graph=True)
    with pytest.raises(LatebloomError, match=r"^The gradient of a cube cannot be differentiated again: take x\*\*3\.$"):
        first.sum().backward()


def test_without_a_graph_gradients_are_tied_to_nothing(x):
    (first,) = torch.autograd.grad(Cube.apply(x, 1.0).sum(), x)
    assert not first.requires_grad
