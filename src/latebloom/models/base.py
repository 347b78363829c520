"""What a model is here: settings, a table of parameter shapes, an initial value for each member, a forward pass.

Every parameter carries a leading `member` axis; a population of one and of five hundred runs the same code.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latebloom.data import Batch, Place, Signature
from latebloom.errors import LatebloomError
from latebloom.models.losses import Loss
from latebloom.randomness import stream
from latebloom.registry import Registry
from latebloom.spec import Spec, vary

MODELS: Registry[type["Model"]] = Registry("model")

Parameters = dict[str, Tensor]  # name -> [member, ...]
Tap = Callable[[str, Tensor], Tensor]  # called at each hook point with its name; what it returns is used


def untapped(name: str, value: Tensor) -> Tensor:
    """The tap that leaves every activation alone."""
    return value


class Thinning(ABC):
    """A tap that leaves some activations out and multiplies the others by `scale`.

    Layers may ask what is left out and do it along with something else.
    """

    scale: float

    @abstractmethod
    def kept(self, name: str, shape: Sequence[int], like: Tensor) -> Tensor | None:
        """1 where an activation of this hook point stays and 0 elsewhere, typed as `like`; None: all stay."""

    def __call__(self, name: str, value: Tensor) -> Tensor:
        """The activations that are used."""
        kept = self.kept(name, value.shape, value)
        return value if kept is None else value * kept.mul_(self.scale)


@dataclass(frozen=True)
class Shape:
    """One parameter of one member: its dimensions, and whether training may change it."""

    dims: tuple[int, ...]
    trained: bool = True


class Model(Spec):
    """A network. Subclasses are frozen settings with behaviour; one family a file."""

    kind: str
    version: ClassVar[int] = 1  # goes into every run's hash; raise it when the same settings give other numbers
    block: ClassVar[int | None] = None  # members whose rows are worked on together when `by_hand`; None: all
    init_scale: float = vary(1.0, gt=0, description="factor on every trained initial weight")
    init_seed: int | None = vary(None, description="which initial weights; None: the member's own seed")
    jitter: float = vary(0.0, ge=0, description="added to the first weight of the first table: a sensitivity probe")

    dropout_at: ClassVar[tuple[str, ...]] = ()  # endings of the names of hook points that dropout thins out

    @property
    def dropout_rate(self) -> float:
        """The share of activations that training leaves out at `dropout_at`."""
        return 0.0

    @abstractmethod
    def shapes(self, signature: Signature) -> dict[str, Shape]:
        """Every parameter of one member by name."""

    @abstractmethod
    def initial(self, name: str, shape: tuple[int, ...], noise: np.random.Generator) -> np.ndarray:
        """One member's initial value of one parameter, float64."""

    @abstractmethod
    def forward(self, params: Parameters, inputs: Tensor, tap: Tap = untapped) -> Float[Tensor, "member batch out"]:
        """Outputs for rows [member, batch, n_inputs]; one member's parameters serve any number of members' rows, and
        one member's rows any number of members.
        """

    def loss(
        self, params: Parameters, batch: Batch, loss: Loss, logit_scale: Tensor, tap: Tap = untapped
    ) -> Float[Tensor, " member"]:
        """Mean loss of each member on its own rows."""
        logits = self.forward(params, batch.inputs, tap)
        return batch.mean(loss.rows(logits * logit_scale.view(-1, *[1] * (logits.ndim - 1)), batch.targets))

    def reach(self, signature: Signature) -> None:
        """Raises `LatebloomError` if what the first weights are made of cannot be had, or does not fit the task."""

    @property
    def read_from(self) -> str | None:
        """Where its first weights are read; None: they are drawn."""
        return None

    @property
    def taught(self) -> bool:
        """Whether it reads another network, which it must be given to begin from: as drawn it says nothing."""
        return False

    def begin(self, given: Parameters) -> Parameters:
        """The parameters to begin from when a network is given: its own, and what a family adds to them."""
        return given

    def by_hand(self, signature: Signature, loss: Loss) -> bool:
        """Whether `gradient` records no graph for this task and loss."""
        return False

    def gradient(
        self,
        params: Parameters,
        trained: Sequence[str],
        batch: Batch,
        loss: Loss,
        logit_scale: Tensor,
        tap: Tap = untapped,
    ) -> tuple[Float[Tensor, " member"], Parameters]:
        """Mean loss of each member, and its gradient by each trained parameter, laid out as the parameter is.

        Call it under `torch.no_grad()`. A family may give a faster way to the same numbers.
        """
        weights = {name: params[name].detach().requires_grad_(True) for name in trained}
        with torch.enable_grad():
            losses = self.loss(params | weights, batch, loss, logit_scale, tap)
            grads = torch.autograd.grad(losses.sum(), list(weights.values()))
        # The fused optimiser kernels walk through memory.
        return losses.detach(), {name: grad.contiguous() for name, grad in zip(weights, grads, strict=True)}

    def flops(self, signature: Signature, rows: int) -> float:
        """Multiply-adds times two of one forward pass of one member over `rows` rows."""
        return 2.0 * rows * sum(float(np.prod(shape.dims)) for shape in self.shapes(signature).values())

    def activation_bytes(self, signature: Signature, rows: int, itemsize: int) -> float:
        """Largest working set of one training step of one member, without parameters, optimiser state and rows."""
        return float(itemsize) * rows * 4 * (signature.n_inputs + signature.n_outputs)

    def derived_bytes(self, signature: Signature, rows: int) -> float:
        """What is derived once from one member's rows, at its largest."""
        return 0.0


