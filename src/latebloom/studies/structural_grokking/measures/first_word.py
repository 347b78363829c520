"""Question Formation: which auxiliary comes first in the question."""

import torch
from torch import Tensor

from latebloom.instruments.generation import choice_among, shares
from latebloom.studies.structural_grokking.measures.items import labels, next_logits, pair_task
from latebloom.training.measures import Columns, measure
from latebloom.training.view import View

ROWS = 500  # of a split: 500 withheld questions, about 200 ordinary ones; a standard error of .022 at most
BATCHES = 16


@measure("structural_grokking.first_word")
def first_word(view: View) -> Columns:
    """Accuracy of the first word, on questions of the known structures (`val_`) and of the withheld one (`gen_`).

    `..._first_word`: the likeliest of the four auxiliaries is right (released code of Murty et al. 2023; 0.25 by
    chance). `..._first_word_any`: the likeliest of all words is right (McCoy et al. 2020). `gen_first_auxiliary`: the
    likeliest of all words is the first auxiliary of the sentence, as the linear rule has it. `gen_compatible`: it is
    one of the two auxiliaries that agree with the subject. `gen_by_clause` [3]: `gen_first_word` by the kind of
    relative clause: subject intransitive, subject transitive, object (NaN for a kind that does not occur).
    """
    task, columns = pair_task(view, "structural_grokking.first_word"), {}
    for split in ("val", "gen"):
        known = labels(task, split, ROWS)
        logits = next_logits(view, known["prefix"], known["query"])
        among, likeliest = choice_among(logits, known["candidates"]), logits.argmax(-1)
        right = {"right": known["first_word"]}
        columns[f"{split}_first_word"] = shares(among, right)["right"]
        columns[f"{split}_first_word_any"] = shares(likeliest, right)["right"]
        if split == "gen":
            columns["gen_first_auxiliary"] = shares(likeliest, {"first": known["distractor"]})["first"]
            columns["gen_compatible"] = _compatible(likeliest, known)
            columns["gen_by_clause"] = _by_clause(among == known["first_word"], known["clause"])
    return columns


def _compatible(chosen: Tensor, known: dict[str, Tensor]) -> Tensor:
    fits = (chosen[..., None] == known["candidates"]) & known["compatible"]
    return fits.any(-1).double().mean(-1)


def _by_clause(right: Tensor, clause: Tensor) -> Tensor:
    kinds = [clause == 1, clause == 2, clause >= 3]
    return torch.stack([right[:, kind].double().mean(-1) for kind in kinds], -1)


@measure("structural_grokking.train_loss")
def train_loss(view: View) -> Columns:
    """`train_loss`: mean loss on the rows of the next sixteen batches, without dropout, in nats a token.

    With a hundred thousand items and small batches most of these rows are new to the network.
    """
    population = view.population
    scale = population.hyper["logit_scale"]
    found = []
    for step in range(view.step, view.step + BATCHES):
        batch = population.data.batch(step)
        found.append(population.model.loss(view.params, batch, population.loss, scale))
    return {"train_loss": torch.stack(found).mean(0)}
