"""Myopic training of other people's models: Hugging Face's GPT-2, GPT-NeoX and their like, inside a `with` block.

    with myopically(model, past="hidden"):
        loss = model(tokens, labels=tokens, use_cache=False).loss
        loss.backward()

Outputs are the model's own; only gradients differ (see `latebloom.models.decoder.past` for the kinds). It works on
every model whose attention modules look their attention function up in a registry by `config._attn_implementation`,
and call it as `function(module, query, key, value, attention_mask, *, scaling, dropout, ...) -> (output, weights)` with
query, key and value [batch, head, pos, d_head] and output [batch, pos, head, d_head]. That is
`transformers.AttentionInterface`, version 4.51 or later. Nothing is switched on globally: other models, those made
from the same config too, and this one outside the block, train as ever.
"""

import contextlib
import copy
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from latebloom.errors import LatebloomError
from latebloom.models.decoder.attention import future
from latebloom.models.decoder.cut_attention import cut_attention
from latebloom.models.decoder.past import Slots, faded, with_own_scores, with_own_values

NAME = "latebloom_past"
BORROWED_KINDS = ("hidden", "keys", "zeroed")
Register = Callable[[str, Callable[..., Any]], None]


@contextlib.contextmanager
def myopically(
    model: nn.Module,
    past: Literal["hidden", "keys", "zeroed"] = "hidden",
    past_weight: float = 0.0,
    *,
    modules: Sequence[nn.Module] | None = None,
    register: Register | None = None,
) -> Iterator[None]:
    """Within the block the model's attention cuts the gradient through the past; `past_weight` keeps a share of it.

    `modules` are the attention modules (default: all whose class is named `...Attention`), `register` enters a function
    into the registry they use (default: that of `transformers`). `hidden` calls each module's projections a second
    time, on detached states; `backward` may come after the block unless activations are checkpointed. Raises
    `LatebloomError` for what would bypass the cut: a module that never calls the registered function, a cache of
    earlier keys, attention in both directions or across sequences, masks of heads, capped scores. Blocks of one model
    do not nest.
    """
    if not isinstance(model, nn.Module):
        raise LatebloomError(
            f"{model!r} is no PyTorch module: give a model, e.g. GPT2LMHeadModel.from_pretrained(...)."
        )
    _checked(past, past_weight)
    own = _attentions(model) if modules is None else list(modules)
    if not own:
        raise LatebloomError(
            f"{type(model).__name__} has no module whose class is named ...Attention: name them, modules=[...]."
        )
    for module in own:
        if getattr(module, "is_causal", True) is False:
            raise LatebloomError(
                f"{type(module).__name__} of {type(model).__name__} reads what comes later, or another sequence: it "
                "has no past to cut. Take a causal model, or name its causal modules, modules=[...]."
            )
    (register or _register_with_transformers)(NAME, _registered)
    if any("_latebloom_cutter" in module.__dict__ for module in own):
        raise LatebloomError(f"{type(model).__name__} is inside a `myopically` block already; blocks do not nest.")
    cutters = [_Cutter(module, past, past_weight) for module in own]
    with _own_configs(model, own):
        try:
            for cutter in cutters:
                cutter.install()
            yield
        finally:
            for cutter in cutters:
                cutter.remove()


@contextlib.contextmanager
def _own_configs(model: nn.Module, attentions: Sequence[nn.Module]) -> Iterator[None]:
    """Within the block the model's attention is the registered one, by copies of its configs.

    Two models are often made from one config: the other one must not notice.
    """
    copies: dict[int, Any] = {}
    for module in attentions:
        if id(module.config) not in copies:
            copies[id(module.config)] = copy.copy(module.config)
            copies[id(module.config)]._attn_implementation = NAME
    holders = {
        module: module.config
        for module in (*model.modules(), *attentions)
        if id(getattr(module, "config", None)) in copies
    }
    try:
        for module, config in holders.items():
            module.config = copies[id(config)]
        yield
    finally:
        for module, config in holders.items():
            module.config = config


class _CapturedError(Exception):
    """Ends a module's first run as soon as its keys and values are known."""


