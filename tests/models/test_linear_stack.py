"""The gradient of linear stacks by hand against autograd, in float64; where it is used and where not."""

import pytest
import torch

from latebloom.data import Batch
from latebloom.models import LOSSES, Decoder, initial_parameters
from latebloom.models.base import Model
from latebloom.models.decoder import linear_stack
from latebloom.randomness import stream
from latebloom.studies.mesa_optimization.experiments.sizes import Size, stack
from tests.models.test_models import DOUBLE

SIZE = Size(d=3, length=7)
MEMBERS, ROWS = 3, 37  # more than two pieces, the last one short


def case(layers=3, heads=2, std=0.3, **changes):
    """A stack, its parameters and a batch whose places count unequally; its streams reach the clip."""
    model = stack(SIZE, layers, heads, 5, init_std=std, **changes)
    signature = SIZE.task("constructed").signature
    params = initial_parameters(model, [model] * MEMBERS, signature, range(MEMBERS), DOUBLE)
    noise = stream(0, "linear stack")
    inputs = torch.from_numpy(noise.standard_normal((MEMBERS, ROWS, SIZE.length, 4 * SIZE.d)))
    targets = torch.from_numpy(noise.standard_normal((MEMBERS, ROWS, SIZE.length, SIZE.d)))
    weight = torch.from_numpy(noise.uniform(0, 1, (MEMBERS, ROWS, SIZE.length)))
    weight[0, 5:9] = 0
    return model, params, Batch(inputs, targets, weight)


def both(model, params, batch, loss="half_squared_error"):
    scale = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
    with torch.no_grad():
        return [how(params, list(params), batch, LOSSES[loss], scale) for how in (model.gradient, plain(model))]


def plain(model):
    return lambda *words: Model.gradient(model, *words)


@pytest.mark.parametrize("loss", ["half_squared_error", "huber"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"layers": 1}, {"heads": 1}, {"resid_clip": None, "std": 0.1}],
    ids=["three layers", "one layer", "one head", "no clip"],
)
def test_equal_to_autograd(changes, loss):
    model, params, batch = case(**changes)
    assert linear_stack.fits(model)
    (own, ours), (right, grads) = both(model, params, batch, loss)
    torch.testing.assert_close(own, right, rtol=1e-10, atol=0)
    assert list(ours) == list(grads)
    for name, grad in grads.items():
        torch.testing.assert_close(ours[name], grad, rtol=1e-8, atol=1e-12 * float(grad.abs().max()), msg=name)
        assert ours[name].is_contiguous()
        assert float(grad.abs().max()) > 0


def test_the_clip_is_reached_in_these_cases():
    model, params, batch = case()
    free = model.replace({"resid_clip": None})
    assert not torch.equal(model.forward(params, batch.inputs), free.forward(params, batch.inputs))


@pytest.mark.parametrize(
    "change",
    [
        {"attention": ("softmax",)},
        {"attention": ("linear", "mesa")},
        {"norm": "pre"},
        {"positions": "first_keys"},
        {"bias": "all"},
        {"d_mlp": 4},
        {"qk_norm": "all"},
        {"past": "keys"},
        {"dropout": 0.1},
        {"read_out": "linear"},
        {"embed_scale": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_networks_are_left_to_autograd(change):
    plain_stack = stack(SIZE, 2, 2, 5)
    assert linear_stack.fits(plain_stack)
    assert not linear_stack.fits(Decoder.parse(plain_stack.model_dump() | change))


def test_a_tap_is_heard():
    model, params, batch = case(layers=1)
    heard = []

    def tap(name, value):
        heard.append(name)
        return value

    with torch.no_grad():
        model.gradient(params, list(params), batch, LOSSES["half_squared_error"], torch.ones(MEMBERS).double(), tap)
    assert "blocks.0.attn.hook_z" in heard
