"""A block under dropout in few passes through memory: what training pays for beside the matrix products.

The plain way writes every activation down several times: the product, the activation function, the mask, their
product, and the same backward. Here each part is one function with a backward of its own. Masks are those of the plain
way, drawn in the same order, and so are the numbers, but for rounding.
"""

from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.base import Parameters, Tap, Thinning
from latebloom.models.decoder.layers import EPSILON, Stream
from latebloom.models.once import once

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder

Rows = Float[Tensor, "member row width"]
FINAL = once(
    "a block under dropout", "leave create_graph out, or give forward a tap of your own, which takes autograd's way"
)
aten = torch.ops.aten


def thins(tap: Tap, model: "Decoder") -> TypeGuard[Thinning]:
    """Whether nobody but dropout is at the hook points, and this decoder's blocks can be computed as here."""
    usual = model.norm == "post" and model.mlp_width and model.act_fn == "relu" and model.resid_clip is None
    plain = model.past == "whole" and not model.source_ends and model.qk_norm == "none"
    softmax = set(model.attention) == {"softmax"} and model.positions != "first_keys"
    return isinstance(tap, Thinning) and bool(usual) and plain and softmax


def thinned_block(model: "Decoder", block: Parameters, x: Stream, layer: int, thin: Thinning) -> Stream:
    """One block: attention, sum and norm, MLP, sum and norm."""
    name, places = f"blocks.{layer}.", x.shape
    members, batch, length, width = places
    x = thin(f"{name}hook_resid_pre", x).reshape(members, batch * length, width)
    pattern = thin.kept(f"{name}attn.hook_pattern", (members, batch, model.n_heads, length, length), x)
    out = attended(model, block, x, (batch, length), pattern, thin.scale)
    kept = thin.kept(f"{name}hook_attn_out", out.shape, out)
    x = _AddNorm.apply(x, out, kept, thin.scale, block["ln1.w"], block["ln1.b"])  # type: ignore[no-untyped-call]
    hidden = thin.kept(f"{name}mlp.hook_post", (*x.shape[:2], model.mlp_width), x)
    out = _MLP.apply(  # type: ignore[no-untyped-call]
        x, block["mlp.W_in"], block.get("mlp.b_in"), block["mlp.W_out"], block.get("mlp.b_out"), hidden, thin.scale
    )
    kept = thin.kept(f"{name}hook_mlp_out", out.shape, out)
    x = _AddNorm.apply(x, out, kept, thin.scale, block["ln2.w"], block["ln2.b"])  # type: ignore[no-untyped-call]
    return x.view(places)


def attended(
    model: "Decoder", block: Parameters, x: Rows, rows: tuple[int, int], kept: Tensor | None, scale: float
) -> Rows:
    """What attention adds: queries, keys and values by one product."""
    members, _, width = x.shape
    weights, biases = ([block.get(f"attn.{kind}_{letter}") for letter in "QKV"] for kind in "Wb")
    wide = torch.cat([weight.transpose(1, 2) for weight in weights if weight is not None], 2).view(members, width, -1)
    bias = [bias for bias in biases if bias is not None]
    qkv = torch.bmm(x, wide) if not bias else torch.baddbmm(torch.cat(bias, 1).view(members, 1, -1), x, wide)
    z = _Attention.apply(qkv, (*rows, model.n_heads, model.head_width), kept, scale)  # type: ignore[no-untyped-call]
    out, bias_out = block["attn.W_O"].reshape(members, -1, width), block.get("attn.b_O")
    return torch.bmm(z, out) if bias_out is None else torch.baddbmm(bias_out[:, None], z, out)


