"""Orthogonal gradient (Prieto et al. 2025): only the part of the gradient that does not rescale the weights."""

from dataclasses import dataclass

import torch

from latebloom.training.optimisers.adam import Adam
from latebloom.training.optimisers.base import OPTIMISERS, Hyper, Optimiser, Params, State
from latebloom.training.optimisers.sgd import SGD


@dataclass(frozen=True)
class OrthoGrad:
    """g <- g - <w, g> / (<w, w> + 1e-30) w, then back to the length g had; each member and parameter by itself.

    The 1e-30 (here and under the new length) is in the authors' code. A parameter of one number has no orthogonal
    direction: what rounding leaves of it is rescaled, as in that code.
    """

    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """Nothing is remembered."""
        return {}

    def apply(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> Params:
        """The projected and rescaled gradients."""
        out = {}
        for name, grad in grads.items():
            w, g = params[name].flatten(1), grad.flatten(1)
            along = (w * g).sum(1, keepdim=True) / (w.square().sum(1, keepdim=True) + 1e-30)
            across = torch.addcmul(g, along, w, value=-1)
            length = g.norm(dim=1, keepdim=True) / (across.norm(dim=1, keepdim=True) + 1e-30)
            out[name] = (across * length).view_as(grad)
        return out


OPTIMISERS.register("orthograd_adamw")(
    Optimiser(Adam("decoupled"), OrthoGrad(), "AdamW on gradients made orthogonal to the weights.")
)
OPTIMISERS.register("orthograd_sgd")(Optimiser(SGD(), OrthoGrad(), "SGD on gradients made orthogonal to the weights."))
