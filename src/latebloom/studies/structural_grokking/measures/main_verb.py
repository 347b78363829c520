"""Tense Inflection: whether the main verb agrees with its subject, or with the noun before it."""

import torch
from torch import Tensor

from latebloom.instruments.generation import main_verb_accuracy, shares, until
from latebloom.studies.structural_grokking.measures.items import labels, next_logits, pair_task
from latebloom.studies.structural_grokking.measures.sentences import whole, write
from latebloom.tasks.language.text import PAD
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

ROWS = {"val": 150, "gen": 300}
WRITTEN = {"val": 40, "gen": 60}  # sentences written at each look


@measure("structural_grokking.main_verb")
def main_verb(view: View) -> Columns:
    """The main verb when all words before it are given, out of the whole vocabulary.

    `val_main_verb` (copies and inflections, as published), `gen_main_verb` (withheld inflections) and
    `gen_recent_noun`, the share of withheld ones whose verb agrees with the noun before it instead. `gen_choice`: the
    right form is preferred to that one, whatever other words there are (0.5 by chance). It differs from the published
    measure in that errors elsewhere in the sentence do not count; that one is `structural_grokking.inflected`.
    """
    task, columns = pair_task(view, "structural_grokking.main_verb"), {}
    for split in ("val", "gen"):
        known = labels(task, split, ROWS[split], copies=split == "val")
        logits = next_logits(view, whole(known), known["main_query"])
        chosen = logits.argmax(-1)
        found = shares(chosen, {"right": known["main"], "recent": known["distractor"]})
        columns[f"{split}_main_verb"] = found["right"]
        if split == "gen":
            columns["gen_recent_noun"] = found["recent"]
            columns["gen_choice"] = _preferred(logits, known)
    return columns


@measure("structural_grokking.inflected")
def inflected(view: View) -> Columns:
    """The published measure on sentences written word by word: `val_inflected`, `gen_inflected`.

    Right if the written sentence has the parts of speech of the right one and its very main verb, final mark left out.
    """
    task, columns = pair_task(view, "structural_grokking.inflected"), {}
    category = torch.from_numpy(task.word_classes())
    for split in ("val", "gen"):
        known = labels(task, split, WRITTEN[split], copies=split == "val")
        mark = task.vocabulary.number[task.marks[1]]
        gold, written = (until(tokens, mark, PAD) for tokens in (known["target"], write(view, known, task)))
        verb = known["main_query"] - known["query"]
        columns[f"{split}_inflected"] = main_verb_accuracy(written, gold, verb, category, PAD)
    return columns


def _preferred(logits: Tensor, known: dict[str, Tensor]) -> Tensor:
    def of(token: Tensor) -> Tensor:
        return logits.gather(-1, token.expand(logits.shape[:-1])[..., None])[..., 0]

    return (of(known["main"]) > of(known["distractor"])).double().mean(-1)
