"""A layer of gated recurrent units over whole sequences, with a backward pass of its own.

Autograd would add a place's share to the gradient of the recurrent weights at every place, which costs more than all
else where batches are small. Here the way back through time only finds what the gates owe; one product over all places
then gives the weights their gradient.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.models.once import once

FINAL = once("a recurrent layer", "leave create_graph out")


def gated_layer(
    given: Float[Tensor, "member batch pos gates"],
    w_h: Float[Tensor, "member d_model gates"],
    b_h: Float[Tensor, "member gates"],
) -> Float[Tensor, "member batch pos d_model"]:
    """States of a layer that begins with zeros, from what its inputs give to the gates.

    `gates` are 3 d_model numbers: reset, update and new side by side. The reset gate acts after the recurrent product,
    as in `torch.nn.GRU`: h' = n + z (h - n), n = tanh(given_n + r (h W_n + b_n)).
    """
    by_place = given.permute(2, 0, 1, 3).contiguous()
    states: Tensor = _Gated.apply(by_place, w_h, b_h)  # type: ignore[no-untyped-call]
    return states.permute(1, 2, 0, 3)


class _Gated(torch.autograd.Function):
    """[pos, member, batch, gates] -> states [pos, member, batch, d_model]."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, w_h: Tensor, b_h: Tensor) -> Tensor:
        places, d = given.shape[0], w_h.shape[1]
        gates, new = given[..., : 2 * d].clone(), given[..., 2 * d :].clone()
        recurrent = given.new_empty(given.shape)
        states = given.new_zeros(places + 1, *new.shape[1:])
        bias = b_h[:, None]
        for place in range(places):
            torch.baddbmm(bias, states[place], w_h, out=recurrent[place])
            reset_h, new_h = recurrent[place].split([2 * d, d], -1)
            reset, update = gates[place].add_(reset_h).sigmoid_().chunk(2, -1)
            new[place].addcmul_(reset, new_h).tanh_()
            torch.lerp(new[place], states[place], update, out=states[place + 1])
        ctx.save_for_backward(gates, new, recurrent[..., 2 * d :], states, w_h)
        return states[1:]

    @staticmethod
    @FINAL
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, new, new_h, states, w_h = ctx.saved_tensors
        reset, update = gates.chunk(2, -1)
        # How much each gate's input changes per unit of the next state, at all places at once.
        by_new = (1 - update) * (1 - new * new)
        by_reset = new_h * reset * (1 - reset)
        by_update = (states[:-1] - new) * update * (1 - update)
        d = new.shape[-1]
        owed = new.new_empty(*new.shape[:-1], 3 * d)  # by the recurrent product
        owed_new = torch.empty_like(new)  # by the inputs' part of `new`
        carried = new.new_zeros(new.shape[1:])
        back = w_h.mT
        for place in reversed(range(len(new))):
            carried += g[place]
            owed_reset, owed_update, owed_h = owed[place].chunk(3, -1)
            torch.mul(carried, by_new[place], out=owed_new[place])
            torch.mul(owed_new[place], by_reset[place], out=owed_reset)
            torch.mul(carried, by_update[place], out=owed_update)
            torch.mul(owed_new[place], reset[place], out=owed_h)
            carried = torch.baddbmm(carried.mul_(update[place]), owed[place], back)
        before, debts = (value.transpose(0, 1).flatten(1, 2) for value in (states[:-1], owed))
        d_w, d_b = torch.bmm(before.mT, debts), debts.sum(1)
        owed[..., 2 * d :] = owed_new
        return owed, d_w, d_b
