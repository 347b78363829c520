"""The explorable's family of MLPs for two residues: factored or collapsed tables, tied or untied, shared or separate.

    logits = act(in_table[a] + in_table[b]) @ out_table
    in_table  = W_E @ W_in              or trained directly (collapsed)
    out_table = W_out @ W_E.T           (tied), W_out @ W_U (untied), or trained directly

Source: "Do Machine Learning Models Memorize or Generalize?" (Google PAIR 2023). With
both products collapsed, separate inputs and a square activation this is the network of Gromov 2023.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field, model_validator
from torch import Tensor

from latebloom.data import Batch, Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import MODELS, Model, Parameters, Shape, Tap, activate, truncated_normal, untapped
from latebloom.models.blocks import blocks
from latebloom.models.losses import Loss
from latebloom.models.single_hidden import add_rows, add_rows_gradient, output_gradient


@MODELS.register("modular_mlp")
class ModularMLP(Model):
    """One hidden layer over two embedded symbols."""

    version: ClassVar[int] = 1
    block: ClassVar[int] = 8  # logits of more members leave the cache before they are read again
    kind: str = "modular_mlp"
    d_mlp: int = Field(24, ge=1, description="hidden neurons")
    d_embed: int = Field(500, ge=1, description="inner size of a factored table")
    in_product: Literal["factored", "collapsed"] = Field(
        "factored", description="the input table: W_E @ W_in, or one table that is trained itself"
    )
    out_product: Literal["factored", "collapsed"] = Field(
        "factored", description="the output table: W_out and an embedding, or one table that is trained itself"
    )
    tied: bool = Field(True, description="the output reuses W_E (only with a factored output)")
    shared: bool = Field(True, description="one in-projection for both inputs, or one each")
    activation: Literal["relu", "square"] = Field("relu", description="of the hidden neurons")
    bias: bool = Field(False, description="hidden neurons have a bias")
    circle: int | None = Field(None, ge=1, description="freeze W_E to the circle of this frequency (d_embed = 2)")
    init: Literal["page", "cube_root"] = Field("page", description="'cube_root': normal, std 0.5 / (2 d_mlp)^(1/3)")

    @model_validator(mode="after")
    def _check(self) -> "ModularMLP":
        if self.circle is not None and (self.d_embed != 2 or self.in_product == "collapsed"):
            raise ValueError(
                f"model.circle = {self.circle} freezes W_E to a cosine and a sine column: it needs model.d_embed=2 "
                f"(now {self.d_embed}) and model.in_product=factored (now {self.in_product})."
            )
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """Suffixes of the in-projections: one shared, or one for each input."""
        return ("",) if self.shared else ("_a", "_b")

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """W_E [d_vocab, d_embed], W_in [d_embed, d_mlp], W_out [d_mlp, d_embed], W_U; collapsed tables instead."""
        p, d, h = signature.d_vocab, self.d_embed, self.d_mlp
        if not p or signature.n_inputs != 2:
            raise LatebloomError(f"model.kind = {self.kind!r} takes two symbols; this task gives {signature}.")
        if self.circle is not None and self.circle % p == 0:
            raise LatebloomError(
                f"model.circle = {self.circle} is no frequency modulo {p}: it puts all residues on one point."
            )
        if self.circle is not None and p % 2 == 0:
            raise LatebloomError(
                f"model.circle = {self.circle} is a single frequency, and task.p = {p} is even: pairs half a turn "
                "apart cancel, whatever is learned. Use an odd p; circle_solution shows what an even one loses."
            )
        table: dict[str, Shape] = {}
        if self.in_product == "factored" or (self.out_product == "factored" and self.tied):
            table["W_E"] = Shape((p, d), trained=self.circle is None)
        for suffix in self.inputs:
            if self.in_product == "factored":
                table["W_in" + suffix] = Shape((d, h))
            else:
                table["in_table" + suffix] = Shape((p, h))
        if self.bias:
            table["b_in"] = Shape((h,))
        if self.out_product == "factored":
            table["W_out"] = Shape((h, d))
            if not self.tied:
                table["W_U"] = Shape((d, signature.n_outputs))
        else:
            table["out_table"] = Shape((h, signature.n_outputs))
        return table

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """Page: W_E has variance 2 / d_vocab; the rest truncated normals of std 1/sqrt(fan_in), uncorrected."""
        if name == "b_in":
            return np.zeros(shape)
        if name == "W_E" and self.circle is not None:
            angle = 2 * np.pi * self.circle * np.arange(shape[0]) / shape[0]
            waves = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            return np.asarray(waves / np.linalg.norm(waves, axis=0))
        if self.init == "cube_root":
            return np.asarray(noise.standard_normal(shape) * 0.5 / (2 * self.d_mlp) ** (1 / 3))
        if name in ("W_E", "W_U"):
            # Variance scaling, scale 2; dividing by 0.8796 undoes what the cut at two deviations takes away.
            fan_in = shape[0] if name == "W_E" else shape[1]
            return truncated_normal(noise, shape, float(np.sqrt(2 / fan_in)) / 0.87962566)
        return truncated_normal(noise, shape, 1 / float(np.sqrt(shape[0])))

    def in_tables(self, params: Parameters) -> tuple[Float[Tensor, "member d_vocab d_mlp"], ...]:
        """The collapsed input tables, one if shared, else one for each input."""
        if self.in_product == "factored":
            return tuple(params["W_E"] @ params["W_in" + suffix] for suffix in self.inputs)
        return tuple(params["in_table" + suffix] for suffix in self.inputs)

    def out_table(self, params: Parameters) -> Float[Tensor, "member d_mlp out"]:
        """The collapsed output table."""
        if self.out_product == "collapsed":
            return params["out_table"]
        # Tied, it is laid out like W_E: products with it are faster so.
        return (params["W_E"] @ params["W_out"].mT).mT if self.tied else params["W_out"] @ params["W_U"]

    def forward(self, params: Parameters, inputs: Tensor, tap: Tap = untapped) -> Float[Tensor, "member batch out"]:
        """Logits for rows [member, batch, 2]."""
        tables = self.in_tables(params)
        first, second = tables[0], tables[-1]
        members = torch.arange(first.shape[0], device=inputs.device)[:, None]
        pre = first[members, inputs[..., 0]] + second[members, inputs[..., 1]]
        if self.bias:
            pre = pre + params["b_in"][:, None]
        hidden = tap("mlp.hook_post", activate(self.activation, tap("mlp.hook_pre", pre)))
        return tap("hook_logits", hidden @ self.out_table(params))

    def by_hand(self, signature: Signature, loss: Loss) -> bool:
        """For losses with a core; dropout's taps, which this family has none of, would need a graph."""
        return loss.core is not None

    def gradient(
        self,
        params: Parameters,
        trained: Sequence[str],
        batch: Batch,
        loss: Loss,
        logit_scale: Tensor,
        tap: Tap = untapped,
    ) -> tuple[Float[Tensor, " member"], Parameters]:
        """The same numbers as `Model.gradient`; cross-entropy and mean squared error are differentiated by hand."""
        if tap is not untapped or loss.core is None:
            return super().gradient(params, trained, batch, loss, logit_scale, tap)
        scale = logit_scale[:, None, None]
        tables, out_table = self.in_tables(params), self.out_table(params) * scale
        found = []
        for own, rows in blocks(batch, self.block):
            bias = params["b_in"][own] if self.bias else None
            cut = [table[own] for table in tables]
            found.append(self._by_tables(cut, bias, out_table[own], rows, loss))
        value, d_out, *d_in = found[0] if len(found) == 1 else map(torch.cat, zip(*found, strict=True))
        grads = {"b_in": d_in.pop()} if self.bias else {}
        self._through_in_tables(params, d_in, grads)
        self._through_out_table(params, d_out.mT * scale, grads)
        return value, {name: grads[name] for name in trained}

    def _by_tables(
        self, tables: Sequence[Tensor], bias: Tensor | None, out_table: Tensor, rows: Batch, loss: Loss
    ) -> list[Tensor]:
        """Losses, and gradients by the output table [member, out, d_mlp], the input tables and the bias."""
        pre = add_rows(tables[0], tables[-1], rows)
        if bias is not None:
            pre += bias[:, None]
        value, d_pre, d_out = output_gradient(pre, out_table, rows, self.activation, loss)
        d_in = add_rows_gradient(d_pre, tables[0].shape[1], rows, self.shared)
        return [value, d_out.mT, *d_in, *([] if bias is None else [d_pre.sum(1)])]

    def _through_in_tables(self, params: Parameters, d_tables: Sequence[Tensor], grads: Parameters) -> None:
        """From the gradients of the input tables to those of their factors, added to `grads`."""
        for suffix, d_table in zip(self.inputs, d_tables, strict=True):
            if self.in_product == "collapsed":
                grads["in_table" + suffix] = d_table
                continue
            grads["W_in" + suffix] = params["W_E"].mT @ d_table
            _add_product(grads, "W_E", d_table, params["W_in" + suffix].mT)

    def _through_out_table(self, params: Parameters, d_out: Tensor, grads: Parameters) -> None:
        """From the gradient of the output table to those of its factors, added to `grads`."""
        if self.out_product == "collapsed":
            grads["out_table"] = d_out.contiguous()
        elif self.tied:
            grads["W_out"] = d_out @ params["W_E"]
            _add_product(grads, "W_E", d_out.mT, params["W_out"])
        else:
            grads["W_out"] = d_out @ params["W_U"].mT
            grads["W_U"] = params["W_out"].mT @ d_out

    def flops(self, signature: Signature, rows: int) -> float:
        """One forward pass: the products that form the tables, and the output product of every row."""
        p, d, h, out = signature.d_vocab, self.d_embed, self.d_mlp, signature.n_outputs
        tables = (p * d * h * len(self.inputs) if self.in_product == "factored" else 0) + (
            h * d * out if self.out_product == "factored" else 0
        )
        return 2.0 * tables + 2.0 * rows * h * out

    def activation_bytes(self, signature: Signature, rows: int, itemsize: int) -> float:
        """Logits and three copies of the hidden layer for every row."""
        return float(itemsize) * rows * (signature.n_outputs + 3 * self.d_mlp)

    def derived_bytes(self, signature: Signature, rows: int) -> float:
        """Ten places for every row (its symbols in the tables, the bags of both ways, its label), and the tables of a
        step with their gradients, which exist for all members at once.
        """
        tables = signature.d_vocab * self.d_mlp * (len(self.inputs) + 1)
        return 8.0 * 10 * rows + 4.0 * 3 * tables


def _add_product(grads: Parameters, name: str, left: Tensor, right: Tensor) -> None:
    """Adds left @ right to a gradient, which need not be there yet."""
    if name in grads:
        grads[name].baddbmm_(left, right)
    else:
        grads[name] = left @ right