class _Cutter:
    """One attention module: what its past is, and whether it asked for it."""

    def __init__(self, module: nn.Module, past: str, weight: float) -> None:
        self.module, self.past, self.weight = module, past, weight
        self.capturing, self.asked = False, False
        self.lent: Slots | None = None

    def install(self) -> None:
        """Puts itself around the module's `forward`."""
        self.inner = self.module.forward
        self.module.__dict__ |= {"forward": self.forward, "_latebloom_cutter": self}

    def remove(self) -> None:
        """Leaves the module as it was."""
        self.module.__dict__.pop("forward", None)
        self.module.__dict__.pop("_latebloom_cutter", None)

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The module's own; for `hidden`, after a run on detached states that ends at the attention function."""
        self._refuse_bypasses(kwargs)
        self.lent = None
        if self.past == "hidden" and torch.is_grad_enabled():
            self.capturing = True
            try:
                self.inner(hidden_states.detach(), *args, **kwargs)
            except _CapturedError:
                pass
            finally:
                self.capturing = False
        self.asked = False
        out = self.inner(hidden_states, *args, **kwargs)
        if not self.asked:
            raise LatebloomError(
                f"{type(self.module).__name__} computed attention without calling the registered function, so the past "
                "was not cut. Some settings bring a fallback: load the model with attn_implementation='sdpa', without "
                "output_attentions, and with a version of transformers from 4.48 on."
            )
        return out

    def _refuse_bypasses(self, kwargs: dict[str, Any]) -> None:
        for name in ("past_key_values", "past_key_value", "layer_past", "encoder_hidden_states", "head_mask"):
            if kwargs.get(name) is not None:
                raise LatebloomError(
                    f"{type(self.module).__name__} was given {name}, through which a past enters that cannot be cut "
                    "here: call the model with use_cache=False and without cross attention or head masks."
                )

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float, dropout: float) -> Tensor:
        """[batch, head, pos, d_head]; what `function` of the interface computes, before places go in front of heads."""
        self.asked = True
        if torch.is_autocast_enabled(q.device.type):  # as fused attention does; positions may have left q and k wide
            q, k, v = (value.to(torch.get_autocast_dtype(q.device.type)) for value in (q, k, v))
        own = Slots(k, v)
        if self.capturing:
            self.lent = own
            raise _CapturedError
        if q.shape[-2] != k.shape[-2]:
            raise LatebloomError(
                f"{type(self.module).__name__} reads {k.shape[-2]} keys for {q.shape[-2]} places: earlier keys came "
                "from a cache, whose gradient cannot be cut. Call the model with use_cache=False."
            )
        past = self._past(own)
        if mask is None and not dropout and self.past != "zeroed" and scale == q.shape[-1] ** -0.5:
            return cut_attention(q, *own, *past)
        wide = torch.promote_types(q.dtype, torch.float32)  # half precision overflows
        with torch.autocast(q.device.type, enabled=False):
            scores = with_own_scores(q.to(wide), own.k.to(wide), past.k.to(wide)) * scale
        if mask is not None:
            # Masks say who may be seen (true), or what is added to a score; either may hold the causal part or not.
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
        scores = scores.masked_fill(future(scores), -torch.inf)
        blind = scores.amax(-1, keepdim=True) == -torch.inf  # rows that may see nothing (padding) give zeros
        pattern = torch.softmax(scores.masked_fill(blind, 0.0), -1).masked_fill(blind, 0.0)
        pattern = torch.nn.functional.dropout(pattern.to(q.dtype), dropout)
        return with_own_values(pattern, own.v, past.v)

    def _past(self, own: Slots) -> Slots:
        if self.past == "zeroed":
            return Slots(torch.zeros_like(own.k), torch.zeros_like(own.v))
        if self.past == "hidden" and self.lent is not None:
            lent = self.lent
            if not self.weight:
                return lent
            pairs = zip(own, lent, strict=True)
            return Slots(*(_Mixed.apply(live, cut, self.weight) for live, cut in pairs))  # type: ignore[no-untyped-call]
        return Slots(*(faded(value, self.weight) for value in own))


class _Mixed(torch.autograd.Function):
    """The numbers of `cut`; a share of the gradient goes to `live`, the rest to `cut`."""

    @staticmethod
    def forward(ctx: Any, live: Tensor, cut: Tensor, share: float) -> Tensor:
        ctx.share = share
        return cut.view_as(cut)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        return ctx.share * gradient, (1 - ctx.share) * gradient, None


def _registered(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """The attention function of the interface, for every module that is inside a `myopically` block."""
    cutter = module.__dict__.get("_latebloom_cutter")
    if cutter is None:
        raise LatebloomError(
            f"{type(module).__name__} asked for {NAME!r} outside a `myopically` block: set the model's "
            "attn_implementation back, e.g. to 'sdpa'."
        )
    for name in ("softcap", "s_aux", "head_mask"):
        if kwargs.get(name) is not None:
            raise LatebloomError(f"{type(module).__name__} uses {name}, which the cut does not know.")
    scaling = kwargs.get("scaling")
    if scaling is None and getattr(module, "scale_attn_by_inverse_layer_idx", False):
        raise LatebloomError(f"{type(module).__name__} scales attention by layer without saying so to the interface.")
    groups = getattr(module, "num_key_value_groups", 1)
    if groups > 1:
        key, value = (slots.repeat_interleave(groups, 1) for slots in (key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    out = cutter.attend(query, key, value, attention_mask, scale, float(kwargs.get("dropout") or 0.0))
    return out.transpose(1, 2).contiguous(), None


def _register_with_transformers(name: str, function: Callable[..., Any]) -> None:
    try:
        library = importlib.import_module("transformers")
    except ImportError:
        raise LatebloomError(
            "myopically() needs the package `transformers`, which is not installed: pip install transformers. For "
            "models with a registry of their own, pass register=."
        ) from None
    if not hasattr(library, "AttentionInterface"):
        raise LatebloomError(
            f"transformers {getattr(library, '__version__', '')} has no AttentionInterface: use version 4.51 or later."
        )
    library.AttentionInterface.register(name, function)
    masks = getattr(library, "AttentionMaskInterface", None)
    if masks is not None:  # without a mask function of its own a new name gets no mask at all, not even of padding
        masks.register(name, importlib.import_module("transformers.masking_utils").sdpa_mask)


def _attentions(model: nn.Module) -> list[nn.Module]:
    """Modules that look their attention function up."""
    named = [module for module in model.modules() if type(module).__name__.endswith("Attention")]
    return [module for module in named if hasattr(getattr(module, "config", None), "_attn_implementation")]


def _checked(past: str, weight: float) -> None:
    if past not in BORROWED_KINDS:
        raise LatebloomError(f"past = {past!r}: of other people's models the past can be {', '.join(BORROWED_KINDS)}.")
    if not isinstance(weight, int | float):
        raise LatebloomError(f"past_weight = {weight!r}: give a number, the share of the gradient that is kept.")
    if not 0 <= weight <= 1 or (weight and past == "zeroed"):
        raise LatebloomError(f"past_weight = {weight:g}: a share between 0 and 1 of the gradient, and 0 for 'zeroed'.")
