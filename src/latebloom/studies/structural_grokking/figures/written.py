"""What a network writes behind its first word: one withheld question of each kind of clause, at several steps."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from latebloom.runs.run import Run
from latebloom.studies.drawing.curves import some_of
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import GUIDE, canvas, title
from latebloom.studies.structural_grokking.measures.items import labels
from latebloom.studies.structural_grokking.measures.sentences import write_with
from latebloom.tasks import QuestionFormation
from latebloom.tasks.language import recogniser
from latebloom.tasks.language.text import PAD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = 120  # withheld questions that are written at the last step, about forty of each kind
STEPS = 5
ROOM = 100  # characters of a line
CLAUSES = {"a clause without an object": 1, "a clause with an object": 2, "a clause with its own subject": 3}
RIGHT, SWALLOWED, OTHER, FRONT = "right", "one verb", "other words", "another first word"
# The order of auxiliaries and verbs behind the first word, where both verbs are those of the source.
SHAPES = {"AVAV": "both verbs keep an auxiliary", "VAV": "only the main verb keeps an auxiliary"}
OUTCOMES = (RIGHT, SWALLOWED, *SHAPES.values(), OTHER, FRONT)


def outcome(written: Sequence[str], source: Sequence[str], gold: Sequence[str]) -> str:
    """What became of a withheld question: one of `OUTCOMES`; `FRONT` if it does not begin with the main auxiliary.

    All three are words, `source` without its period. What is compared behind the first word is the order of verbs and
    auxiliaries: the source has auxiliary, verb, auxiliary, verb, a right question auxiliary, verb, verb.

    >>> source = "my raven that doesn't sleep does change".split()
    >>> gold = "does my raven that doesn't sleep change ?".split()
    >>> outcome("does my raven that doesn't change ?".split(), source, gold)
    'one verb'
    """
    if not written or written[0] != gold[0]:
        return FRONT
    if list(written) == list(gold):
        return RIGHT
    verbs = _parts(source, "V")
    if len(_parts(written, "V")) == 1:
        return SWALLOWED
    if _parts(written, "V") != verbs:
        return OTHER
    shape = ["A" if word not in verbs else "V" for word in _parts(written[1:], "V", "A")]
    return SHAPES.get("".join(shape), OTHER)


def _parts(words: Sequence[str], *initials: str) -> list[str]:
    """The verbs (`V`), or auxiliaries (`A`), among words, in their order."""
    known = recogniser.classes("question")
    return [word for word in words if known.get(word, " ")[0] in initials]


def draw_written(run: Run, logged: Logged, member: int, heading: str, caption: str = "") -> "Figure | None":
    """A panel for each kind of clause: the question that is right, what is written, and how often what happens."""
    task, steps = logged.specifications[member].task, run.snapshot_steps(member)
    if not isinstance(task, QuestionFormation) or task.corpus_seed is None or not steps:
        return None
    chosen = some_of(steps, STEPS)
    known = labels(task, "gen", ROWS)
    source, gold = (_words(task, known[name]) for name in ("prefix", "target"))
    source = [words[1:-2] for words in source]  # without start symbol, period and task token
    kinds = known["clause"].clamp(max=3).tolist()
    shown = {told: kinds.index(kind) for told, kind in CLAUSES.items() if kind in kinds}
    asked = {name: known[name] for name in ("prefix", "query", "target")}
    films = [_write(logged, member, step, {n: v[list(shown.values())] for n, v in asked.items()}) for step in chosen]
    ends = _write(logged, member, chosen[-1], asked)
    figure, axes = canvas(len(shown), 1, height=0.24 * max(len(chosen) + 3, 8))
    for number, (told, row) in enumerate(shown.items()):
        own = [other for other, kind in enumerate(kinds) if kind == kinds[row]]
        counts = Counter(outcome(ends[other], source[other], gold[other]) for other in own)
        each = "; ".join(f"{name} {counts[name]}" for name in OUTCOMES if counts[name])
        written = [(f"{step:,}", film[number]) for step, film in zip(chosen, films, strict=True)]
        _panel(axes[number, 0], [("right", gold[row]), *written], gold[row])
        summary = f"{told}, {len(own)} questions at step {chosen[-1]:,}: {each}"
        axes[number, 0].set_title(textwrap.fill(summary, 120), loc="left", fontsize=8)
    title(figure, heading, caption)
    return figure


def _write(logged: Logged, member: int, step: int, asked: dict[str, Tensor]) -> list[list[str]]:
    """What a member writes behind each prefix as it was at a step, in words."""
    task, model = logged.specifications[member].task, logged.specifications[member].model
    assert isinstance(task, QuestionFormation)
    params = {name: value[None] for name, value in logged.run.parameters(member, step).items()}
    with torch.no_grad():
        written = write_with(lambda tokens: model.forward(params, tokens), 1, asked, task)
    return _words(task, written[0])


def _words(task: QuestionFormation, rows: Tensor) -> list[list[str]]:
    """Rows as words, without padding and end symbol."""
    unseen = (PAD, task.vocabulary.end)
    return [task.vocabulary.decode([number for number in row if number not in unseen]) for row in rows.tolist()]


def _panel(axes: "Axes", lines: Sequence[tuple[str, Sequence[str]]], gold: Sequence[str]) -> None:
    """Sentences below each other, what stands before each at the left; the first wrong word of each in red."""
    axes.axis("off")
    for number, (told, words) in enumerate(lines):
        height = 1 - (number + 0.5) / len(lines)
        same = next((at for at, pair in enumerate(zip(words, gold, strict=False)) if pair[0] != pair[1]), len(words))
        size: dict[str, Any] = {"fontsize": 8, "va": "center", "transform": axes.transAxes, "in_layout": False}
        axes.text(0.055, height, told, ha="right", color=GUIDE, **size)
        axes.text(0.07, height, " ".join(words[:same]), family="monospace", **size)
        rest = " " * (len(" ".join(words[:same])) + bool(same)) + (" ".join(words[same:]) if words else "nothing")
        rest = rest if len(rest) <= ROOM else f"{rest[:ROOM]} …"  # before training some write on and on
        axes.text(0.07, height, rest, family="monospace", color="#d73027", **size)