class _Attention(torch.autograd.Function):
    """Causal softmax attention with a thinned pattern, from queries, keys and values side by side."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, sizes: tuple[int, int, int, int], kept: Tensor | None, scale: float) -> Tensor:
        batch, places, heads, d_head = sizes
        rows = qkv.shape[0] * batch
        by_head = qkv.view(rows, places, 3, heads, d_head).permute(2, 0, 3, 1, 4).reshape(3, -1, places, d_head)
        q, k, v = by_head.unbind()
        future = q.new_full((places, places), -torch.inf).triu(1)
        scores = torch.baddbmm(future.expand(len(q), -1, -1), q, k.mT, alpha=d_head**-0.5)
        pattern = torch.softmax(scores, -1)
        mask = None if kept is None else kept.view(pattern.shape)
        used = pattern if mask is None else pattern * mask
        ctx.save_for_backward(q, k, v, pattern, used, mask)
        ctx.sizes, ctx.scale = sizes, scale if mask is not None else 1.0
        found = torch.bmm(used, v).view(rows, heads, places, d_head).transpose(1, 2)
        z = found.new_empty(found.shape)
        return torch.mul(found, ctx.scale, out=z).view(qkv.shape[0], batch * places, heads * d_head)

    @staticmethod
    @FINAL
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, pattern, used, mask = ctx.saved_tensors
        batch, places, heads, d_head = ctx.sizes
        rows, root = g.shape[0] * batch, d_head**-0.5
        dz = g.new_empty(rows, heads, places, d_head)
        torch.mul(g.reshape(rows, places, heads, d_head).transpose(1, 2), ctx.scale, out=dz)
        dz = dz.view(v.shape)
        grads = g.new_empty(3, *q.shape)
        torch.bmm(used.mT, dz, out=grads[2])
        by_pattern = torch.bmm(dz, v.mT)
        if mask is not None:
            by_pattern.mul_(mask)
        by_score = aten._softmax_backward_data(by_pattern, pattern, -1, pattern.dtype).mul_(root)
        torch.bmm(by_score, k, out=grads[0])
        torch.bmm(by_score.mT, q, out=grads[1])
        side_by_side = grads.view(3, rows, heads, places, d_head).permute(1, 3, 0, 2, 4)
        return side_by_side.reshape(g.shape[0], batch * places, -1), None, None, None


class _MLP(torch.autograd.Function):
    """relu(x W_in + b_in), thinned, times W_out, plus b_out."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        w_in: Tensor,
        b_in: Tensor | None,
        w_out: Tensor,
        b_out: Tensor | None,
        kept: Tensor | None,
        scale: float,
    ) -> Tensor:
        hidden = _affine(x, w_in, b_in).clamp_min_(0)
        if kept is not None:
            hidden.mul_(kept)
        ctx.save_for_backward(x, w_in, w_out, hidden)
        ctx.scale = scale if kept is not None else 1.0
        ctx.biased = b_in is not None, b_out is not None
        return _affine(hidden, w_out, b_out, ctx.scale)

    @staticmethod
    @FINAL
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w_in, w_out, hidden = ctx.saved_tensors
        db_out = g.sum(1) if ctx.biased[1] else None
        g = g * ctx.scale
        d = torch.bmm(g, w_out.mT)
        # What was left out or below 0 is 0 in `hidden`, and only that.
        aten.threshold_backward.grad_input(d, hidden, 0, grad_input=d)
        db_in = d.sum(1) if ctx.biased[0] else None
        return torch.bmm(d, w_in.mT), torch.bmm(x.mT, d), db_in, torch.bmm(hidden.mT, g), db_out, None, None


class _AddNorm(torch.autograd.Function):
    """LayerNorm of x + thinned y, with each member's weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, kept: Tensor | None, scale: float, weight: Tensor, bias: Tensor
    ) -> Tensor:
        total = x + y if kept is None else torch.addcmul(x, y, kept, value=scale)
        normalised, mean, deviation = torch.native_layer_norm(total, x.shape[-1:], None, None, EPSILON)
        ctx.save_for_backward(total, normalised, mean, deviation, kept, weight)
        ctx.scale = scale
        return torch.addcmul(bias[:, None], normalised, weight[:, None])

    @staticmethod
    @FINAL
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        total, normalised, mean, deviation, kept, weight = ctx.saved_tensors
        d_weight, d_bias = (g * normalised).sum(1), g.sum(1)
        d, _, _ = aten.native_layer_norm_backward(
            g * weight[:, None], total, total.shape[-1:], mean, deviation, None, None, [True, False, False]
        )
        thinned = d if kept is None else (d * kept).mul_(ctx.scale)
        return d, thinned, None, None, d_weight, d_bias


def _affine(x: Rows, weight: Tensor, bias: Tensor | None, scale: float = 1.0) -> Rows:
    """Scale * x @ weight + bias, each member with its own."""
    if bias is None:
        out = torch.bmm(x, weight)
        return out if scale == 1.0 else out.mul_(scale)
    return torch.baddbmm(bias[:, None], x, weight, alpha=scale)
