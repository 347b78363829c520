"""Simple agreement: whether verbs agree with their subjects, or with the noun before them."""

from functools import lru_cache

import torch
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.tasks import SimpleAgreement
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View


@lru_cache(maxsize=32)
def _labels(task: SimpleAgreement, split: str, seed: int) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in task.labels(split, seed).items()}


@measure("structural_grokking.agreement")
def agreement(view: View) -> Columns:
    """Verbs of sentences of the training types (`val_`) and of held-out ones (`gen_`), the words before them given.

    `..._main_verb`: the form that agrees with the subject is preferred to the other one (0.5 by chance).
    `..._all_verbs`: so it is at every verb of the sentence, which agreeing with the first noun does not achieve.
    `gen_recent_noun`: the main verb agrees with the noun before it instead.
    """
    task = view.population.task
    if not isinstance(task, SimpleAgreement):
        raise LatebloomError(f"structural_grokking.agreement measures simple_agreement; the task is {task.kind!r}.")
    columns: Columns = {}
    for split in ("val", "gen"):
        logits, found = view.logits(split), []
        for member, own in zip(view.population.members, logits, strict=True):
            assert isinstance(member.task, SimpleAgreement)
            known = _labels(member.task, split, member.seed)
            found.append(agrees(own[:, : known["verb"].shape[1]], known))
        columns[f"{split}_main_verb"], columns[f"{split}_all_verbs"] = torch.tensor(found, dtype=torch.float64).T
    return columns | {"gen_recent_noun": 1 - columns["gen_main_verb"]}


def agrees(logits: Tensor, known: dict[str, Tensor]) -> tuple[float, float]:
    """Shares of sentences whose main verb, and whose every verb, is right, from logits [row, pos, vocab]."""
    places = logits.shape[1]
    right, wrong = (logits.gather(-1, known[name][:, :places, None])[..., 0] for name in ("right", "wrong"))
    good = right > wrong
    main = good.gather(1, known["main_query"][:, None])
    every = good | ~known["verb"][:, :places]
    return float(main.double().mean()), float(every.all(1).double().mean())
