"""Sentences with trees and answers, wrong ones with the recogniser's words, and spans as a small network sees them."""

import base64
from typing import Any

import numpy as np
import torch

from latebloom.errors import LatebloomError
from latebloom.instruments.span_vectors import span_similarities
from latebloom.instruments.tree_projection import project
from latebloom.models import Decoder
from latebloom.randomness import stream
from latebloom.tasks import QuestionFormation, TenseInflection
from latebloom.tasks.language.pair_corpus import TRANSFORM, Rows
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.recogniser import parse, read_sentence, rule
from latebloom.tasks.language.structure import CELLS
from latebloom.view.pack import pack
from latebloom.view.views.structural_grokking import grammar_of
from latebloom.view.weights import settings_of

TASKS: tuple[PairTask, ...] = (QuestionFormation(), TenseInflection())
WRONG = {
    "question": (
        "my raven that don't sleep does change",
        "my newt does",
        "the newts does sleep",
        "newts do sleep",
        "the newt does sleep the yak",
        "the yak that the newts does amuse does sleep",
        "the yak upon does sleep",
        "the yak does amuse her quail that does sleep upon the newt",
    ),
    "past": ("the newt sleep", "my yak amused", "the newt near slept", "some yaks slept waited"),
}


def sentences() -> list[dict[str, Any]]:
    """Both grammars."""
    return [one(task) for task in TASKS]


def one(task: PairTask) -> dict[str, Any]:
    """One sentence of every structure, made by the generator: another program than the recogniser."""
    keys = np.array([_key(task, cell) for cell in range(len(CELLS))])
    rows = Rows(task.grammar, keys, np.full(len(keys), TRANSFORM), np.zeros(len(keys), dtype=bool))
    good = []
    for item in task.items(rows):
        read = read_sentence(item.source, task.reader)
        spans = sorted([first, last - 1] for first, last in item.tree.brackets())
        assert item.tree == read.tree
        good.append(
            {
                "words": list(item.source),
                "tree": spans,
                "main": item.parts.main,
                "first": item.parts.distractor,
                "answer": rule(item.source, task.tasks[1], task.reader)[:-1],
            }
        )
    return {
        "grammar": grammar_of(task),
        "good": good,
        "wrong": [{"text": text, "error": _error(text, task.reader)} for text in WRONG[task.reader]],
        "spans": spans_of(task, [row["words"] for row in good[::9]]),
    }


def _key(task: PairTask, cell: int) -> int:
    noise = stream(3, "web sentences", task.kind, cell)
    return int(task.grammar.first[cell] + noise.integers(task.grammar.capacity[cell]))


def _error(text: str, grammar: str) -> str:
    try:
        parse(text.split(), grammar)
    except LatebloomError as error:
        return str(error)
    raise AssertionError(f"{text!r} was read")


def spans_of(task: PairTask, texts: list[list[str]]) -> dict[str, Any]:
    """Similarities of all spans and greedy trees, by the study's instruments on a small network."""
    model = Decoder.parse(
        {"n_layers": 2, "d_model": 8, "n_heads": 2, "norm": "post", "positions": "sinusoidal", "embed_scale": True}
        | {"bias": "mlp"}
    )
    noise = stream(4, "web spans", task.kind)
    shapes = model.shapes(task.signature)
    table = {name: np.round(32 * noise.normal(size=shape.dims)) / 64 for name, shape in shapes.items()}
    params = {name: torch.from_numpy(value)[None] for name, value in table.items()}

    def encode(tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return model.states(params, tokens[None], positions=positions)[0]

    words = [task.vocabulary.encode(text).tolist() for text in texts]
    found = span_similarities(encode, words, causal=True, before=[task.vocabulary.start])
    trees = project(found.similarity, found.lengths, "greedy").trees
    arrays = {name: value.astype(np.float16)[None] for name, value in table.items()}
    return {
        "pack": base64.b64encode(pack({"settings": settings_of(model, task.signature)}, arrays)).decode(),
        "words": texts,
        "similarity": [
            [float(f"{v:.8g}") for v in one[:n, :n].nan_to_num(-9).flatten().tolist()]
            for one, n in zip(found.similarity, found.lengths, strict=True)
        ],
        "trees": [sorted(tree.nonzero().tolist()) for tree in trees],
    }
