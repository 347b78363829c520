"""Rules of language that come late: curves with stopping points, and one sentence as a network reads it over training.

Sentences to pick are parsed here, at all kept steps, so that their film needs no weights; a sentence that is typed is
parsed in the page by the network itself (web/src/math/spans.ts), with weights that come one step at a time.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float16

from latebloom.instruments.stopping import RULES, compare
from latebloom.instruments.tree_projection import project
from latebloom.models import Decoder
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.structural_grokking.figures.columns import KINDS, accuracies, instruments
from latebloom.studies.structural_grokking.measures.items import Sources, sources
from latebloom.studies.structural_grokking.measures.trees import similarities
from latebloom.tasks.language.lexicon import NAMES, NUMBERS, PRESENT
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.recogniser import FORMATS, rule
from latebloom.training.experiment import Experiment
from latebloom.view.pack import pack, thinned
from latebloom.view.views.base import VIEWS, Maker, View
from latebloom.view.views.curves import packs as curve_packs
from latebloom.view.weights import film, runs_in_page, settings_of

SENTENCES = {"gen": 8, "val": 4}  # to pick from: withheld structures first
MOST_STEPS = 25  # of a sentence's film


def fits(member: Experiment) -> bool:
    """Runs on sentences or brackets."""
    return member.task.kind in KINDS


def packs(logged: Logged) -> Mapping[str, Maker]:
    """Curves and stops; `sentences`; of members whose states are looked into: `parses-<n>`, `weights-<n>-<step>`."""
    made = dict(curve_packs(logged))
    if accuracies(logged) is not None:
        made["learning"] = partial(learning_pack, logged)
    readers = [n for n, own in logged.specifications.items() if readable(logged.run, n, own)]
    if not readers:
        return made
    made["sentences"] = partial(sentences_pack, logged, readers)
    for member in readers:
        made[f"parses-{member}"] = partial(parses_pack, logged, member)
    for member in readers:  # of a run with many, an export keeps what comes first
        for step in spread(steps_of(logged.run, member)):
            made[f"weights-{member}-{step}"] = partial(weights_pack, logged, member, step)
    return made


def readable(run: Run, member: int, own: Experiment) -> bool:
    """Whether a network can read a sentence in the page."""
    task = own.task
    return (
        isinstance(task, PairTask)
        and task.corpus_seed is not None
        and runs_in_page(own.model)
        and bool(run.snapshot_steps(member))
    )


def steps_of(run: Run, member: int) -> list[int]:
    """Kept steps, of very many a part."""
    every = run.snapshot_steps(member)
    return [every[i] for i in thinned(len(every), MOST_STEPS)]


def spread(steps: Sequence[int]) -> list[int]:
    """The last, the first, then middles of what lies between: as many as one takes, they are spread evenly.

    >>> spread([0, 10, 20, 30, 40])
    [40, 0, 20, 10, 30]
    """
    found = [*steps[-1:], *steps[:1]]
    gaps = [(0, len(steps) - 1)]
    while gaps:
        first, last = gaps.pop(0)
        middle = (first + last) // 2
        if first < middle:
            found.append(steps[middle])
            gaps += [(first, middle), (middle, last)]
    return list(dict.fromkeys(found))


def learning_pack(logged: Logged) -> bytes:
    """Which columns are accuracy in the domain, held out, and the rule of word order; where stopping rules end.

    `step<i>` and `value<i>` [member] for each rule, NaN where it never stops.
    """
    found = accuracies(logged)
    assert found is not None  # the pack is offered only where there are some
    steps, known = logged.table(found.known)
    _, outside = logged.table(found.held_out)
    arrays: dict[str, np.ndarray] = {}
    rules = [name for name in RULES if name != "last"]
    if outside.shape == known.shape:
        kept = compare(steps, known, outside)
        for number, name in enumerate(rules):
            arrays[f"step{number}"] = kept[name].step.astype(np.float32)
            arrays[f"value{number}"] = kept[name].value.astype(np.float32)
    document = {
        "known": found.known,
        "held_out": found.held_out,
        "linear": found.linear if found.linear in logged.frame else "",
        "chance": found.chance,
        "guess": found.guess,
        "instruments": instruments(logged),
        "rules": rules if arrays else [],
    }
    return pack(document, arrays or {"none": np.zeros(1, dtype=np.uint8)})


def sentences_pack(logged: Logged, readers: list[int]) -> bytes:
    """The grammar as web/src/math/grammar.ts reads it, and sentences to pick with their trees as [first, last]."""
    task = cast(PairTask, logged.specifications[readers[0]].task)
    picks = []
    for split, found in _picked(task):
        for words, gold in zip(found.words, found.gold, strict=True):
            spans = [[int(i), int(j)] for i, j in gold.nonzero()]
            picks.append({"words": task.vocabulary.decode(words), "gold": spans, "withheld": split == "gen"})
    document = {
        "grammar": grammar_of(task),
        "picks": picks,
        "readers": readers,
    }
    return pack(document, {"none": np.zeros(1, dtype=np.uint8)})


def grammar_of(task: PairTask) -> dict[str, Any]:
    """Words and forms of a source-to-target task."""
    return {
        "name": task.reader,
        "lexicon": FORMATS[task.reader].lexicon,
        "present": PRESENT,
        "auxiliaries": task.auxiliaries,
        "tasks": list(task.tasks),
        "marks": list(task.marks),
        "names": NAMES,
        "numbers": list(NUMBERS),
        "vocabulary": list(task.vocabulary.words),
    }


@lru_cache(maxsize=8)
def _picked(task: PairTask) -> list[tuple[str, Sources]]:
    return [(split, sources(task, split, count, transformed=True)) for split, count in SENTENCES.items()]


def parses_pack(logged: Logged, member: int) -> bytes:
    """What a network makes of the sentences to pick at its kept steps, by the study's own instruments.

    `splits` [snapshot, sentence, gap] uint8: the first and last word of the node that splits behind each word, of the
    greedy projection (as published), 255 where the sentence has ended. `words` [snapshot, sentence, word] float16: the
    probability of every word of the vocabulary at the front of the answer (of the main verb, where nothing moves).
    """
    own = logged.specifications[member]
    task, steps = cast(PairTask, own.task), steps_of(logged.run, member)
    spans, words = [], []
    for step in steps:
        params = {name: value[None] for name, value in logged.run.parameters(member, step).items()}
        parts = [_parsed(cast(Decoder, own.model), params, task, found) for _, found in _picked(task)]
        spans.append(np.concatenate([part[0] for part in parts]))
        words.append(np.concatenate([part[1] for part in parts]))
    arrays = {"steps": np.array(steps, dtype=np.int32), "splits": np.stack(spans), "words": np.stack(words)}
    return pack({"member": member}, arrays)


def _parsed(
    model: Decoder, params: dict[str, torch.Tensor], task: PairTask, found: Sources
) -> tuple[np.ndarray, Float16[np.ndarray, "sentence vocab"]]:
    spans = similarities(model, params, task, found)
    trees = project(spans.similarity, spans.lengths, "greedy").trees[0]
    table = np.full((len(found.words), task.longest - 1, 2), 255, dtype=np.uint8)
    for number, tree in enumerate(trees):
        nodes = {(int(i), int(j)) for i, j in tree.nonzero()}
        for first, last in nodes:
            # The node's split: its left child ends where the largest node (or word) that begins with it does.
            left = max((j for i, j in nodes if i == first and j < last), default=first)
            table[number, left] = first, last
    return table, _fronted(model, params, task, found)


def _fronted(
    model: Decoder, params: dict[str, torch.Tensor], task: PairTask, found: Sources
) -> Float16[np.ndarray, "sentence vocab"]:
    """Probabilities of the word that decides: the first of a question, the main verb of an inflected sentence."""
    rows = []
    for words, main in zip(found.words, found.main.tolist(), strict=True):
        text = task.vocabulary.decode(words)
        front = [*text, ".", task.tasks[1]]
        if not task.auxiliaries:
            front += rule(text, task.tasks[1], task.reader)[:main]
        tokens = torch.from_numpy(np.array([task.vocabulary.start, *task.vocabulary.encode(front)]))
        with torch.no_grad():
            logits = model.forward(params, tokens[None, None])[0, 0, -1]
        rows.append(logits.double().softmax(-1).numpy().astype(np.float16))
    return np.stack(rows)


def weights_pack(logged: Logged, member: int, step: int) -> bytes:
    """A member's weights at one step, [1, ...]."""
    own = logged.specifications[member]
    document = {"settings": settings_of(own.model, own.task.signature), "member": member, "step": step}
    return pack(document, {"steps": np.array([step], dtype=np.int32), **film(logged.run, member, [step])})


VIEWS.register("structural_grokking")(
    View(
        name="structural_grokking",
        title="Sentences and trees",
        about="Curves with stopping points; a sentence of yours as the network reads it while it learns.",
        fits=fits,
        packs=packs,
    )
)
