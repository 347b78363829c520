"""A plain multilayer perceptron over symbols or numbers: sparse parity, and the networks of Prieto et al. 2025.

Symbols enter one-hot side by side, or as fixed binary codes (a low-dimensional input): their own digits in base two, or
random ones. With one output column the two-class logits are (0, z), which makes cross-entropy the logistic loss of z.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from latebloom.data import Batch, Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import MODELS, Model, Parameters, Shape, Tap, activate, untapped
from latebloom.models.blocks import blocks
from latebloom.models.losses import Loss
from latebloom.models.single_column import single_column_gradient
from latebloom.models.single_hidden import output_gradient


@MODELS.register("mlp")
class MLP(Model):
    """`layers` hidden layers of `hidden` neurons each."""

    version: ClassVar[int] = 2
    block: ClassVar[int] = 16  # hidden layers of many more members leave the cache before they are read again
    kind: str = "mlp"
    hidden: int = Field(32, ge=1, description="neurons in each hidden layer")
    layers: int = Field(1, ge=1, description="hidden layers")
    activation: Literal["relu", "square", "cube", "gelu", "tanh"] = Field("relu", description="of the hidden neurons")
    bias: Literal["none", "first", "all"] = Field(
        "first", description="'first': only the first layer (an input fixed at 1)"
    )
    single_output: bool = Field(False, description="two classes from one output column: logits (0, z)")
    encoding: Literal["onehot", "codes", "digits"] = Field(
        "onehot", description="how symbols enter; 'codes': fixed random bits, 'digits': the number in base two"
    )
    code_bits: int = Field(14, ge=1, le=62, description="bits of each symbol's code; no two symbols share one")

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """W_0 [n_in, hidden], b_0, ..., W_out [hidden, out]; codes [d_vocab, code_bits] are not trained."""
        if self.single_output and signature.n_outputs != 2:
            raise LatebloomError(
                f"model.single_output gives two classes; this task has {signature.n_outputs}. "
                "Use model.single_output=false."
            )
        if self.encoding != "onehot" and 2**self.code_bits < signature.d_vocab:
            raise LatebloomError(
                f"model.code_bits = {self.code_bits} gives {2**self.code_bits} codes for {signature.d_vocab} symbols; "
                f"at least {(signature.d_vocab - 1).bit_length()} are needed."
            )
        table: dict[str, Shape] = {}
        width = signature.n_inputs
        if signature.d_vocab:
            width *= signature.d_vocab if self.encoding == "onehot" else self.code_bits
        for layer in range(self.layers):
            table[f"W_{layer}"] = Shape((width, self.hidden))
            if self.bias == "all" or (self.bias == "first" and layer == 0):
                table[f"b_{layer}"] = Shape((self.hidden,))
            width = self.hidden
        table["W_out"] = Shape((width, 1 if self.single_output else signature.n_outputs))
        if self.bias == "all":
            table["b_out"] = Shape((1 if self.single_output else signature.n_outputs,))
        if signature.d_vocab and self.encoding != "onehot":
            table["codes"] = Shape((signature.d_vocab, self.code_bits), trained=False)
        return table

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """Uniform within 1/sqrt(fan_in), as `torch.nn.Linear`; zero biases; codes all different."""
        if name == "codes":
            # Without replacement: two symbols of one code could not be told apart.
            chosen = noise.choice(2 ** shape[1], shape[0], replace=False)
            numbers = chosen if self.encoding == "codes" else np.arange(shape[0])
            return np.asarray(numbers[:, None] >> np.arange(shape[1]) & 1, dtype=np.float64)
        if name.startswith("b_"):
            return np.zeros(shape)
        return noise.uniform(-1, 1, shape) / float(np.sqrt(shape[0]))

    def encode(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Rows of numbers as they are; rows of symbols one-hot or by code, side by side."""
        if inputs.is_floating_point():
            return inputs
        weight = params["W_0"]
        if self.encoding != "onehot":
            members = torch.arange(weight.shape[0], device=inputs.device)[:, None, None]
            return params["codes"][members, inputs].flatten(2)
        d_vocab = weight.shape[1] // inputs.shape[2]
        return torch.nn.functional.one_hot(inputs, d_vocab).flatten(2).to(weight.dtype)

    def _first(self, params: Parameters, inputs: Tensor) -> Float[Tensor, "member batch hidden"]:
        """Encoded rows times W_0; a one-hot row picks a row of W_0 for each symbol, so nothing is multiplied."""
        weight = params["W_0"]
        if self.encoding != "onehot" or inputs.is_floating_point():
            return self.encode(params, inputs) @ weight
        members, height, _ = weight.shape
        n_inputs = inputs.shape[2]
        own = height * torch.arange(members, device=inputs.device)[:, None, None]
        places = inputs + own + height // n_inputs * torch.arange(n_inputs, device=inputs.device)
        table = weight.reshape(-1, weight.shape[2])
        # index_select and not an index of two tensors: its backward is one index_add, twice as fast.
        pre = table.index_select(0, places[..., 0].reshape(-1))
        for i in range(1, n_inputs):
            pre = pre + table.index_select(0, places[..., i].reshape(-1))
        return pre.view(*places.shape[:2], -1)

    def forward(self, params: Parameters, inputs: Tensor, tap: Tap = untapped) -> Float[Tensor, "member batch out"]:
        """Logits for rows [member, batch, n_inputs]."""
        x = inputs
        for layer in range(self.layers):
            pre = self._first(params, x) if layer == 0 else x @ params[f"W_{layer}"]
            if f"b_{layer}" in params:
                pre = pre + params[f"b_{layer}"][:, None]
            x = tap(
                f"blocks.{layer}.mlp.hook_post", activate(self.activation, tap(f"blocks.{layer}.mlp.hook_pre", pre))
            )
        logits = x @ params["W_out"]
        if "b_out" in params:
            logits = logits + params["b_out"][:, None]
        if self.single_output:
            logits = torch.cat([torch.zeros_like(logits), logits], -1)
        return tap("hook_logits", logits)

    def by_hand(self, signature: Signature, loss: Loss) -> bool:
        """One hidden layer over numbers."""
        return self._by_hand(loss) and not signature.d_vocab

    def _by_hand(self, loss: Loss) -> bool:
        known = self.layers == 1 and self.bias != "all" and self.activation in ("relu", "square")
        return known and loss.core is not None

    def gradient(
        self,
        params: Parameters,
        trained: Sequence[str],
        batch: Batch,
        loss: Loss,
        logit_scale: Tensor,
        tap: Tap = untapped,
    ) -> tuple[Float[Tensor, " member"], Parameters]:
        """The same numbers as `Model.gradient`; one hidden layer over numbers is differentiated by hand."""
        if tap is not untapped or not self._by_hand(loss) or not batch.inputs.is_floating_point():
            return super().gradient(params, trained, batch, loss, logit_scale, tap)
        first, out = params["W_0"], params["W_out"] * logit_scale[:, None, None]
        if self.bias == "first":  # an input that is always 1
            first = torch.cat([first, params["b_0"][:, None]], 1)
        found = [self._rows_gradient(first[own], out[own], rows, loss) for own, rows in blocks(batch, self.block)]
        value, d_first, d_out = found[0] if len(found) == 1 else map(torch.cat, zip(*found, strict=True))
        d_out = d_out * logit_scale[:, None, None]
        grads = {"W_0": d_first[:, : batch.inputs.shape[2]], "b_0": d_first[:, -1], "W_out": d_out}
        return value, {name: grads[name].contiguous() for name in trained}

    def _rows_gradient(self, first: Tensor, out: Tensor, rows: Batch, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
        """Some members' losses and gradients by `first` [member, inputs and one, hidden] and `out`."""
        with_one = self.bias == "first"
        if self.single_output and self.activation == "relu" and loss.core == "cross_entropy":
            return single_column_gradient(first, out, rows, with_one, loss.per_class)
        if self.single_output:
            out = torch.cat([torch.zeros_like(out), out], -1)
        inputs = _with_one(rows) if with_one else rows.inputs
        pre = torch.bmm(first.mT, inputs.mT).mT
        assert self.activation == "relu" or self.activation == "square"
        value, d_pre, d_out = output_gradient(pre, out, rows, self.activation, loss)
        d_first = torch.bmm(d_pre.mT, inputs).mT
        return value, d_first, d_out[..., 1:] if self.single_output else d_out

    def activation_bytes(self, signature: Signature, rows: int, itemsize: int) -> float:
        """Encoded inputs, three copies of every hidden layer, and the logits."""
        width = signature.n_inputs * signature.d_vocab
        return float(itemsize) * rows * (width + 3 * self.layers * self.hidden + 3 * signature.n_outputs)

    def derived_bytes(self, signature: Signature, rows: int) -> float:
        """Bits as 64-bit numbers while they are cut into words; rows of other numbers, with a one, take less."""
        return 0.0 if signature.d_vocab else 8.0 * 2 * rows * signature.n_inputs


def _with_one(batch: Batch) -> Float[Tensor, "member batch inputs_and_one"]:
    """The rows with a one after their numbers, kept in the batch's memo."""
    if "with one" not in batch.memo:
        batch.memo["with one"] = torch.cat([batch.inputs, torch.ones_like(batch.inputs[..., :1])], -1)
    rows: Tensor = batch.memo["with one"]
    return rows
