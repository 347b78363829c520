"""The gated recurrent network against PyTorch's own."""

import pytest
import torch

from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models import GRU, initial_parameters
from latebloom.models.gated import gated_layer
from latebloom.randomness import stream

SYMBOLS = Signature(n_inputs=1, n_outputs=7, d_vocab=7, n_ctx=6)
VECTORS = Signature(n_inputs=3, n_outputs=2, n_ctx=6, real_targets=True)


def theirs(params, layers, width):
    """`torch.nn.GRU` with one member's weights."""
    network = torch.nn.GRU(width, width, layers, batch_first=True).double()
    state = {}
    for layer in range(layers):
        for side, name in (("x", "ih"), ("h", "hh")):
            state[f"weight_{name}_l{layer}"] = params[f"blocks.{layer}.W_{side}"].T
            state[f"bias_{name}_l{layer}"] = params[f"blocks.{layer}.b_{side}"]
    network.load_state_dict(state)
    return network


@pytest.mark.parametrize("signature", [SYMBOLS, VECTORS], ids=["symbols", "vectors"])
def test_equals_torchs(signature):
    model, noise = GRU(n_layers=2, d_model=5), stream(0, "gru test")
    params = initial_parameters(model, [model, model], signature, [0, 1], Place(dtype=torch.float64))
    if signature.d_vocab:
        inputs = torch.tensor(noise.integers(0, 7, (2, 4, 6)))
    else:
        inputs = torch.tensor(noise.standard_normal((2, 4, 6, 3)))
    found = model.forward(params, inputs)
    for member in range(2):
        own = {name: value[member] for name, value in params.items()}
        x = own["embed.W_E"][inputs[member]] if signature.d_vocab else inputs[member] @ own["embed.W_E"]
        states, _ = theirs(own, 2, 5)(x)
        torch.testing.assert_close(found[member], states @ own["unembed.W_U"] + own["unembed.b_U"])


def test_gradients_are_those_of_torchs_layer():
    noise = torch.Generator().manual_seed(1)
    d, places = 5, 6
    x, aim = (torch.randn(2, 4, places, d, dtype=torch.float64, generator=noise) for _ in range(2))
    draws = [torch.randn(2, *dims, dtype=torch.float64, generator=noise) for dims in [(d, 3 * d)] * 2 + [(3 * d,)] * 2]
    x, *weights = (value.requires_grad_() for value in (x, *draws))
    w_x, w_h, b_x, b_h = weights
    given = torch.einsum("mbpd,mdg->mbpg", x, w_x) + b_x[:, None, None]
    ours = torch.autograd.grad((gated_layer(given, w_h, b_h) * aim).sum(), (x, *weights))
    for member in range(2):
        own = {"W_x": w_x, "W_h": w_h, "b_x": b_x, "b_h": b_h}
        network = theirs({f"blocks.0.{name}": value[member].detach() for name, value in own.items()}, 1, d)
        rows = x[member].detach().requires_grad_()
        (network(rows)[0] * aim[member]).sum().backward()
        plain = [
            rows.grad,
            network.weight_ih_l0.grad.T,
            network.weight_hh_l0.grad.T,
            network.bias_ih_l0.grad,
            network.bias_hh_l0.grad,
        ]
        for found, expected in zip(ours, plain, strict=True):
            torch.testing.assert_close(found[member], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("places", [1, 4])
def test_the_way_back_is_that_of_finite_differences(members, places):
    noise = torch.Generator().manual_seed(2)
    shapes = [(members, 3, places, 6), (members, 2, 6), (members, 6)]
    inputs = [torch.randn(*dims, dtype=torch.float64, generator=noise).requires_grad_() for dims in shapes]
    assert torch.autograd.gradcheck(gated_layer, inputs)


@pytest.mark.parametrize(("batch", "places"), [(3, 0), (0, 4)])
def test_of_nothing_there_is_no_state_and_no_gradient(batch, places):
    inputs = [torch.ones(dims, requires_grad=True) for dims in [(2, batch, places, 6), (2, 2, 6), (2, 6)]]
    found = gated_layer(*inputs)
    assert found.shape == (2, batch, places, 2)
    for grad, given in zip(torch.autograd.grad(found.sum(), inputs), inputs, strict=True):
        assert grad.shape == given.shape and not grad.any()


def test_rows_are_refused():
    with pytest.raises(LatebloomError, match="reads sequences"):
        GRU().shapes(Signature(n_inputs=2, n_outputs=7, d_vocab=7))
