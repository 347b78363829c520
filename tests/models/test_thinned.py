"""The block written for training under dropout gives the numbers and gradients of the plain way."""

import pytest
import torch

from latebloom.data import Batch, Place, Signature
from latebloom.models import LOSSES, Decoder, initial_parameters
from latebloom.models.decoder.thinned import thins
from latebloom.training.dropout import Dropout

DOUBLE = Place(dtype=torch.float64)
SIGNATURE = Signature(n_inputs=1, n_outputs=7, d_vocab=7, n_ctx=6)
POST = {"n_layers": 2, "d_model": 8, "n_heads": 2, "norm": "post", "dropout": 0.3, "init": "xavier"}
SEEDS = [3, 4, 5]


def gradients(settings, plainly, at=None):
    """Losses and gradients of one step; `plainly` hides from the decoder that the tap is dropout."""
    model = Decoder.parse(POST | settings)
    params = initial_parameters(model, [model] * 3, SIGNATURE, SEEDS, DOUBLE)
    params = {
        name: value + 0.1 * value.new_tensor([1.0, 2.0, 3.0]).view(-1, *[1] * (value.ndim - 1)).sin()
        for name, value in params.items()
    }
    numbers = torch.arange(3 * 4 * 7).view(3, 4, 7) * 5 % 7
    batch = Batch(numbers[..., :-1], numbers[..., 1:], torch.ones(3, 4, 6, dtype=torch.float64))
    tap = Dropout(model.dropout_rate, model.dropout_at if at is None else at, SEEDS).tap(2)
    assert thins(tap, model)
    used = (lambda name, value: tap(name, value)) if plainly else tap
    return model.gradient(params, list(params), batch, LOSSES["cross_entropy"], torch.ones(3), used)


@pytest.mark.parametrize("bias", ["none", "mlp", "all"])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_gradients_are_those_of_the_plain_way(bias, positions):
    settings = {"bias": bias, "positions": positions, "d_mlp": 5}
    losses, grads = gradients(settings, plainly=False)
    expected, plain = gradients(settings, plainly=True)
    torch.testing.assert_close(losses, expected, rtol=1e-10, atol=1e-12)
    assert grads.keys() == plain.keys()
    for name, grad in grads.items():
        torch.testing.assert_close(
            grad, plain[name], rtol=1e-8, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("at", [(), ("attn.hook_pattern",), ("mlp.hook_post",), ("hook_mlp_out", "hook_attn_out")])
def test_places_that_dropout_spares_are_left_whole(at):
    (losses, grads), (expected, plain) = (gradients({}, plainly, at) for plainly in (False, True))
    torch.testing.assert_close(losses, expected, rtol=1e-10, atol=1e-12)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, plain[name], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"norm": "pre"},
        {"act_fn": "gelu"},
        {"d_mlp": 0},
        {"attention": ("softmax", "linear")},
        {"past": "hidden"},
        {"source_ends": (1,)},
        {"qk_norm": "all"},
        {"positions": "first_keys"},
        {"resid_clip": 2.0},
    ],
)
def test_other_decoders_go_the_plain_way(settings):
    model = Decoder.parse(POST | settings)
    assert not thins(Dropout(0.3, model.dropout_at, SEEDS).tap(0), model)


def test_whoever_looks_at_activations_sees_them():
    model = Decoder.parse(POST)
    params = initial_parameters(model, [model], SIGNATURE, [0], DOUBLE)
    seen = []
    model.forward(params, torch.zeros(1, 2, 6, dtype=torch.int64), lambda name, value: (seen.append(name), value)[1])
    assert "blocks.1.attn.hook_pattern" in seen
