"""A gated recurrent network for sequences: embedding, layers of gated units, an output at every place.

Source: Cho et al. 2014, in the form of `torch.nn.GRU` (the reset gate acts after the recurrent product).
"""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import MODELS, Model, Parameters, Shape, Tap, untapped
from latebloom.models.decoder.layers import embed_symbols, linear
from latebloom.models.gated import gated_layer


@MODELS.register("gru")
class GRU(Model):
    """`n_layers` layers of `d_model` gated units over embedded symbols or vectors."""

    kind: Literal["gru"] = "gru"
    n_layers: int = Field(2, ge=1, description="layers of gated units")
    d_model: int = Field(128, ge=1, description="gated units in a layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="on the embeddings and on what every layer hands on")

    dropout_at = ("hook_embed", "hook_resid_post")
    version: ClassVar[int] = 2

    @property
    def dropout_rate(self) -> float:
        """The share of activations that training leaves out."""
        return self.dropout

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """embed.W_E, each layer's W_x and W_h [d_model, 3 d_model] with biases (reset, update, new), then unembed."""
        if not signature.n_ctx:
            raise LatebloomError("model.kind = 'gru' reads sequences; this task gives rows: use 'mlp', 'transformer'.")
        d = self.d_model
        table: dict[str, tuple[int, ...]] = {"embed.W_E": (signature.d_vocab or signature.n_inputs, d)}
        for layer in range(self.n_layers):
            table |= {f"blocks.{layer}.W_{side}": (d, 3 * d) for side in "xh"}
            table |= {f"blocks.{layer}.b_{side}": (3 * d,) for side in "xh"}
        table |= {"unembed.W_U": (d, signature.n_outputs), "unembed.b_U": (signature.n_outputs,)}
        return {name: Shape(dims) for name, dims in table.items()}

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """Uniform within 1/sqrt(d_model), as `torch.nn.GRU`; embeddings standard normal, as `torch.nn.Embedding`."""
        if name == "embed.W_E":
            return noise.standard_normal(shape)
        bound = 1 / float(np.sqrt(self.d_model))
        return noise.uniform(-bound, bound, shape)

    def forward(self, params: Parameters, inputs: Tensor, tap: Tap = untapped) -> Float[Tensor, "member batch pos out"]:
        """Outputs at every place of sequences [member, batch, pos] of symbols or [member, batch, pos, n_inputs]."""
        if (own := params["embed.W_E"].shape[0]) != inputs.shape[0]:  # either side broadcasts
            count = max(own, inputs.shape[0])
            inputs = inputs.expand(count, *inputs.shape[1:])
            params = {name: value.expand(count, *value.shape[1:]) for name, value in params.items()}
        table = params["embed.W_E"]
        x = linear(inputs, table, None) if inputs.is_floating_point() else embed_symbols(table, inputs)
        x = tap("hook_embed", x)
        for layer in range(self.n_layers):
            name = f"blocks.{layer}."
            given = linear(x, params[f"{name}W_x"], params[f"{name}b_x"])
            x = tap(f"{name}hook_resid_post", gated_layer(given, params[f"{name}W_h"], params[f"{name}b_h"]))
        return tap("hook_logits", linear(x, params["unembed.W_U"], params["unembed.b_U"]))

    def flops(self, signature: Signature, rows: int) -> float:
        """One forward pass over every place of `rows` sequences of full length."""
        per_place = 2.0 * self.d_model * (6 * self.d_model * self.n_layers + signature.n_outputs)
        return rows * signature.n_ctx * per_place

    def activation_bytes(self, signature: Signature, rows: int, itemsize: int) -> float:
        """What is kept of every place: gates and states of each layer, what one layer's way back needs, the outputs."""
        width = (9 * self.n_layers + 13) * self.d_model + 3 * signature.n_outputs
        return float(itemsize) * rows * signature.n_ctx * width
