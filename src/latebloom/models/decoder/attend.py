"""One attention layer of a decoder: queries, keys and values as its settings have them, and what its past is."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from latebloom.models.base import Parameters, Tap, untapped
from latebloom.models.decoder.attention import MIXERS, Heads, collect, project
from latebloom.models.decoder.both_ways import seeing_mixer
from latebloom.models.decoder.layers import Stream, sinusoids
from latebloom.models.decoder.past import (
    SAME_NUMBERS,
    Slots,
    attend_nothing,
    attend_past,
    faded,
    project_two_ways,
)
from latebloom.models.decoder.scored import Scored, before
from latebloom.models.decoder.teacher import reads

if TYPE_CHECKING:
    from latebloom.models.decoder.decoder import Decoder


def attend(
    model: "Decoder",
    block: Parameters,
    x: Stream,
    layer: int,
    tap: Tap,
    lesson: dict[str, Tensor],
    visible: Tensor | None = None,
    asked: Scored | None = None,
) -> Stream:
    """What attention adds to the residual stream; `x` is its input, `lesson` what a teacher's layers read and make.

    `visible` [member, batch, query, key] says what each place sees; without it, itself and what came before. Softmax
    attention may be asked for some of the places alone.
    """
    name, kind = f"blocks.{layer}.", model.mixer(layer)
    seen = keyed(model, x, layer)
    if asked is not None:
        visible, seen = before(asked, x.shape[2]), seen[:, :, asked]
    q = tap(f"{name}attn.hook_q", sized(model, project(seen, block["attn.W_Q"], block.get("attn.b_Q")), layer))
    # Where only gradients differ and none is asked for, the plain way gives the same numbers.
    plain = model.past == "whole" or (model.past in SAME_NUMBERS and not torch.is_grad_enabled())
    if model.past == "hidden" and not plain:
        own, past = slots_two_ways(model, block, x, layer, tap)
    else:
        own = slots(model, block, x, layer)
        own = Slots(tap(f"{name}attn.hook_k", own.k), tap(f"{name}attn.hook_v", own.v))
        past = own
    if visible is not None:
        z = seeing_mixer(q, *own, visible, name, tap)
    elif plain:
        z = MIXERS[kind](q, *own, block, name, tap)
    elif model.past == "zeroed" and tap is untapped:
        z = attend_nothing(q, own, kind)
    else:
        match model.past:
            case "keys":
                past = Slots(*(faded(value, model.past_weight) for value in own))
            case "zeroed":
                past = Slots(*(torch.zeros_like(value) for value in own))
            case "teacher_keys":
                past = Slots(lesson[f"{name}attn.hook_k"], lesson[f"{name}attn.hook_v"])
            case "teacher_hidden":
                past = slots(model, block, lesson[f"{name}{reads(model)}"], layer)
        z = attend_past(q, own, past, kind, model.past in SAME_NUMBERS, name, tap)
    return collect(tap(f"{name}attn.hook_z", z), block["attn.W_O"], block.get("attn.b_O"))


def slots(model: "Decoder", block: Parameters, x: Stream, layer: int) -> Slots:
    """Keys and values of states."""
    k = project(keyed(model, x, layer), block["attn.W_K"], block.get("attn.b_K"))
    return Slots(sized(model, k, layer), project(x, block["attn.W_V"], block.get("attn.b_V")))


def slots_two_ways(model: "Decoder", block: Parameters, x: Stream, layer: int, tap: Tap) -> tuple[Slots, Slots]:
    """Keys and values as a place itself reads them, and as later places do: the states learn from the first alone."""
    own, past = [], []
    for letter, source in (("K", keyed(model, x, layer)), ("V", x)):
        ways = project_two_ways(source, block[f"attn.W_{letter}"], block.get(f"attn.b_{letter}"), model.past_weight)
        here, there = (sized(model, way, layer) if letter == "K" else way for way in ways)
        name = f"blocks.{layer}.attn.hook_{letter.lower()}"
        own.append(tap(name, here))
        # A tap that changes what it sees changes it both ways.
        past.append(there if own[-1] is here else tap(name, there))
    return Slots(*own), Slots(*past)


def keyed(model: "Decoder", x: Stream, layer: int) -> Stream:
    """What queries and keys are made of."""
    if layer or model.positions != "first_keys":
        return x
    return torch.cat([x, sinusoids(x.shape[2], model.d_model, x).expand_as(x)], -1)


def sized(model: "Decoder", value: Heads, layer: int) -> Heads:
    """Queries or keys, of length 1 where the settings say so."""
    if model.qk_norm == "all" or (model.qk_norm == "later" and layer > 0):
        return torch.nn.functional.normalize(value, dim=-1)
    return value
