"""Measurement of cause: push the state after block 1 along a probe's direction, and see how far the last sum moves."""

import torch
from torch import Tensor

from latebloom.instruments.causal_push import causal_slopes
from latebloom.instruments.lags import lag_probe, lagged
from latebloom.models import Decoder
from latebloom.models.base import Tap
from latebloom.randomness import stream
from latebloom.studies.future_tokens.measures.sine import PROBED, probed, residual_streams, sine_task_of
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

PUSHED = 128  # sequences of each member
HOOK = "blocks.0.hook_resid_post"


@measure("future_tokens.push")
def push(view: View) -> Columns:
    """Slope of the last place's output, asked for the sum, in a push i places before: lists over i = 0, 1, ...

    `push_0` and `push_1` along the directions in which a probe reads sin(b x_n) and sin(b x_{n-1}) after block 1, by as
    much as moves the probe's reading by 1; `push_random` along a random direction of the length of the first. A network
    that adds up what stands along a direction has slope 1 for the terms of its sum and 0 beyond. One-block networks
    get no columns: nothing reads their states later.
    """
    members, model = view.population.members, view.population.model
    tasks = [sine_task_of(member.task, "future_tokens.push") for member in members]
    if not isinstance(model, Decoder) or model.n_layers < 2:
        return {}
    most, first = probed(tasks[0])
    inputs = view.splits["test"].inputs[:, :PROBED]
    states = residual_streams(view, inputs)[1]
    found: dict[str, list[Tensor]] = {"push_0": [], "push_1": [], "push_random": []}
    for member, task in enumerate(tasks):
        features = lagged(torch.sin(task.b * inputs[member, ..., 0]), 1)
        weight = lag_probe(states[member], features, first=first).weight.to(states)
        noise = torch.tensor(stream(members[member].seed, "push").standard_normal(weight.shape[0])).to(weight)
        noise = noise * weight[:, 0].norm() / noise.norm()
        own = {name: value[member : member + 1] for name, value in view.params.items()}
        asked = inputs[member : member + 1, :PUSHED].clone()
        asked[:, :, -1, 1] = 1.0

        def run(added: Tensor, own: dict[str, Tensor] = own, asked: Tensor = asked) -> Tensor:
            return model.forward(own, asked, _adding(added))[0, ..., 0]

        for name, direction in (("push_0", weight[:, 0]), ("push_1", weight[:, 1]), ("push_random", noise)):
            found[name].append(causal_slopes(run, direction, task.places, task.places - 1, range(most + 1)))
    return {name: torch.stack(slopes) for name, slopes in found.items()}


def _adding(added: Tensor) -> Tap:
    def tap(name: str, value: Tensor) -> Tensor:
        return value + added if name == HOOK else value

    return tap