def initial_parameters(
    model: Model,
    members: Sequence[Model],
    signature: Signature,
    seeds: Sequence[int],
    place: Place,
    but: Collection[str] = (),
) -> Parameters:
    """Initial weights of a population: a member's depend on its own seed and settings, not on who else is there.

    Tables named in `but` have their shapes and no values.
    """
    params: Parameters = {}
    for position, (name, shape) in enumerate(model.shapes(signature).items()):
        # Filled member by member: numpy's numbers are twice as wide, and freed, the process would keep their memory.
        params[name] = torch.empty((len(members), *shape.dims), dtype=place.dtype, device=place.device)
        if name in but:
            continue
        for own, member, seed in zip(params[name], members, seeds, strict=True):
            noise = stream(seed if member.init_seed is None else member.init_seed, "init", name)
            value = member.initial(name, shape.dims, noise) * (member.init_scale if shape.trained else 1.0)
            if position == 0:
                value = value.copy()
                value.flat[0] += member.jitter
            own.copy_(torch.as_tensor(value))
    return params


def run_with_cache(model: Model, params: Parameters, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Outputs and every hooked activation by its TransformerLens name."""
    cache: dict[str, Tensor] = {}

    def keep(name: str, value: Tensor) -> Tensor:
        cache[name] = value
        return value

    return model.forward(params, inputs, keep), cache


def activate(name: str, x: Tensor) -> Tensor:
    """A hidden activation by name: relu, square, cube, gelu, gelu_new, tanh, identity."""
    match name:
        case "relu":
            return torch.relu(x)
        case "square":
            return x * x
        case "cube":
            return x * x * x
        case "gelu":
            return torch.nn.functional.gelu(x)
        case "gelu_new":  # GPT-2's approximation by a hyperbolic tangent
            return torch.nn.functional.gelu(x, approximate="tanh")
        case "tanh":
            return torch.tanh(x)
        case "identity":
            return x
    raise LatebloomError(f"Unknown activation {name!r}. Known: relu, square, cube, gelu, gelu_new, tanh, identity.")


def truncated_normal(noise: np.random.Generator, shape: tuple[int, ...], std: float) -> np.ndarray:
    """Normal draws cut at two standard deviations; `std` is that of the uncut normal (the cut one's is 0.88 std)."""
    draws = noise.standard_normal(shape)
    while (outside := np.abs(draws) > 2).any():
        draws[outside] = noise.standard_normal(int(outside.sum()))
    return np.asarray(draws * std)
