"""Measurements on the sine-sum task: Huber's loss apart by coin, and what each layer holds of the numbers before."""

import torch
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.huber import huber_by_coin
from latebloom.instruments.lags import lag_probe, lagged
from latebloom.models import Decoder, run_with_cache
from latebloom.tasks import SineSum, Task
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

PROBED = 512  # sequences of each member whose states are probed, half of them held out


@measure("future_tokens.huber")
def huber(view: View) -> Columns:
    """Huber's loss on the test split.

    `normalised` over all places, divided by p (the published number); `sums` where the coin asks for the sum, `copies`
    where it asks for the number itself; `sums_by_place` [pos].
    """
    tasks = [sine_task_of(member.task, "future_tokens.huber") for member in view.population.members]
    batch = view.splits["test"]
    p = torch.tensor([task.p for task in tasks]).to(batch.inputs)
    found = huber_by_coin(view.logits("test")[..., 0], batch.targets[..., 0], batch.inputs[..., 1], p)
    return {
        "normalised": found.normalised,
        "sums": found.sums,
        "copies": found.copies,
        "sums_by_place": found.sums_by_place,
    }


@measure("future_tokens.lags")
def lags(view: View) -> Columns:
    """Held-out R^2 of linear probes for sin(b x_{n-i}), by layer: `lag_r2_<layer>` [lag], lags 0 to twice the window.

    Layer 0 is the embedding, layer l what block l leaves. `sum_r2_<layer>`: the same for the sum over the window. Lags
    longer than the sequence allows are left out; places whose lags reach before the start do not count.
    """
    tasks = [sine_task_of(member.task, "future_tokens.lags") for member in view.population.members]
    most, first = probed(tasks[0])
    batch = view.splits["test"]
    inputs = batch.inputs[:, :PROBED]
    b = torch.tensor([task.b for task in tasks]).to(inputs)[:, None, None]
    features = lagged(torch.sin(b * inputs[..., 0]), most)
    total = features[..., 1 : tasks[0].window + 1].sum(-1, keepdim=True)
    columns = {}
    for layer, states in enumerate(residual_streams(view, inputs)):
        r2 = lag_probe(states, torch.cat([features, total], -1), first=first).r2
        columns[f"lag_r2_{layer}"], columns[f"sum_r2_{layer}"] = r2[..., :-1], r2[..., -1]
    return columns


def probed(task: SineSum) -> tuple[int, int]:
    """The longest lag that is probed, and the first place that counts."""
    most = min(2 * task.window, 2 * task.places // 3)
    return most, most


def residual_streams(view: View, inputs: Tensor) -> list[Tensor]:
    """The residual stream before the first block and after each, [member, batch, pos, d_model]."""
    model = view.population.model
    if not isinstance(model, Decoder):
        raise LatebloomError(f"Layers are read of decoders; this network is {model.kind!r}.")
    _, cache = run_with_cache(model, view.params, inputs)
    after = [cache[f"blocks.{layer}.hook_resid_post"] for layer in range(model.n_layers)]
    return [cache["blocks.0.hook_resid_pre"], *after]


def sine_task_of(task: Task, name: str) -> SineSum:
    """A member's task as what it must be for the measure `name`."""
    if not isinstance(task, SineSum):
        raise LatebloomError(f"{name} needs the task sine_sum, not {task.kind!r}.")
    return task
