"""Dyck strings: which bracket closes the one that is open."""

from functools import lru_cache

import torch
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.instruments.generation import choice_among
from latebloom.tasks import Dyck
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

FAR = 10  # tokens between a bracket and the one that closes it


@lru_cache(maxsize=16)
def _labels(task: Dyck, split: str) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in task.labels(split, 0).items()}


@measure("structural_grokking.brackets")
def brackets(view: View) -> Columns:
    """Share of closing brackets preferred to the nineteen others, on known structures (`val_`) and held-out ones.

    `..._closing`: at least ten tokens behind the bracket that is closed, as in the paper (NaN where there is none);
    `..._closing_any`: all of them, as in the released code.
    """
    task = view.population.task
    if not isinstance(task, Dyck) or task.corpus_seed is None:
        raise LatebloomError(
            f"structural_grokking.brackets measures dyck with one task.corpus_seed for all; the task is {task.kind!r}, "
            f"its corpus_seed {getattr(task, 'corpus_seed', None)!r}."
        )
    columns = {}
    for split in ("val", "gen"):
        known, batch = _labels(task, split), view.splits[split]
        width = min(known["closes"].shape[1], batch.targets.shape[2])
        logits = view.logits(split)[:, :, :width]
        right = choice_among(logits, known["candidates"]) == batch.targets[:, :, :width]
        closes, distance = known["closes"][:, :width], known["distance"][:, :width]
        columns[f"{split}_closing"] = right[:, closes & (distance >= FAR)].double().mean(-1)
        columns[f"{split}_closing_any"] = right[:, closes].double().mean(-1)
    return columns
