"""Adam and its relatives: decoupled decay (AdamW), coupled L2, L1 added to the gradient as the sign of the weight."""

from dataclasses import dataclass
from typing import Literal

import torch

from latebloom.training.optimisers.base import OPTIMISERS, Hyper, Optimiser, Params, State, equal_runs, wide, zeros

NAMES = ("lr", "weight_decay", "beta1", "beta2", "eps")


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015) with one kind of weight decay.

    `decoupled`: w shrinks by lr * wd (Loshchilov & Hutter 2019, alg. 2). `l2`: wd * w joins the gradient.
    `l1`: wd * sign(w) joins the gradient, as the explorable's parity model does.
    Members with equal hyperparameters stand next to each other and go through PyTorch's fused kernel together.
    """

    decay: Literal["decoupled", "l2", "l1"]
    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """First and second moment of every parameter."""
        return zeros(params, "m", "v")

    def update(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> None:
        """One step in place."""
        if self.decay == "l1":
            grads = {k: g + wide(hyper["weight_decay"], g) * params[k].sign() for k, g in grads.items()}
        kernel = torch._fused_adamw_ if self.decay == "decoupled" else torch._fused_adam_
        # The kernel divides by 1 - beta^count; it takes the count as a tensor for each parameter.
        counts = [torch.tensor(float(step), device=g.device) for g in grads.values()]
        for first, end, values in equal_runs(hyper, NAMES):
            kernel(
                [params[k][first:end] for k in grads],
                [grads[k][first:end] for k in grads],
                [state[f"m/{k}"][first:end] for k in grads],
                [state[f"v/{k}"][first:end] for k in grads],
                [],
                counts,
                lr=values["lr"],
                beta1=values["beta1"],
                beta2=values["beta2"],
                weight_decay=0.0 if self.decay == "l1" else values["weight_decay"],
                eps=values["eps"],
                amsgrad=False,
                maximize=False,
            )


OPTIMISERS.register("adamw")(
    Optimiser(Adam("decoupled"), about="Adam with decoupled weight decay (Loshchilov & Hutter 2019).")
)
OPTIMISERS.register("adam")(
    Optimiser(Adam("l2"), about="Adam; weight decay is an L2 term of the gradient (Kingma & Ba 2015).")
)
OPTIMISERS.register("adam_l1")(
    Optimiser(Adam("l1"), about="Adam; weight decay is an L1 term of the gradient (the explorable).")
)
