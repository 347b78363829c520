"""Gradients written by hand are differentiated once: who differentiates them again is told, by whatever way it happens.

`torch.autograd.function.once_differentiable` refuses only where the second walk comes to its node. It ties the
gradients to nothing, so a gradient penalty that reaches the same parameters by another way silently lacks this share.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from latebloom.errors import LatebloomError

Backward = Callable[..., tuple[Any, ...]]


def once(what: str, instead: str) -> Callable[[Backward], Backward]:
    """For the `backward` of an operation: its gradients are final, and differentiating them raises `LatebloomError`.

    `what` the gradient is of, and what to do `instead`, make the message.
    """
    message = f"The gradient of {what} cannot be differentiated again: {instead}."

    def decorate(backward: Backward) -> Backward:
        @wraps(backward)
        def final(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
            with torch.no_grad():
                found = backward(ctx, *grads)
            if not torch.is_grad_enabled():  # it is with create_graph=True
                return found
            there = [tensor for tensor in found if tensor is not None]
            asked = [tensor for tensor in (*ctx.saved_tensors, *grads) if tensor is not None]
            tied = iter(_Final.apply(message, len(there), *there, *asked))  # type: ignore[no-untyped-call]
            return tuple(None if tensor is None else next(tied) for tensor in found)

        return final

    return decorate


class _Final(torch.autograd.Function):
    """The first `count` tensors as they are, tied to all that they depend on, with a backward pass that refuses."""

    @staticmethod
    def forward(message: str, count: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor.clone() for tensor in tensors[:count])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.message = inputs[0]

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Any, ...]:
        raise LatebloomError(ctx.message)
