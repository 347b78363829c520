"""A decoder-only transformer without normalisation, for short symbol sequences: the progress-measures setting.

The row's symbols are followed by a separator (`=`), and the answer is read off at its place. Parameter and hook names
are TransformerLens's. Source of the default: Nanda et al. 2023 (one layer, width 128, 4 heads, MLP 512, ReLU, untied).
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from latebloom.data import Signature
from latebloom.models.base import MODELS, Model, Parameters, Shape, Tap, activate, untapped


@MODELS.register("transformer")
class Transformer(Model):
    """Attention and MLP blocks on a residual stream; no LayerNorm, no biases in attention."""

    kind: Literal["transformer"] = "transformer"
    n_layers: int = Field(1, ge=1, description="blocks of attention and MLP")
    d_model: int = Field(128, ge=1, description="width of the residual stream")
    n_heads: int = Field(4, ge=1, description="attention heads in a block")
    d_head: int = Field(32, ge=1, description="width of a head")
    d_mlp: int = Field(512, ge=1, description="hidden neurons of an MLP")
    act_fn: Literal["relu", "gelu"] = Field("relu", description="activation of the MLPs")

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """W_E [d_vocab + 1, d_model], W_pos, then each block's W_Q W_K W_V W_O W_in b_in W_out b_out, then W_U."""
        d, h, k, m = self.d_model, self.n_heads, self.d_head, self.d_mlp
        table: dict[str, tuple[int, ...]] = {
            "embed.W_E": (signature.d_vocab + 1, d),
            "pos_embed.W_pos": (signature.n_inputs + 1, d),
        }
        for layer in range(self.n_layers):
            block = f"blocks.{layer}."
            for letter in "QKV":
                table[f"{block}attn.W_{letter}"] = (h, d, k)
            table[f"{block}attn.W_O"] = (h, k, d)
            table |= {f"{block}mlp.W_in": (d, m), f"{block}mlp.b_in": (m,)}
            table |= {f"{block}mlp.W_out": (m, d), f"{block}mlp.b_out": (d,)}
        table["unembed.W_U"] = (d, signature.n_outputs)
        return {name: Shape(dims) for name, dims in table.items()}

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """Normal with std 1/sqrt(d_model) (W_U: 1/sqrt(d_out)), zero biases, as the authors' code."""
        if ".b_" in name:
            return np.zeros(shape)
        std = 1 / np.sqrt(shape[1] if name == "unembed.W_U" else self.d_model)
        return np.asarray(noise.standard_normal(shape) * std)

    def forward(self, params: Parameters, inputs: Tensor, tap: Tap = untapped) -> Float[Tensor, "member batch out"]:
        """Logits at the separator for rows [member, batch, n_inputs]."""
        if (own := params["embed.W_E"].shape[0]) != inputs.shape[0]:  # either side broadcasts
            count = max(own, inputs.shape[0])
            inputs = inputs.expand(count, -1, -1)
            params = {name: value.expand(count, *value.shape[1:]) for name, value in params.items()}
        embed = params["embed.W_E"]
        members = torch.arange(inputs.shape[0], device=inputs.device)[:, None, None]
        separator = torch.full_like(inputs[..., :1], embed.shape[1] - 1)
        tokens = torch.cat([inputs, separator], -1)
        x = tap("hook_embed", embed[members, tokens]) + tap("hook_pos_embed", params["pos_embed.W_pos"][:, None])
        for layer in range(self.n_layers):
            block = {
                k.removeprefix(f"blocks.{layer}."): v for k, v in params.items() if k.startswith(f"blocks.{layer}.")
            }
            x = self._block(block, x, f"blocks.{layer}.", tap)
        return tap("hook_logits", x[:, :, -1] @ params["unembed.W_U"])

    def _block(self, block: Parameters, x: Float[Tensor, "member batch pos d_model"], name: str, tap: Tap) -> Tensor:
        """One block: attention, then the MLP, each added to the residual stream."""
        x = tap(name + "hook_resid_pre", x)
        project = "ebpd,ehdk->ebhpk"
        q, k, v = (
            tap(f"{name}attn.hook_{letter.lower()}", torch.einsum(project, x, block[f"attn.W_{letter}"]))
            for letter in "QKV"
        )
        scores = q @ k.transpose(-1, -2) / self.d_head**0.5
        future = torch.ones(x.shape[2], x.shape[2], dtype=torch.bool, device=x.device).triu(1)
        scores = tap(name + "attn.hook_attn_scores", scores.masked_fill(future, -torch.inf))
        pattern = tap(name + "attn.hook_pattern", torch.softmax(scores, -1))
        mixed = torch.einsum("ebhpk,ehkd->ebpd", tap(name + "attn.hook_z", pattern @ v), block["attn.W_O"])
        x = tap(name + "hook_resid_mid", x + tap(name + "hook_attn_out", mixed))
        flat = x.flatten(1, 2)
        pre = tap(name + "mlp.hook_pre", torch.baddbmm(block["mlp.b_in"][:, None], flat, block["mlp.W_in"]))
        post = tap(name + "mlp.hook_post", activate(self.act_fn, pre))
        out = torch.baddbmm(block["mlp.b_out"][:, None], post, block["mlp.W_out"]).view_as(x)
        return tap(name + "hook_resid_post", x + tap(name + "hook_mlp_out", out))

    def flops(self, signature: Signature, rows: int) -> float:
        """One forward pass over every place of every row."""
        places = signature.n_inputs + 1
        weights = sum(float(np.prod(s.dims)) for name, s in self.shapes(signature).items() if name.startswith("blocks"))
        attention = 4.0 * places * self.n_layers * self.n_heads * self.d_head
        return rows * (places * (2.0 * weights + attention) + 2.0 * self.d_model * signature.n_outputs)

    def activation_bytes(self, signature: Signature, rows: int, itemsize: int) -> float:
        """What autograd keeps of every place: residual stream, heads and the MLP."""
        places = signature.n_inputs + 1
        width = self.n_layers * (6 * self.d_model + 4 * self.n_heads * self.d_head + 3 * self.d_mlp)
        return float(itemsize) * rows * (places * width + 3 * signature.n_outputs)
