"""Gradient descent with coupled L2 decay and heavy-ball momentum."""

from dataclasses import dataclass

from latebloom.training.optimisers.base import OPTIMISERS, Hyper, Optimiser, Params, State, wide, zeros


@dataclass(frozen=True)
class SGD:
    """v <- momentum v + g + wd w;  w <- w - lr v."""

    version: int = 1

    def init(self, params: Params, window: int) -> State:
        """One velocity for every parameter."""
        return zeros(params, "velocity")

    def update(self, params: Params, grads: Params, state: State, hyper: Hyper, step: int) -> None:
        """One step in place."""
        for name, grad in grads.items():
            weight, velocity = params[name], state[f"velocity/{name}"]
            velocity.mul_(wide(hyper["momentum"], weight)).add_(grad).addcmul_(
                weight, wide(hyper["weight_decay"], weight)
            )
            weight.addcmul_(velocity, wide(hyper["lr"], weight), value=-1)


OPTIMISERS.register("sgd")(Optimiser(SGD(), about="Gradient descent with momentum; weight decay is an L2 term."))
