"""What is written after the task token: whole questions, the auxiliary that moved, where the first wrong word is."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from latebloom.instruments.decoding import Logits, greedy
from latebloom.instruments.generation import full_sentence_accuracy, prepose_delete_table, until
from latebloom.studies.structural_grokking.measures.items import labels, pair_task, sources
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.text import PAD
from latebloom.training.measures import Columns, measure
from latebloom.training.view import PIECE, View

ROWS = {"val": 200, "gen": 60}  # of ordinary ones, about 80 are questions
PLACES = ("none", "first word", "before the clause's auxiliary", "there", "up to the gap", "at the gap", "behind it")


def write(view: View, known: dict[str, Tensor], task: PairTask) -> Int[Tensor, "member row step"]:
    """What every member writes behind each prefix, its end symbol and what follows as padding."""
    model = view.population.model

    def logits(tokens: Tensor) -> Tensor:
        return model.forward(view.params, tokens)

    return write_with(logits, len(view.population.members), known, task)


def write_with(
    logits: Logits, members: int, known: dict[str, Tensor], task: PairTask
) -> Int[Tensor, "member row step"]:
    """The same from a function that gives the logits of so many members."""
    steps, end = known["target"].shape[1], task.vocabulary.end
    written = greedy(logits, known["prefix"], known["query"] + 1, steps, members, end=end, pad=PAD)
    return until(written, end, PAD)


@measure("structural_grokking.sentences")
def sentences(view: View) -> Columns:
    """Whole questions: ordinary ones, and sixty withheld ones written word by word.

    `val_sentence`, `gen_sentence`: share that is right to the last word, end symbol included, when each word is the
    likeliest behind those written before. `gen_prepose_delete` [12]: shares by which auxiliary was put in front
    (`PREPOSED`: main, first, other) and, within each, which was taken out of the rest (`DELETED`: main, first, none,
    other). `gen_first_wrong` [7]: where the first wrong word stands, `PLACES`: nowhere, at the front, before the
    auxiliary of the clause, at that auxiliary, between it and the gap that the main auxiliary leaves, at the gap,
    behind it.
    """
    task = pair_task(view, "structural_grokking.sentences")
    mark, end = task.vocabulary.number[task.marks[1]], task.vocabulary.end
    known, source = labels(task, "gen", ROWS["gen"]), sources(task, "gen", ROWS["gen"])
    written, gold = write(view, known, task), until(known["target"], end, PAD)
    table = prepose_delete_table(until(written, mark, PAD), source.padded, source.first, source.main, PAD)
    return {
        "val_sentence": all_right(view, labels(task, "val", ROWS["val"])),
        "gen_sentence": full_sentence_accuracy(written, gold, PAD),
        "gen_prepose_delete": table.flatten(-2),
        "gen_first_wrong": first_wrong(written, gold, source.first + 1, source.main + 1),
    }


def all_right(view: View, known: dict[str, Tensor]) -> Float[Tensor, " member"]:
    """Share of rows in which every word of the target is the likeliest behind the right ones before it.

    That is the share which greedy writing gets right from beginning to end, at the price of one pass.
    """
    tokens = whole(known)
    found = []
    for piece, rows in zip(tokens.split(PIECE), torch.arange(len(tokens)).split(PIECE), strict=True):
        chosen = view.population.model.forward(view.params, piece[None, :, :-1]).argmax(-1)
        place = torch.arange(piece.shape[1] - 1)
        counted = (place >= known["query"][rows, None]) & (piece[:, 1:] != PAD)
        found.append(((chosen == piece[:, 1:]) | ~counted).all(-1))
    return torch.cat(found, 1).double().mean(1)


def whole(known: dict[str, Tensor]) -> Int[Tensor, "row pos"]:
    """Prefix and target of each row, side by side."""
    rows, target = len(known["row"]), known["target"]
    tokens = torch.zeros(rows, known["prefix"].shape[1] + target.shape[1], dtype=torch.int64)
    tokens[:, : known["prefix"].shape[1]] = known["prefix"]
    return tokens.scatter(1, known["query"][:, None] + 1 + torch.arange(target.shape[1]), target)


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
