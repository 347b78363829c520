"""A decoder whose places have parameters of their own: slow, for tiny networks, to check what a cut should give.

With a copy theta_j of the parameters for every place j, the gradient of the tied network is the sum over all i and
j <= i of d loss_i / d theta_j, and the myopic one is the sum over i = j (Wu et al. 2024, arXiv 2404.00859, section 3).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.base import Parameters, untapped
from latebloom.models.decoder.attend import keyed, sized
from latebloom.models.decoder.attention import collect, project
from latebloom.models.decoder.decoder import Decoder, part
from latebloom.models.decoder.layers import layer_norm, mlp

Reader = Literal["hidden", "keys"]


def untie(params: Parameters, places: int) -> Parameters:
    """A copy of one member's parameters [1, ...] for each place, [pos, ...]."""
    return {name: value.detach().repeat(places, *[1] * (value.ndim - 1)) for name, value in params.items()}


def untied_forward(
    model: Decoder, copies: Parameters, inputs: Tensor, reader: Reader
) -> Float[Tensor, "pos batch 1 out"]:
    """Outputs of one member's sequences [1, batch, pos, ...], place i computed with parameters `copies[name][i]`.

    `reader` says whose matrices make the key and value of place j when place i reads it: those of i (`hidden`: what is
    lent is the state), or those of j (`keys`). Places lie on the member axis; attention alone brings them together.
    """
    x = _embedded(model, copies, inputs)
    places = x.shape[0]
    future = torch.ones(places, places, dtype=torch.bool, device=x.device).triu(1)
    for layer in range(model.n_layers):
        block, name = part(copies, f"blocks.{layer}."), f"blocks.{layer}."

        def normalised(which: str, value: Tensor, block: Parameters = block) -> Tensor:
            return layer_norm(value, block[f"{which}.w"], block[f"{which}.b"])

        seen = normalised("ln1", x) if model.norm == "pre" else x
        x = x + _attended(model, block, seen, layer, reader, future)
        x = normalised("ln1", x) if model.norm == "post" else x
        if model.mlp_width:
            x = x + mlp(block, normalised("ln2", x) if model.norm == "pre" else x, model.act_fn, name, untapped)
            x = normalised("ln2", x) if model.norm == "post" else x
        if model.resid_clip is not None:
            x = x.clamp(-model.resid_clip, model.resid_clip)
    if model.norm == "pre":
        x = layer_norm(x, copies["ln_final.w"], copies["ln_final.b"])
    return model.read(copies, x)


def _embedded(model: Decoder, copies: Parameters, inputs: Tensor) -> Float[Tensor, "pos batch 1 d_model"]:
    """Each place embedded with its own copy; all places are embedded with every copy, and the right ones kept."""
    every = model.embed(copies, inputs.expand(inputs.shape[2], *inputs.shape[1:]), untapped)
    place = torch.arange(inputs.shape[2], device=inputs.device)
    return every[place, :, place][:, :, None]


def _attended(
    model: Decoder, block: Parameters, x: Tensor, layer: int, reader: Reader, future: Tensor
) -> Float[Tensor, "pos batch 1 d_model"]:
    """One attention layer; the states of all places are laid beside each other for every reader."""
    places = x.shape[0]
    everyone = x[:, :, 0].transpose(0, 1).expand(places, -1, -1, -1)  # reader, batch, place, d_model
    states = keyed(model, everyone, layer)
    here = torch.arange(places, device=x.device)

    def heads(letter: str, source: Tensor) -> Tensor:
        """[reader, batch, place, head, d_head], made by each reader, or by the place itself."""
        made = project(source, block[f"attn.W_{letter}"], block.get(f"attn.b_{letter}"))
        made = made if letter == "V" else sized(model, made, layer)
        if letter == "Q" or reader == "hidden":
            return made
        return made[here, :, here].transpose(0, 1).expand_as(made)

    q = heads("Q", states)[here, :, here]
    scores = torch.einsum("rbhk,rbphk->rbhp", q, heads("K", states))
    hidden = future[:, None, None]
    if model.mixer(layer) == "softmax":
        pattern = torch.softmax((scores / q.shape[-1] ** 0.5).masked_fill(hidden, -torch.inf), -1)
    else:
        pattern = scores.masked_fill(hidden, 0.0)
    z = torch.einsum("rbhp,rbphk->rbhk", pattern, heads("V", everyone))
    return collect(z[:, :, None], block["attn.W_O"], block.get("attn.b_O"))
