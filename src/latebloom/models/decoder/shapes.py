"""What a decoder is made of: its tables for a task, and what a place costs in arithmetic and memory."""

from typing import TYPE_CHECKING

import numpy as np

from latebloom.data import Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import Shape

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder


def own_shapes(model: "Decoder", signature: Signature) -> dict[str, Shape]:
    """Every table of the network itself, without a teacher's; refuses a task that its settings do not fit."""
    check_task(model, signature)
    d, out = model.d_model, signature.n_outputs
    table: dict[str, tuple[int, ...]] = {}
    if model.read_out != "channels":
        table["embed.W_E"] = (signature.d_vocab or signature.n_inputs, d)
        if model.bias == "all" and not signature.d_vocab:
            table["embed.b_E"] = (d,)
    if model.positions == "learned":
        table["pos_embed.W_pos"] = (signature.n_ctx, d)
    for layer in range(model.n_layers):
        table |= {f"blocks.{layer}.{name}": dims for name, dims in block_shapes(model, layer).items()}
    if model.norm == "pre":
        table |= {"ln_final.w": (d,), "ln_final.b": (d,)}
    if model.read_out == "linear":
        table["unembed.W_U"] = (d, out)
    if model.read_out != "channels" and model.bias != "none":
        table["unembed.b_U"] = (out,)
    return {name: Shape(dims) for name, dims in table.items()}


def block_shapes(model: "Decoder", layer: int) -> dict[str, tuple[int, ...]]:
    """The tables of one block, by their names within it."""
    d, h, k, m = model.d_model, model.n_heads, model.head_width, model.mlp_width
    seen = 2 * d if layer == 0 and model.positions == "first_keys" else d
    table: dict[str, tuple[int, ...]] = {} if model.norm == "none" else {"ln1.w": (d,), "ln1.b": (d,)}
    table |= {"attn.W_Q": (h, seen, k), "attn.W_K": (h, seen, k), "attn.W_V": (h, d, k), "attn.W_O": (h, k, d)}
    if model.mixer(layer) == "mesa":
        table["attn.mesa_lambda"] = (h,)
    if model.bias == "all":
        table |= {"attn.b_Q": (h, k), "attn.b_K": (h, k), "attn.b_V": (h, k), "attn.b_O": (d,)}
    if m:
        table |= {} if model.norm == "none" else {"ln2.w": (d,), "ln2.b": (d,)}
        table["mlp.W_in"] = (d, m)
        table["mlp.W_out"] = (m, d)
        table |= {} if model.bias == "none" else {"mlp.b_in": (m,), "mlp.b_out": (d,)}
    return table


def check_task(model: "Decoder", signature: Signature) -> None:
    """Raises `LatebloomError` where what goes in or comes out is not what the settings make of it."""
    if not signature.n_ctx:
        raise LatebloomError(
            "model.kind = 'decoder' reads sequences; this task gives rows. Use 'transformer' or 'mlp'."
        )
    if model.read_out == "channels" and (signature.d_vocab or signature.n_inputs != model.d_model):
        raise LatebloomError(
            f"model.read_out = 'channels' takes vectors of model.d_model = {model.d_model} numbers as they are; the "
            f"task gives {'symbols' if signature.d_vocab else f'vectors of {signature.n_inputs}'}."
        )
    if model.read_out == "channels" and model.channels != signature.n_outputs:
        raise LatebloomError(
            f"model.channels = {model.channels} numbers are read; the task asks for {signature.n_outputs} a place."
        )
    if model.read_out == "tied" and signature.d_vocab != signature.n_outputs:
        raise LatebloomError("model.read_out = 'tied' needs a task whose inputs and outputs are the same symbols.")


def flops_at_place(model: "Decoder", signature: Signature) -> float:
    """Floating-point operations of one forward pass at one place of a full-length sequence."""
    products = sum(
        2.0 * float(np.prod(shape.dims))
        for name, shape in own_shapes(model, signature).items()
        if len(shape.dims) > 1 and not name.startswith(("embed", "pos_embed"))
    )
    if model.read_out == "tied":
        products += 2.0 * signature.n_outputs * model.d_model
    attention = 4.0 * signature.n_ctx * model.n_layers * model.n_heads * model.head_width / 2  # half is masked
    return products + attention


def kept_at_place(model: "Decoder", signature: Signature) -> float:
    """Numbers that autograd keeps: residual stream and norms, heads and patterns, the MLP, the outputs."""
    norms = 0 if model.norm == "none" else 4 * model.d_model
    heads = model.n_heads * (5 * model.head_width + (3 if model.dropout else 1) * signature.n_ctx)
    width = model.n_layers * (4 * model.d_model + norms + heads + (5 if model.dropout else 3) * model.mlp_width)
    return width + 3 * signature.n_outputs
