"""Loss and gradient of stacks of linear attention and nothing else, by hand, a few sequences at a time.

The published stacks are narrow (40 numbers, heads of 20), so their products are small and autograd spends its time
walking through memory. Here some sequences go forwards and backwards through all layers while what they leave is still
in a cache; queries, keys and values come from one product, patterns are kept and not formed again, and the input of the
first layer gets no gradient. The numbers are those of autograd up to rounding.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.data import Batch
from latebloom.models.base import Parameters
from latebloom.models.losses import Loss

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder

PIECE = 16  # sequences at a time; 8 to 32 are equally fast
READ = ("attn.W_Q", "attn.W_K", "attn.W_V")


class Layer(NamedTuple):
    """One member's layer: what queries, keys and values are read with, side by side, and what is written with."""

    read: Float[Tensor, "d_model three_heads_d_head"]
    write: Float[Tensor, "heads_d_head d_model"]


class Kept(NamedTuple):
    """What a layer leaves for its gradient."""

    x: Float[Tensor, "row d_model"]
    qkv: Float[Tensor, "three sequence_head pos d_head"]
    pattern: Float[Tensor, "sequence_head pos pos"]
    z: Float[Tensor, "row heads_d_head"]
    cut: Tensor | None  # where the stream was clipped


def fits(model: "Decoder") -> bool:
    """Whether a decoder is linear attention on channels and nothing else."""
    return (
        set(model.attention) == {"linear"}
        and not model.embed_scale
        and (model.read_out, model.norm, model.positions, model.bias) == ("channels", "none", "none", "none")
        and (model.mlp_width, model.qk_norm, model.past, model.dropout) == (0, "none", "whole", 0.0)
    )


def gradient(
    model: "Decoder", params: Parameters, trained: Sequence[str], batch: Batch, loss: Loss, scale: Tensor
) -> tuple[Float[Tensor, " member"], Parameters]:
    """As `Model.gradient`."""
    losses = torch.zeros_like(scale)
    grads = {name: torch.empty_like(params[name]) for name in trained}
    for member in range(len(losses)):
        layers = [_layer(params, f"blocks.{layer}.", member) for layer in range(model.n_layers)]
        sums = [Layer(torch.zeros_like(layer.read), torch.zeros_like(layer.write)) for layer in layers]
        for piece in torch.arange(batch.inputs.shape[1]).split(PIECE):
            rows = slice(int(piece[0]), int(piece[-1]) + 1)
            kept, out = _forwards(model, layers, batch.inputs[member, rows])
            value, by_out = _loss(
                out, batch.targets[member, rows], batch.share[member, rows], loss, scale[member], model.channels
            )
            losses[member] += value
            _backwards(model, layers, kept, by_out, sums)
        for layer, found in enumerate(sums):
            _take(grads, f"blocks.{layer}.", member, found)
    return losses, grads


def _layer(params: Parameters, name: str, member: int) -> Layer:
    read = torch.cat([params[name + part][member].transpose(0, 1).flatten(1) for part in READ], 1)
    return Layer(read, params[name + "attn.W_O"][member].flatten(0, 1))


def _take(grads: Parameters, name: str, member: int, found: Layer) -> None:
    """The gradients of one layer, laid out as its parameters are."""
    heads = grads[name + "attn.W_O"].shape[1]
    for part, value in zip(READ, found.read.chunk(3, 1), strict=True):
        grads[name + part][member] = value.unflatten(1, (heads, -1)).transpose(0, 1)
    grads[name + "attn.W_O"][member] = found.write.unflatten(0, (heads, -1))


def _forwards(
    model: "Decoder", layers: list[Layer], inputs: Float[Tensor, "sequence pos d_model"]
) -> tuple[list[Kept], Float[Tensor, "sequence pos d_model"]]:
    x = inputs.flatten(0, 1)
    kept: list[Kept] = []
    for layer in layers:
        parts = (x @ layer.read).view(*inputs.shape[:2], 3, model.n_heads, -1)
        qkv = parts.permute(2, 0, 3, 1, 4).flatten(1, 2).contiguous()
        pattern = torch.bmm(qkv[0], qkv[1].mT).tril_()
        z = _by_place(torch.bmm(pattern, qkv[2]), model.n_heads)
        y = torch.addmm(x, z, layer.write)
        cut: Tensor | None = None
        if model.resid_clip is not None:
            low, high = y.aminmax()
            if not (float(low) >= -model.resid_clip and float(high) <= model.resid_clip):
                cut = y.abs() > model.resid_clip
                y = y.clamp_(-model.resid_clip, model.resid_clip)
        kept.append(Kept(x, qkv, pattern, z, cut))
        x = y
    return kept, x.view(inputs.shape)


def _loss(
    out: Tensor, targets: Tensor, share: Tensor, loss: Loss, scale: Tensor, channels: int
) -> tuple[Tensor, Float[Tensor, "row d_model"]]:
    """These sequences' part of the member's mean loss, and its gradient by the last stream."""
    said = out[..., :channels].detach().requires_grad_(True)
    with torch.enable_grad():
        value = (loss.rows(said * scale, targets) * share).sum()
        (found,) = torch.autograd.grad(value, said)
    by_out = torch.zeros_like(out)
    by_out[..., :channels] = found
    return value.detach(), by_out.flatten(0, 1)


def _backwards(model: "Decoder", layers: list[Layer], kept: list[Kept], by_y: Tensor, sums: list[Layer]) -> None:
    """Adds the gradients of every layer to `sums`; `by_y` is the gradient by the last stream."""
    for number in range(len(layers) - 1, -1, -1):
        layer, (x, qkv, pattern, z, cut), total = layers[number], kept[number], sums[number]
        if cut is not None:
            by_y = by_y.masked_fill(cut, 0.0)
        total.write.addmm_(z.T, by_y)
        q, k, v = qkv
        by_z = _by_head(by_y @ layer.write.T, q.shape[1], model.n_heads)
        by_pattern = torch.bmm(by_z, v.mT).tril_()
        by_qkv = torch.empty_like(qkv)
        torch.bmm(by_pattern, k, out=by_qkv[0])
        torch.bmm(by_pattern.mT, q, out=by_qkv[1])
        torch.bmm(pattern.mT, by_z, out=by_qkv[2])
        flat = by_qkv.view(3, -1, model.n_heads, *q.shape[1:]).permute(1, 3, 0, 2, 4).flatten(0, 1).flatten(1)
        total.read.addmm_(x.T, flat)
        if number:
            by_y = torch.addmm(by_y, flat, layer.read.T)


def _by_place(found: Float[Tensor, "sequence_head pos d_head"], heads: int) -> Float[Tensor, "row heads_d_head"]:
    return found.view(-1, heads, *found.shape[1:]).transpose(1, 2).flatten(0, 1).flatten(1)


def _by_head(rows: Float[Tensor, "row heads_d_head"], places: int, heads: int) -> Float[Tensor, "item pos d_head"]:
    return rows.view(-1, places, heads, rows.shape[1] // heads).transpose(1, 2).flatten(0, 1).contiguous()
