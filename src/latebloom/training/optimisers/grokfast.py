"""Grokfast (Lee et al. 2024): add the slow part of the gradient to the gradient, lambda times over.

`amplify` is the paper's lambda, `smooth` its alpha, `window` its w. Adam's decay in the published runs is the coupled
L2 kind, so that is the plain row; the AdamW rows are for the fair comparison.
"""

from dataclasses import dataclass

import torch

from latebloom.training.optimisers.adam import Adam
from latebloom.training.optimisers.base import OPTIMISERS, Hyper, Optimiser, Params, State, wide, zeros


@dataclass(frozen=True)
class GrokfastEMA:
    """mu <- alpha mu + (1 - alpha) g, mu = g at the first step;  g <- g + lambda mu (the authors' code)."""

    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """The average of every parameter's gradient."""
        return zeros(params, "slow")

    def apply(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> Params:
        """Gradient plus its amplified average."""
        out = {}
        for name, grad in grads.items():
            slow = state[f"slow/{name}"]
            if step == 1:
                slow.copy_(grad)
            else:
                slow.lerp_(grad, 1 - wide(hyper["smooth"], grad))
            out[name] = torch.addcmul(grad, slow, wide(hyper["amplify"], grad))
        return out


@dataclass(frozen=True)
class GrokfastMA:
    """g <- g + lambda * mean of the last w gradients, this one included, once w of them are stored.

    The mean costs one addition a step: a running total, summed anew from the ring each time the ring comes round, so
    that rounding never builds up for more than w steps.
    """

    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """The last `window` gradients of every parameter, `ring/<parameter>` [member, window, ...], and their total."""
        rings = {f"ring/{k}": p.new_zeros(p.shape[0], window, *p.shape[1:]) for k, p in params.items()}
        return rings | zeros(params, "total")

    def apply(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> Params:
        """Gradient plus its amplified mean; the gradient alone while the window fills."""
        out = {}
        for name, grad in grads.items():
            ring, total = state[f"ring/{name}"], state[f"total/{name}"]
            window = ring.shape[1]
            slot = (step - 1) % window
            total.add_(grad).sub_(ring[:, slot])
            ring[:, slot] = grad
            if slot == window - 1:
                total.copy_(ring.sum(1))
            amplify = wide(hyper["amplify"], grad) / window
            out[name] = torch.addcmul(grad, total, amplify) if step >= window else grad
        return out


OPTIMISERS.register("grokfast_ema")(
    Optimiser(Adam("l2"), GrokfastEMA(), "Adam; the gradient's running average is amplified.")
)
OPTIMISERS.register("grokfast_ema_adamw")(
    Optimiser(Adam("decoupled"), GrokfastEMA(), "AdamW; the gradient's running average is amplified.")
)
OPTIMISERS.register("grokfast_ma")(
    Optimiser(Adam("l2"), GrokfastMA(), "Adam; the mean of the last gradients is amplified.")
)
OPTIMISERS.register("grokfast_ma_adamw")(
    Optimiser(Adam("decoupled"), GrokfastMA(), "AdamW; the mean of the last gradients is amplified.")
)
