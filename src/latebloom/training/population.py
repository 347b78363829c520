"""A population: members of one shape as one program.

Parameters, optimiser state and hyperparameters are tensors [member, ...].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models import LOSSES, Parameters, initial_parameters
from latebloom.spec import digest, identity
from latebloom.training.clipping import clip
from latebloom.training.device import place
from latebloom.training.dropout import Dropout
from latebloom.training.experiment import Experiment
from latebloom.training.members import shape_key
from latebloom.training.optimisers import OPTIMISERS
from latebloom.training.rate import rate_factor

HYPER = ("lr", "lr_rest", "weight_decay", "beta1", "beta2", "eps", "momentum", "amplify", "smooth", "logit_scale")


@dataclass
class Population:
    """Members that train together; `active` is false for one that has diverged or has met its stopping rule."""

    members: list[Experiment]
    params: Parameters
    state: dict[str, Tensor]
    hyper: dict[str, Tensor]
    active: Bool[Tensor, " member"]
    ended_at: list[int | None]  # the step at which a member diverged or was done
    diverged: list[bool]
    streak: list[int]  # consecutive logs at which the stopping rule held

    def __post_init__(self) -> None:
        first = self.members[0]
        self.model, self.task, self.training = first.model, first.task, first.training
        self.loss = LOSSES[self.training.loss]
        self.optimiser = OPTIMISERS[self.training.optimiser]
        self.place = place(first.device, self.training.precision)
        seeds = [member.seed for member in self.members]
        self.data = self.task.data([member.task for member in self.members], seeds, self.place)
        shapes = self.model.shapes(self.task.signature)
        self.trained = [name for name, shape in shapes.items() if shape.trained]
        self.by_hand = self.model.by_hand(self.task.signature, self.loss)
        self.clamp = self._limit([member.training.clamp_norm for member in self.members])
        self.clip = self._limit([member.training.clip for member in self.members])
        self.dropout = Dropout(self.model.dropout_rate, self.model.dropout_at, seeds)

    def _limit(self, values: Sequence[float | None]) -> Float[Tensor, " member"] | None:
        """A setting that all members have or none has."""
        if values[0] is None:
            return None
        return torch.tensor(values, dtype=self.place.dtype, device=self.place.device)

    @classmethod
    def start(cls, members: Sequence[Experiment], initial: Parameters | None = None) -> "Population":
        """A population at step 0, from its seeds, or from given weights [member, ...]."""
        if len({shape_key(member) for member in members}) != 1:
            raise LatebloomError(
                "Members of different shapes cannot train as one population: sort them with `populations`."
            )
        first = members[0]
        spot = place(first.device, first.training.precision)
        signature = first.task.signature
        models, seeds = [m.model for m in members], [m.seed for m in members]
        given = {} if initial is None else first.model.begin(initial)
        params = initial_parameters(first.model, models, signature, seeds, spot, but=given)
        if initial is not None:
            params = _take(params, given, first.start is not None and first.start.grow)
        hyper = {
            name: torch.tensor([getattr(m.training, name) for m in members], dtype=spot.dtype, device=spot.device)
            for name in HYPER
        }
        trained = {k: params[k] for k, shape in first.model.shapes(signature).items() if shape.trained}
        count = len(members)
        return cls(
            members=list(members),
            params=params,
            state=OPTIMISERS[first.training.optimiser].init(trained, first.training.window),
            hyper=hyper,
            active=torch.ones(count, dtype=torch.bool),
            ended_at=[None] * count,
            diverged=[False] * count,
            streak=[0] * count,
        )

    def advance(self, step: int) -> Float[Tensor, " member"]:
        """One update of every active member, from `step` to `step + 1`; returns the loss before it."""
        # Where no graph is recorded, inference mode also spares the bookkeeping of views, which small members feel.
        with torch.inference_mode() if self.by_hand else torch.no_grad():
            return self._advance(step)

    def _advance(self, step: int) -> Float[Tensor, " member"]:
        losses, grads = self.gradient(step)
        finite = torch.isfinite(losses).cpu()
        if not bool(finite[self.active].all()):
            self.end(~finite & self.active, step, diverged=True)
        weights = {name: self.params[name] for name in self.trained}
        still = None if bool(self.active.all()) else (~self.active).nonzero()[:, 0]
        held = None if still is None else {name: value[still].clone() for name, value in weights.items()}
        if self.clip is not None:
            clip(grads, self.clip, self.training.clip_by)
        self.optimiser.update(weights, grads, self.state, self._rated(step), step + 1)
        if self.clamp is not None:
            clamp_norm(weights, self.clamp)
        if held is not None:
            for name, value in held.items():
                weights[name][still] = value
        return losses

    def check(self, step: int) -> None:
        """Ends members whose loss is not finite: after the last update no further one would notice."""
        with torch.no_grad():
            batch, scale = self.data.batch(step), self.hyper["logit_scale"]
            losses = self.model.loss(self.params, batch, self.loss, scale, self.dropout.tap(step))
        self.end(~torch.isfinite(losses).cpu() & self.active, step, diverged=True)

    def gradient(self, step: int) -> tuple[Float[Tensor, " member"], Parameters]:
        """Loss of each member on the batch of `step`, and its gradient by every trained parameter."""
        batch, scale = self.data.batch(step), self.hyper["logit_scale"]
        return self.model.gradient(self.params, self.trained, batch, self.loss, scale, self.dropout.tap(step))

    def end(self, which: Bool[Tensor, " member"], step: int, diverged: bool) -> None:
        """Freezes members where they are; the others do not notice."""
        for member in which.nonzero()[:, 0].tolist():
            self.ended_at[member], self.diverged[member] = step, diverged
        self.active = self.active & ~which

    def _rated(self, step: int) -> dict[str, Tensor]:
        """Hyperparameters with the learning rates of this step."""
        recipe = self.training
        until = recipe.steps if recipe.decay_steps is None else recipe.decay_steps
        factor = rate_factor(step, recipe.warmup, recipe.decay, until, recipe.decay_to)
        if factor == 1.0:
            return self.hyper
        return self.hyper | {name: self.hyper[name] * factor for name in ("lr", "lr_rest")}

    # What a checkpoint needs beside the specification.

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and optimiser state, by name."""
        own = {f"params/{name}": value.detach() for name, value in self.params.items()}
        return own | {f"state/{name}": value for name, value in self.state.items()}

    def progress(self) -> dict[str, Any]:
        """Which members have ended, when and why."""
        return {"ended_at": self.ended_at, "diverged": self.diverged, "streak": self.streak}

    def restore(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        """Goes back to a checkpoint, bit for bit."""
        device = self.place.device
        self.params = {k: tensors[f"params/{k}"].to(device) for k in self.params}
        self.state = {k: tensors[f"state/{k}"].to(device) for k in self.state}
        self.ended_at, self.diverged, self.streak = progress["ended_at"], progress["diverged"], progress["streak"]
        self.active = torch.tensor([step is None for step in self.ended_at])


def check_start(member: Experiment, source: Experiment) -> None:
    """Raises `LatebloomError` where a network cannot begin from another's weights; looks at their shapes alone."""
    own, given = (
        {
            name: torch.empty(1, *shape.dims, device="meta")
            for name, shape in each.model.shapes(each.task.signature).items()
        }
        for each in (member, source)
    )
    try:
        _take(own, member.model.begin(given), member.start is not None and member.start.grow)
    except LatebloomError as error:
        raise LatebloomError(
            f"{error} {member.name} begins from {source.name}: what you change of the one, change of the other, "
            "e.g. 'start.overrides=[\"model.d_model=32\"]'."
        ) from None


def clamp_norm(params: Parameters, norm: Float[Tensor, " member"]) -> None:
    """Rescales all weights of each member to one L2 norm, in place (Liu et al. 2023, "Omnigrok")."""
    square = torch.stack([value.flatten(1).square().sum(1) for value in params.values()]).sum(0)
    factor = norm / square.sqrt()
    for value in params.values():
        value.mul_(factor.view(-1, *[1] * (value.ndim - 1)))


def unit_hash(members: Sequence[Experiment], measures: dict[str, int]) -> str:
    """The identity of a work unit: every member's specification and the version of every named part."""
    first = members[0]
    versions = {
        "task": type(first.task).version,
        "model": type(first.model).version,
        "loss": LOSSES[first.training.loss].version,
        "optimiser": OPTIMISERS[first.training.optimiser].version,
        "measures": measures,
    }
    return digest([[identity(member) for member in members], versions])


def _take(drawn: Parameters, given: Parameters, grow: bool = False) -> Parameters:
    """Given weights in place of drawn ones; a name or shape that does not fit, or has no place here, is refused.

    Where a network may `grow`, what is not given stays as drawn.
    """
    if lost := sorted(given.keys() - drawn.keys()):
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise LatebloomError(
            f"start: this network has no place for {', '.join(lost[:3])}{more}: it must be at least as large."
        )
    for name, value in drawn.items():
        if grow and name not in given:
            continue
        if name not in given or given[name].shape != value.shape:
            seen = tuple(given[name].shape) if name in given else "nothing"
            raise LatebloomError(
                f"start: the parameter {name} needs shape {tuple(value.shape)}, the given weights have {seen}."
            )
    return {name: given[name].to(value).clone() if name in given else value for name, value in drawn.items()}
