"""The items that networks are measured on, made once: labels of a split, sentences with their trees."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from latebloom.errors import LatebloomError
from latebloom.models import Parameters
from latebloom.tasks.language.pair_corpus import TRANSFORM, Rows
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.text import at, spell
from latebloom.training.measures import Columns
from latebloom.training.view import PIECE, View


def pair_task(view: View, name: str) -> PairTask:
    """The task of a population whose members share their held-out items.

    Raises `LatebloomError` for another kind of task, and where every member has a corpus of its own.
    """
    tasks = [member.task for member in view.population.members]
    first = tasks[0]
    if not isinstance(first, PairTask):
        raise LatebloomError(
            f"{name} measures question_formation and tense_inflection; the task here is {first.kind!r}."
        )
    seeds = {getattr(task, "corpus_seed", None) for task in tasks}
    if len(seeds) > 1 or None in seeds:
        raise LatebloomError(
            f"{name} puts one set of items to all members; here task.corpus_seed gives members different ones "
            f"({sorted(map(str, seeds))}). Set one number, such as task.corpus_seed=0."
        )
    return first


def by_corpus(view: View, measured: Callable[[Parameters, PairTask], Columns]) -> Columns:
    """Columns that read training sentences: members whose tasks have one corpus together, each group on its own.

    Held-out items are the same for all; training splits differ where tasks do (`n_train`, shares, added items).
    """
    tasks = [member.task for member in view.population.members if isinstance(member.task, PairTask)]
    corpora = [task.corpus() for task in tasks]  # kept: an id is only its owner's while the owner lives
    groups: dict[int, list[int]] = {}
    for number, corpus in enumerate(corpora):
        groups.setdefault(id(corpus), []).append(number)
    if len(groups) == 1:
        return measured(view.params, tasks[0])
    parts = [
        measured({name: value[own] for name, value in view.params.items()}, tasks[own[0]]) for own in groups.values()
    ]
    back = torch.tensor([number for own in groups.values() for number in own]).argsort()
    return {name: torch.cat([part[name] for part in parts])[back] for name in parts[0]}


@lru_cache(maxsize=64)
def labels(task: PairTask, split: str, count: int, copies: bool = False) -> dict[str, Tensor]:
    """`PairTask.labels` of the first `count` rows of a split, as tensors."""
    wanted = task.model_copy(update={"n_eval": count})
    found = {name: torch.from_numpy(np.asarray(value)) for name, value in wanted.labels(split, 0, copies).items()}
    if not len(found["row"]):
        raise LatebloomError(f"None of the first {count} rows of split {split!r} of {task.kind} is transformed.")
    return found


@dataclass(frozen=True, eq=False)
class Sources:
    """Sentences without period and task token, and their trees."""

    words: list[list[int]]
    padded: Int[Tensor, "sentence word"]
    lengths: Int[np.ndarray, " sentence"]
    gold: Bool[Tensor, "sentence start end"]
    main: Int[Tensor, " sentence"]  # place of the main auxiliary or verb
    first: Int[Tensor, " sentence"]  # place of what the rule of word order takes; that of `main` where it is the same


@lru_cache(maxsize=32)
def sources(task: PairTask, split: str, count: int, transformed: bool = True) -> Sources:
    """The first `count` sentences of a split; with `transformed` only those that are to be transformed."""
    rows = task.corpus()[split]
    index = np.flatnonzero(rows.task == TRANSFORM)[:count] if transformed else np.arange(min(count, len(rows.keys)))
    own = Rows(rows.grammar, rows.keys[index], rows.task[index], rows.linear[index])
    sentences, grammar = own.sentences, task.grammar
    lengths = sentences.length
    padded = spell(sentences, grammar, task.lexicon, task.vocabulary)[:, : int(lengths.max())]
    gold = torch.zeros(len(index), padded.shape[1], padded.shape[1], dtype=torch.bool)
    for number, item in enumerate(task.items(own)):
        for begin, end in item.tree.brackets():
            gold[number, begin, end - 1] = True
    main, other = at(grammar, "main", sentences), task.distractor(sentences)
    return Sources(
        words=[row[:length].tolist() for row, length in zip(padded, lengths, strict=True)],
        padded=torch.from_numpy(padded.astype(np.int64)),
        lengths=lengths,
        gold=gold,
        main=torch.from_numpy(main),
        first=torch.from_numpy(np.where(other < 0, main, other)),
    )


def next_logits(
    view: View, tokens: Int[Tensor, "row pos"], place: Int[Tensor, " row"]
) -> Float[Tensor, "member row vocab"]:
    """Logits of the word that follows one place of each row. Rows of similar length go through together."""
    model, found = view.population.model, []
    order = place.argsort(stable=True)
    for piece in order.split(PIECE):
        width = int(place[piece].max()) + 1
        out = model.forward(view.params, tokens[None, piece, :width].to(view.population.place.device))
        found.append(out[:, torch.arange(len(piece)), place[piece]])
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order))
    return torch.cat(found, 1)[:, back]
