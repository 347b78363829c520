"""The gated recurrent network against PyTorch's own."""

import pytest
import torch

from latebloom.data import Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models import GRU, initial_parameters
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


def test_rows_are_refused():
    with pytest.raises(LatebloomError, match="reads sequences"):
        GRU().shapes(Signature(n_inputs=2, n_outputs=7, d_vocab=7))
