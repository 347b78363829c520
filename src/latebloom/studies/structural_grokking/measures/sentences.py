"""What is written after the task token: whole questions, which auxiliary is moved, where the first wrong word stands."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from latebloom.instruments.decoding import greedy
from latebloom.instruments.generation import full_sentence_accuracy, prepose_delete_table, until
from latebloom.studies.structural_grokking.measures.items import labels, pair_task, sources
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.text import PAD
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

ROWS = 100  # sentences written at each look
PLACES = ("none", "first word", "before the clause's auxiliary", "there", "up to the gap", "at the gap", "behind it")


def write(view: View, known: dict[str, Tensor], task: PairTask) -> Int[Tensor, "member row step"]:
    """What every member writes behind each prefix, its end symbol and what follows as padding."""
    vocabulary, model = task.vocabulary, view.population.model

    def logits(tokens: Tensor) -> Tensor:
        return model.forward(view.params, tokens)

    members = len(view.population.members)
    steps = known["target"].shape[1]
    written = greedy(
        logits, known["prefix"], known["query"] + 1, steps, members, end=vocabulary.end, pad=PAD
    )  # [member, row, step]
    return until(written, vocabulary.end, PAD)


@measure("structural_grokking.sentences")
def sentences(view: View) -> Columns:
    """Questions written word by word, greedily, for a hundred rows of a split.

    `val_sentence`, `gen_sentence`: share that is right to the last word. `gen_prepose_delete` [12]: shares by which
    auxiliary was put in front (`PREPOSED`: main, first, other) and, within each, which was taken out of the rest
    (`DELETED`: main, first, none, other), of withheld questions. `gen_first_wrong` [7]: where the first wrong word
    stands, `PLACES`: nowhere, at the front, before the auxiliary of the clause, at that auxiliary, between it and the
    gap that the main auxiliary leaves, at the gap, behind it.
    """
    task, columns = pair_task(view, "structural_grokking.sentences"), {}
    mark, end = task.vocabulary.number[task.marks[1]], task.vocabulary.end
    for split in ("val", "gen"):
        known = labels(task, split, _rows(task, split))
        written, gold = write(view, known, task), until(known["target"], end, PAD)
        columns[f"{split}_sentence"] = full_sentence_accuracy(written, gold, PAD)
        if split == "gen":
            source = sources(task, split, len(gold))
            table = prepose_delete_table(until(written, mark, PAD), source.padded, source.first, source.main, PAD)
            columns["gen_prepose_delete"] = table.flatten(-2)
            columns["gen_first_wrong"] = first_wrong(written, gold, source.first + 1, source.main + 1)
    return columns


def first_wrong(
    written: Int[Tensor, "member row step"],
    gold: Int[Tensor, "row step"],
    clause: Int[Tensor, " row"],
    gap: Int[Tensor, " row"],
) -> Tensor:
    """Shares [member, 7] of rows by the place of their first wrong word (`PLACES`).

    `clause` is the place of the clause's auxiliary in the gold question, `gap` that of the word behind the place which
    the main auxiliary has left.
    """
    wrong = written != gold
    at = torch.where(wrong.any(-1), wrong.int().argmax(-1), -1)
    tests: list[Callable[[Tensor], Tensor]] = [
        lambda at: at < 0,
        lambda at: at == 0,
        lambda at: (at > 0) & (at < clause),
        lambda at: at == clause,
        lambda at: (at > clause) & (at < gap),
        lambda at: at == gap,
        lambda at: at > gap,
    ]
    return torch.stack([test(at).double().mean(-1) for test in tests], -1)


def _rows(task: PairTask, split: str) -> int:
    """Rows of a split among which about `ROWS` are to be transformed."""
    return ROWS if split == "gen" else 2 * ROWS
