"""Measurements by place and by answer: where in a sequence a network loses, and whether whole answers are right."""

import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.myopia import mean_by_place, whole_answers
from latebloom.tasks import Majority
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View


@measure("future_tokens.places")
def places(view: View) -> Columns:
    """Mean test loss of each place, `loss_by_place` [pos]; NaN where a place never counts."""
    if not view.population.task.signature.n_ctx:
        raise LatebloomError(f"future_tokens.places needs sequences; {view.population.task.kind!r} has rows.")
    return {"loss_by_place": mean_by_place(view.losses("test"), view.splits["test"].weight)}


@measure("future_tokens.answers")
def answers(view: View) -> Columns:
    """`exact_match`: the share of test rows in which every symbol that counts is the likeliest."""
    batch = view.splits["test"]
    if batch.targets.is_floating_point() or batch.targets.ndim != 3:
        raise LatebloomError(f"future_tokens.answers needs sequences of symbols, not {view.population.task.kind!r}.")
    return {"exact_match": whole_answers(view.logits("test").argmax(-1), batch.targets, batch.weight)}


@measure("future_tokens.excess")
def excess(view: View) -> Columns:
    """Majority: divergence KL(best || network) in nats, mean over the places that say the majority: `excess`."""
    task = view.population.task
    if not isinstance(task, Majority):
        raise LatebloomError(f"future_tokens.excess needs the task majority, not {task.kind!r}.")
    best = task.optimum(view.splits["test"].inputs)[:, :, task.n_seen - 1 :]
    said = torch.log_softmax(view.logits("test"), -1)[:, :, task.n_seen - 1 :]
    return {"excess": (torch.special.xlogy(best, best) - best * said).sum(-1).mean((1, 2)).to(said)}
