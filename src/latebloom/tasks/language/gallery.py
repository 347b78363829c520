"""Real items of every language task with their trees, as Markdown: the documentation of the generators."""

from collections.abc import Iterator

from latebloom.tasks.language.agreement import SimpleAgreement
from latebloom.tasks.language.brackets import read_brackets
from latebloom.tasks.language.dyck import Dyck
from latebloom.tasks.language.items import Item
from latebloom.tasks.language.pair_task import PairTask
from latebloom.tasks.language.question import QuestionFormation
from latebloom.tasks.language.tense import TenseInflection
from latebloom.tasks.language.trees import Tree

WORDS = {"train": "in training, where both rules fit", "gen": "held out, where the rules differ"}
BRACKETS = {"train": "in training", "val": "new, of known structure", "gen": "of held-out structure"}


def draw_tree(tree: Tree, indent: str = "") -> str:
    """A tree as lines; a phrase of words only stands on one.

    >>> print(draw_tree(read_brackets("(a (b b) a)".split())))
    S
      B
        (a
        B (b b)
        a)
    """
    if not tree.children:
        return f"{indent}{tree.word}"
    if all(not child.children for child in tree.children):
        return f"{indent}{tree.label} {' '.join(child.word for child in tree.children)}"
    return "\n".join([f"{indent}{tree.label}", *(draw_tree(child, indent + "  ") for child in tree.children)])


def describe(item: Item) -> str:
    """An item with its labelled parts and its tree."""
    named = {"subject": item.parts.subject, "main": item.parts.main, "distractor": item.parts.distractor}
    parts = [f"{name} `{item.source[place]}`" for name, place in named.items() if place >= 0]
    if item.parts.clause:
        parts.append(f"relative clause {item.parts.clause}")
    source = " ".join((*item.source, ".", item.task)).strip()
    answer = f"\n→ {' '.join(item.target)}" if item.target else ""
    return "\n".join(["```text", f"{source}{answer}", "", draw_tree(item.tree), "```", "", "; ".join(parts)])


def gallery(each: int = 2, seed: int = 0) -> str:
    """`each` items of every split of every task, drawn from small corpora of this seed."""
    sizes = {"n_train": 200, "n_val": 20, "n_gen": 20, "corpus_seed": seed}
    sections = []
    tasks: list[PairTask | SimpleAgreement] = [
        QuestionFormation.parse({**sizes, "n_test": 20}),
        TenseInflection.parse({**sizes, "n_test": 20}),
        SimpleAgreement.parse(sizes),
    ]
    for task in tasks:
        corpus = task.corpus()
        found = {name: [describe(item) for item in task.items(corpus[name].first(each))] for name in WORDS}
        sections.append(_section(task.kind, found, WORDS))
    dyck = Dyck.parse({**sizes, "max_length": 24, "split": "length_matched"})
    strings = dyck.corpus()
    found = {name: list(_bracket_items(dyck.lines(strings[name][:each]))) for name in BRACKETS}
    return "\n\n".join([*sections, _section("dyck", found, BRACKETS)]) + "\n"


def _bracket_items(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield "\n".join(["```text", line, "", draw_tree(read_brackets(line.split())), "```"])


def _section(kind: str, found: dict[str, list[str]], titles: dict[str, str]) -> str:
    parts = [f"## {kind}"]
    for name, items in found.items():
        parts += [f"### {name}: {titles[name]}", *items]
    return "\n\n".join(parts)
