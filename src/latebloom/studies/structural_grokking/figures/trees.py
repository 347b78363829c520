"""The projected tree of one sentence at several steps beside the grammar's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxtyping import Bool
from torch import Tensor

from latebloom.instruments.parseval import bracket_scores
from latebloom.instruments.tree_projection import project
from latebloom.models import Decoder
from latebloom.runs.run import Run
from latebloom.studies.drawing.curves import some_of
from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import GUIDE, canvas, title
from latebloom.studies.structural_grokking.measures.items import Sources, sources
from latebloom.studies.structural_grokking.measures.trees import similarities
from latebloom.tasks.language.pair_task import PairTask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 5  # steps; the grammar's tree is the sixth
Node = tuple[int, int]


def draw_trees(run: Run, logged: Logged, member: int, heading: str, caption: str = "") -> "Figure | None":
    """Greedy trees of one withheld sentence, red where a bracket is not the grammar's."""
    specification = logged.specifications[member]
    task, model, steps = specification.task, specification.model, run.snapshot_steps(member)
    if not isinstance(task, PairTask) or not isinstance(model, Decoder) or task.corpus_seed is None or not steps:
        return None
    chosen = some_of(steps, PANELS)
    found = _one(sources(task, "gen", 40))
    words = task.vocabulary.decode(found.words[0])
    figure, axes = canvas(-(-(len(chosen) + 1) // 2), 2, height=1.9)
    gold = found.gold[0]
    for place, step in zip(axes.flat, chosen, strict=False):
        params = {name: value[None] for name, value in run.parameters(member, step).items()}
        spans = similarities(model, params, task, found)
        tree = project(spans.similarity, spans.lengths, "greedy").trees[0]
        score = float(bracket_scores(tree, found.gold).f1)
        draw_tree(place, tree[0], words, gold)
        place.set_title(f"step {step:,}: F1 {score:.2f}", loc="left")
    last = axes.flat[len(chosen)]
    draw_tree(last, gold, words, gold)
    last.set_title("the grammar's tree", loc="left")
    for place in axes.flat[len(chosen) + 1 :]:
        place.axis("off")
    title(figure, heading, caption)
    return figure


def _one(found: Sources) -> Sources:
    """The first sentence of at least nine words, alone."""
    index = next((i for i, words in enumerate(found.words) if len(words) >= 9), 0)
    length = len(found.words[index])
    return Sources(
        words=[found.words[index]],
        padded=found.padded[index : index + 1],
        lengths=found.lengths[index : index + 1],
        gold=found.gold[index : index + 1, :length, :length],
        main=found.main[index : index + 1],
        first=found.first[index : index + 1],
    )


def draw_tree(
    axes: "Axes", tree: Bool[Tensor, "start end"], words: Sequence[str], gold: Bool[Tensor, "start end"]
) -> None:
    """A binary tree over words, right-angled branches; a node that is not in `gold` is red and hollow."""
    n = len(words)
    spans: list[Node] = [(int(i), int(j)) for i, j in tree.nonzero()] + [(i, i) for i in range(n)]
    height = _heights(spans)
    centre = {(i, j): (i + j) / 2 for i, j in spans}
    for node in sorted(spans, key=lambda span: span[1] - span[0]):
        parent = _parent(node, spans)
        if parent is not None:
            across, up = [centre[node], centre[node], centre[parent]], [height[node], height[parent], height[parent]]
            axes.plot(across, up, color=GUIDE, linewidth=0.9, zorder=1)
    for i, j in spans:
        if j > i:
            right = bool(gold[i, j])
            axes.plot(
                centre[i, j],
                height[i, j],
                "o",
                markersize=4,
                color="#0072b2" if right else "#d73027",
                markerfacecolor="#0072b2" if right else "white",
                zorder=2,
            )
    for place, word in enumerate(words):
        axes.text(place, -0.25, word, ha="right", va="top", fontsize=7, rotation=45, rotation_mode="anchor")
    axes.set(xlim=(-0.6, n - 0.4), ylim=(-3.2, max(height.values()) + 0.5))
    axes.axis("off")


def _heights(spans: Sequence[Node]) -> dict[Node, int]:
    """How many levels lie below each node; words are at 0."""
    height: dict[Node, int] = {}
    for i, j in sorted(spans, key=lambda span: span[1] - span[0]):
        inside = [height[other] for other in height if i <= other[0] and other[1] <= j and other != (i, j)]
        height[i, j] = 1 + max(inside) if j > i else 0
    return height


def _parent(node: Node, spans: Sequence[Node]) -> Node | None:
    """The smallest node around this one."""
    around = [other for other in spans if other != node and other[0] <= node[0] and node[1] <= other[1]]
    return min(around, key=lambda other: other[1] - other[0], default=None)
