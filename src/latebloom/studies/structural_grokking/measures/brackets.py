"""Dyck strings: which bracket closes the one that is open."""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.generation import choice_among
from latebloom.tasks import Dyck
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

FAR = 10  # tokens between a bracket and the one that closes it


@lru_cache(maxsize=16)
def _labels(task: Dyck, split: str, seed: int) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in task.labels(split, seed).items()}


@measure("structural_grokking.brackets", version=2)  # 2: members of one population may have splits of their own
def brackets(view: View) -> Columns:
    """Share of closing brackets preferred to the nineteen others, on known structures (`val_`) and held-out ones.

    `..._closing`: at least ten tokens behind the bracket that is closed, as in the paper (NaN where there is none);
    `..._closing_any`: all of them, as in the released code.
    """
    task = view.population.task
    if not isinstance(task, Dyck):
        raise LatebloomError(f"structural_grokking.brackets measures dyck; the task is {task.kind!r}.")
    columns: Columns = {}
    for split in ("val", "gen"):
        logits, targets, found = view.logits(split), view.splits[split].targets, []
        for member, own, right in zip(view.population.members, logits, targets, strict=True):
            assert isinstance(member.task, Dyck)
            found.append(closed(own, right, _labels(member.task, split, member.seed)))
        columns[f"{split}_closing"], columns[f"{split}_closing_any"] = torch.tensor(found, dtype=torch.float64).T
    return columns


def closed(
    logits: Float[Tensor, "row pos vocab"], targets: Int[Tensor, "row pos"], known: dict[str, Tensor]
) -> tuple[float, float]:
    """Shares of closing brackets that are right: those far from their opening ones, and all."""
    width = min(known["closes"].shape[1], targets.shape[1])
    right = choice_among(logits[:, :width], known["candidates"]) == targets[:, :width]
    closes, distance = known["closes"][:, :width], known["distance"][:, :width]
    far, every = (right[counted].double().mean() for counted in (closes & (distance >= FAR), closes))
    return float(far), float(every)
