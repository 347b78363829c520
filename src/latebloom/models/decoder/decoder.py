"""A decoder-only transformer for sequences of symbols or vectors, with an output at every place.

The settings cover the networks of four studies: GPT-2's block (`norm="pre"`), the original one (`norm="post"`), and
attention-only stacks without norms, MLPs or embeddings, in whose weights in-context gradient descent can be read.
Parameter and hook names are TransformerLens's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from latebloom.data import Batch, Signature
from latebloom.errors import LatebloomError
from latebloom.models.base import MODELS, Model, Parameters, Shape, Tap, untapped
from latebloom.models.decoder import linear_stack
from latebloom.models.decoder.attend import attend
from latebloom.models.decoder.both_ways import Seen, seen_from
from latebloom.models.decoder.initial import draw
from latebloom.models.decoder.layers import embed_symbols, layer_norm, linear, mlp
from latebloom.models.decoder.past import PastKind
from latebloom.models.decoder.places import Places, placed, reach
from latebloom.models.decoder.published import check_fits, published, weights_digest
from latebloom.models.decoder.scored import Scored, scored_places
from latebloom.models.decoder.shapes import flops_at_place, kept_at_place, own_shapes
from latebloom.models.decoder.teacher import TEACHER, taught, with_teacher
from latebloom.models.decoder.thinned import thinned_block, thins
from latebloom.models.losses import Loss
from latebloom.spec import found_from, joined

Attention = Literal["softmax", "linear", "mesa"]


@MODELS.register("decoder")
class Decoder(Model):
    """Blocks of causal attention and an MLP on a residual stream."""

    kind: Literal["decoder"] = "decoder"
    n_layers: int = Field(2, ge=1, description="blocks of attention and MLP")
    d_model: int = Field(64, ge=1, description="width of the residual stream")
    n_heads: int = Field(2, ge=1, description="attention heads in a block")
    d_head: int | None = Field(None, ge=1, description="width of a head; None: d_model / n_heads")
    d_mlp: int | None = Field(None, ge=0, description="hidden neurons of an MLP; None: 4 d_model; 0: no MLP")
    act_fn: Literal["relu", "gelu", "gelu_new"] = Field(
        "relu", description="activation of the MLPs; 'gelu_new': GPT-2's approximation"
    )
    attention: tuple[Attention, ...] = Field(
        ("softmax",), description="kind of attention of each layer, or one for all"
    )
    norm: Literal["none", "pre", "post"] = Field("pre", description="LayerNorm before each part, or after each sum")
    positions: Literal["none", "learned", "sinusoidal", "first_keys"] = Field(
        "learned",
        description="codes of places; 'first_keys': sinusoids beside the input of the first layer's queries and keys",
    )
    embed_scale: bool = Field(False, description="embeddings times sqrt(d_model)")
    read_out: Literal["linear", "tied", "channels"] = Field(
        "linear",
        description="the output; 'channels': the first `channels` of the residual stream, and no embedding",
    )
    channels: int = Field(0, ge=0, description="numbers that read_out='channels' reads")
    bias: Literal["none", "mlp", "all"] = Field(
        "all", description="where biases are; 'mlp': in the MLP and the output only"
    )
    qk_norm: Literal["none", "later", "all"] = Field(
        "none", description="queries and keys of length 1, in which layers"
    )
    resid_clip: float | None = Field(None, gt=0, description="bound on the residual stream after every layer")
    init: Literal["gpt2", "xavier", "xavier_joint", "normal"] = Field("gpt2", description="rule of the first weights")
    init_std: float = Field(0.02, gt=0, description="standard deviation of the first weights ('gpt2', 'normal')")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of activations that training leaves out")
    past: PastKind = joined("whole", description="what places lend to later ones; see `latebloom.models.decoder.past`")
    past_weight: float = joined(
        0.0, ge=0, le=1, description="share of the past's gradient that 'hidden' and 'keys' keep: 1 would be vanilla"
    )
    source_ends: tuple[int, ...] = joined(
        (), description="symbols that end a source; up to the first of them, every place sees the whole source"
    )

    weights: str | None = joined(
        None,
        description="a GPT-2 whose weights are the first: a folder with config.json and model.safetensors, or a name "
        "on the Hugging Face hub; None: drawn as `init` says",
    )
    weights_digest: str = found_from(
        "weights",
        joined=True,
        description="SHA-256 of these weights where they are files here, found by itself; files that change later are "
        "refused",
    )

    # Embeddings with positions, attention weights, attention output, MLP hidden layer, MLP output.
    dropout_at = ("blocks.0.hook_resid_pre", "attn.hook_pattern", "hook_attn_out", "mlp.hook_post", "hook_mlp_out")

    @field_validator("attention", mode="before")
    @classmethod
    def _one_for_all(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _know_the_files(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not data.get("weights") or data.get("weights_digest"):
            return data
        return {**data, "weights_digest": weights_digest(str(data["weights"]))}

    @model_validator(mode="after")
    def _check(self) -> "Decoder":
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"model.d_model = {self.d_model} cannot be shared by model.n_heads = {self.n_heads} heads: "
                "choose a multiple, or set model.d_head."
            )
        if len(self.attention) not in (1, self.n_layers):
            raise ValueError(
                f"model.attention names {len(self.attention)} layers; model.n_layers = {self.n_layers}. "
                "Name one for all, or one for each."
            )
        if self.past_weight and self.past not in ("hidden", "keys"):
            raise ValueError(
                f"model.past_weight = {self.past_weight} softens a cut; model.past = {self.past!r} cuts no gradient. "
                "Set model.past=hidden or keys, or model.past_weight=0."
            )
        if self.past != "whole" and "mesa" in self.attention:
            raise ValueError(
                f"model.past = {self.past!r}: model.attention = 'mesa' mixes places in a way of its own, in which a "
                "cut through the past is not defined here: use softmax or linear, or model.past=whole."
            )
        if self.source_ends and (self.past != "whole" or set(self.attention) != {"softmax"}):
            raise ValueError(
                "model.source_ends lets a source be read in both directions, which softmax attention with "
                f"model.past=whole does; here model.attention = {self.attention}, model.past = {self.past!r}."
            )
        return self

    @property
    def dropout_rate(self) -> float:
        """The share of activations that training leaves out."""
        return self.dropout

    @property
    def head_width(self) -> int:
        """Numbers in a query."""
        return self.d_head if self.d_head is not None else self.d_model // self.n_heads

    @property
    def mlp_width(self) -> int:
        """Neurons of a hidden layer; 0 without MLP."""
        return 4 * self.d_model if self.d_mlp is None else self.d_mlp

    def mixer(self, layer: int) -> Attention:
        """The attention of one layer."""
        return self.attention[layer if len(self.attention) > 1 else 0]

    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """embed, pos_embed, each block's ln1 attn ln2 mlp, ln_final, unembed, as far as the settings have them.

        With a teacher, the same again under `teacher.`, which training does not change.
        """
        own = own_shapes(self, signature)
        if not self.taught:
            return own
        return own | {f"{TEACHER}{name}": Shape(shape.dims, trained=False) for name, shape in own.items()}

    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """As `weights` or the named initialisation says; see `latebloom.models.decoder.published` and `.initial`."""
        if self.weights is not None:
            return published(self, self.weights, name, shape)
        return draw(self.init, name, shape, noise, self.init_std, self.n_layers)

    def reach(self, signature: Signature) -> None:
        """Looks at the configuration of the network that `weights` names."""
        if self.weights is not None:
            check_fits(self, self.weights, signature)

    @property
    def read_from(self) -> str | None:
        """The published network whose weights are the first."""
        return self.weights

    @property
    def taught(self) -> bool:
        """With a past that is a teacher's."""
        return self.past.startswith(TEACHER.removesuffix("."))

    def begin(self, given: Parameters) -> Parameters:
        """Given without a teacher, it becomes its own where one is needed; where none is, a teacher is left out."""
        own = {name: value for name, value in given.items() if not name.startswith(TEACHER)}
        if self.taught == (len(own) < len(given)):
            return given
        return with_teacher(own, own) if self.taught else own

    def forward(
        self,
        params: Parameters,
        inputs: Tensor,
        tap: Tap = untapped,
        positions: Places | None = None,
        seen: Seen | None = None,
    ) -> Float[Tensor, "member batch pos out"]:
        """Outputs at every place of sequences [member, batch, pos] of symbols or [member, batch, pos, n_inputs].

        `positions` says where in a sequence each place stands, for tables and sinusoids; counted from 0 without it.
        `seen` [member, batch, query, key] says what each place sees in softmax layers; itself and what came before
        without it.
        """
        params, inputs = self._broadcast(params, inputs, positions)
        return tap("hook_logits", self.read(params, self._states(params, inputs, tap, positions, seen)))

    def states(
        self, params: Parameters, inputs: Tensor, tap: Tap = untapped, positions: Places | None = None
    ) -> Float[Tensor, "member batch pos d_model"]:
        """What the outputs are read from: the residual stream after the last block and norm; as `forward`."""
        return self._states(*self._broadcast(params, inputs, positions), tap, positions)

    def _states(
        self,
        params: Parameters,
        inputs: Tensor,
        tap: Tap,
        positions: Places | None = None,
        seen: Seen | None = None,
        asked: Scored | None = None,
    ) -> Tensor:
        """The stream at the end, at the places asked for, or at all."""
        lesson = taught(self, params, inputs)
        if seen is None and self.source_ends:
            seen = seen_from(inputs, self.source_ends)
        if seen is not None and (self.past != "whole" or set(self.attention) != {"softmax"}):
            raise LatebloomError(
                f"`seen` is for softmax attention with model.past=whole; here model.attention = {self.attention}, "
                f"model.past = {self.past!r}."
            )
        x = self.embed(params, inputs, tap, positions)
        for layer in range(self.n_layers):
            block = part(params, f"blocks.{layer}.")
            if thins(tap, self):
                x = thinned_block(self, block, x, layer, tap)
            else:
                x = self._block(block, x, layer, tap, lesson, seen, asked if layer == self.n_layers - 1 else None)
        if self.norm == "pre":
            x = tap("ln_final.hook_normalized", layer_norm(x, params["ln_final.w"], params["ln_final.b"]))
        return x

    def _broadcast(
        self, params: Parameters, inputs: Tensor, positions: Places | None = None
    ) -> tuple[Parameters, Tensor]:
        """One member's parameters for many members' sequences, or one member's sequences for many."""
        own, places = next(iter(params.values())).shape[0], inputs.shape[2]
        if positions is not None:
            places = reach(inputs, positions, self.positions)
        known = params["pos_embed.W_pos"].shape[1] if self.positions == "learned" else places
        if places > known:
            raise LatebloomError(
                f"The sequence has {places} places; this network learned positions for {known}. "
                "Cut it, or train with model.positions=sinusoidal or none."
            )
        if own == inputs.shape[0]:
            return params, inputs
        count = max(own, inputs.shape[0])
        return {k: v.expand(count, *v.shape[1:]) for k, v in params.items()}, inputs.expand(count, *inputs.shape[1:])

    def embed(self, params: Parameters, inputs: Tensor, tap: Tap, positions: Places | None = None) -> Tensor:
        """The residual stream before the first block."""
        wide = self.d_model if self.read_out == "channels" else params["embed.W_E"].shape[1]
        if inputs.is_floating_point() and inputs.shape[-1] != wide:
            raise LatebloomError(
                f"The sequence has vectors of {inputs.shape[-1]} numbers; this network was made for vectors of {wide}."
            )
        if self.read_out == "channels":
            x = inputs
        elif inputs.is_floating_point():
            x = linear(inputs, params["embed.W_E"], params.get("embed.b_E"))
        else:
            x = embed_symbols(params["embed.W_E"], inputs)
        x = tap("hook_embed", x * self.d_model**0.5 if self.embed_scale else x)
        if self.positions in ("learned", "sinusoidal"):
            x = x + tap("hook_pos_embed", placed(params.get("pos_embed.W_pos"), x, positions))
        return x

    def _block(
        self,
        block: Parameters,
        x: Tensor,
        layer: int,
        tap: Tap,
        lesson: dict[str, Tensor],
        seen: Tensor | None = None,
        asked: Scored | None = None,
    ) -> Tensor:
        """Attention, then the MLP, each added to the residual stream; LayerNorm before each, or after each sum.

        The stream comes out at the places asked for, or at all.
        """
        name, pre, post = f"blocks.{layer}.", self.norm == "pre", self.norm == "post"

        def normalised(which: str, value: Tensor) -> Tensor:
            return tap(f"{name}{which}.hook_normalized", layer_norm(value, block[f"{which}.w"], block[f"{which}.b"]))

        x = tap(f"{name}hook_resid_pre", x)
        attended = attend(self, block, normalised("ln1", x) if pre else x, layer, tap, lesson, seen, asked)
        x = (x if asked is None else x[:, :, asked]) + tap(f"{name}hook_attn_out", attended)
        x = tap(f"{name}hook_resid_mid", normalised("ln1", x) if post else x)
        if self.mlp_width:
            out = mlp(block, normalised("ln2", x) if pre else x, self.act_fn, name, tap)
            x = x + tap(f"{name}hook_mlp_out", out)
            x = normalised("ln2", x) if post else x
        if self.resid_clip is not None:
            x = x.clamp(-self.resid_clip, self.resid_clip)
        return tap(f"{name}hook_resid_post", x)

    def read(self, params: Parameters, x: Tensor) -> Tensor:
        """Outputs from the residual stream after the last block and norm."""
        if self.read_out == "channels":
            return x[..., : self.channels]
        weight = params["embed.W_E"].mT if self.read_out == "tied" else params["unembed.W_U"]
        return linear(x, weight, params.get("unembed.b_U"))

    def loss(
        self, params: Parameters, batch: Batch, loss: Loss, logit_scale: Tensor, tap: Tap = untapped
    ) -> Float[Tensor, " member"]:
        """Mean loss of each member; what no counted place depends on is left out (see `scored`)."""
        places = scored_places(self, batch.weight, tap)
        if places is None:
            return super().loss(params, batch, loss, logit_scale, tap)
        params, inputs = self._broadcast(params, batch.inputs[:, :, : int(places[-1]) + 1])
        outputs = self.read(params, self._states(params, inputs, tap, asked=places))
        rows = loss.rows(outputs * logit_scale.view(-1, 1, 1, 1), batch.targets[:, :, places])
        return (rows * batch.share[:, :, places]).flatten(1).sum(1)

    def gradient(
        self,
        params: Parameters,
        trained: Sequence[str],
        batch: Batch,
        loss: Loss,
        logit_scale: Tensor,
        tap: Tap = untapped,
    ) -> tuple[Float[Tensor, " member"], Parameters]:
        """By hand for plain stacks of linear attention on a processor; see `latebloom.models.decoder.linear_stack`."""
        if tap is untapped and batch.inputs.device.type == "cpu" and linear_stack.fits(self):
            return linear_stack.gradient(self, params, trained, batch, loss, logit_scale)
        return super().gradient(params, trained, batch, loss, logit_scale, tap)

    def flops(self, signature: Signature, rows: int) -> float:
        """One forward pass over every place of `rows` sequences of full length; one more where there is a teacher."""
        return (2 if self.taught else 1) * rows * signature.n_ctx * flops_at_place(self, signature)

    def activation_bytes(self, signature: Signature, rows: int, itemsize: int) -> float:
        """What autograd keeps of every place of `rows` sequences of full length."""
        return float(itemsize) * rows * signature.n_ctx * kept_at_place(self, signature)


def part(params: Parameters, prefix: str) -> Parameters:
    """The parameters of one block, by their names within it."""
    return {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
