"""Where only some places have a loss, less is computed, and losses and gradients stay what the whole pass gives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from latebloom.data import Batch, Place, Signature
from latebloom.models import LOSSES, Decoder, Model, initial_parameters
from latebloom.models.base import untapped
from latebloom.models.decoder.scored import scored_places

PLACES, SYMBOLS = 6, 7
SMALL = {"n_layers": 2, "d_model": 8, "n_heads": 2, "d_mlp": 5, "init": "xavier"}
SIGNATURE = Signature(n_inputs=1, n_outputs=SYMBOLS, d_vocab=SYMBOLS, n_ctx=PLACES)


def batch(weight):
    """Two members' three sequences with weights [pos], or [member, batch, pos]."""
    numbers = torch.arange(2 * 3 * (PLACES + 1)).view(2, 3, -1) * 5 % SYMBOLS
    full = torch.tensor(weight, dtype=torch.float64).expand(2, 3, PLACES)
    return Batch(numbers[..., :-1], numbers[..., 1:], full)


def model_and_parameters(**settings):
    model = Decoder.parse(SMALL | settings)
    params = initial_parameters(model, [model] * 2, SIGNATURE, [3, 4], Place(dtype=torch.float64))
    # Biases and norms begin at 0 and 1, where mistakes hide.
    return model, {
        name: value + 0.1 * torch.sin(torch.arange(value.numel())).view_as(value) for name, value in params.items()
    }


def gradients(model, params, rows, plainly):
    weights = {name: value.clone().requires_grad_() for name, value in params.items()}
    loss = Model.loss if plainly else type(model).loss
    losses = loss(model, weights, rows, LOSSES["cross_entropy"], torch.tensor([1.0, 2.0]))
    return losses.detach(), torch.autograd.grad(losses.sum(), list(weights.values()))


def assert_alike(model, params, rows):
    (losses, grads), (expected, plain) = (gradients(model, params, rows, plainly) for plainly in (False, True))
    torch.testing.assert_close(losses, expected, rtol=1e-10, atol=1e-12)
    for name, grad, other in zip(params, grads, plain, strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-8, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"norm": "post"},
        {"norm": "none", "bias": "none"},
        {"n_layers": 1, "positions": "first_keys"},
        {"positions": "sinusoidal", "read_out": "tied"},
        {"qk_norm": "all", "resid_clip": 0.7},
        {"d_mlp": 0},
        {"attention": ("linear", "softmax")},
    ],
)
def test_losses_and_gradients_are_those_of_the_whole_pass(settings):
    model, params = model_and_parameters(**settings)
    rows = batch([0, 1, 0, 2, 1, 0])
    assert scored_places(model, rows.weight, untapped).tolist() == [1, 3, 4]
    assert_alike(model, params, rows)


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=PLACES, max_size=PLACES).filter(any), st.integers(0, 5))
def test_any_weights(weight, elsewhere):
    own = torch.tensor(weight).expand(2, 3, PLACES).clone()
    own[1, 2] = 0.0
    own[1, 2, elsewhere] = 1.0  # one sequence has its loss at a place of its own
    assert_alike(*model_and_parameters(), batch(own.tolist()))


def test_work_is_saved():
    model, params = model_and_parameters()

    def work(weight):
        with FlopCounterMode(display=False) as counter:
            model.loss(params, batch(weight), LOSSES["cross_entropy"], torch.ones(2))
        return counter.get_total_flops()

    whole, first, last = (work(weight) for weight in ([1] * 6, [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]))
    assert first < 0.2 * whole  # nothing behind the first place is looked at
    assert 0.5 * whole < last < 0.75 * whole  # keys and values of the last block, and all of the one before


@pytest.mark.parametrize("weight", [[1] * 6, [0.5] * 6, [0] * 6])
def test_all_or_no_places(weight):
    assert scored_places(Decoder.parse(SMALL), batch(weight).weight, untapped) is None


@pytest.mark.parametrize("settings", [{"past": "hidden"}, {"source_ends": (1,)}, {"attention": ("softmax", "linear")}])
def test_other_decoders_make_the_whole_pass(settings):
    assert scored_places(Decoder.parse(SMALL | settings), batch([0, 1, 0, 0, 0, 0]).weight, untapped) is None


def test_whoever_looks_at_activations_sees_all_places():
    model, params = model_and_parameters()
    shapes = {}

    def look(name, value):
        shapes[name] = tuple(value.shape)
        return value

    model.loss(params, batch([0, 0, 1, 0, 0, 0]), LOSSES["cross_entropy"], torch.ones(2), look)
    assert shapes["hook_logits"] == (2, 3, PLACES, SYMBOLS)
