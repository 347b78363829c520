"""Writes tables from the code into pages, at the markers of `TABLES`."""

import doctest
import importlib
import inspect
import pkgutil

from latebloom import instruments, studies
from latebloom.tasks import TASKS
from latebloom.tasks.language.gallery import gallery
from latebloom.training.presets import PRESETS


def sentence(thing):
    """The first sentence of a docstring, fit for a table cell."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    first = text.split(". ")[0].rstrip(".")
    return first.replace("|", r"\|").replace("<", "&lt;")


def functions(module):
    """Public functions written in a module, in order of appearance."""
    own = [
        f for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__ and n[0] != "_"
    ]
    return sorted(own, key=lambda f: f.__code__.co_firstlineno)


def instrument_table():
    """One section a module, one row a function."""
    parts = []
    for info in pkgutil.iter_modules(instruments.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"latebloom.instruments.{info.name}")
        rows = [f"| `{function.__name__}` | {sentence(function)} |" for function in functions(module)]
        head = [f"## {info.name}", "", sentence(module) + ".", "", "| function | what it gives |", "|---|---|"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def task_gallery():
    """Every task that ships: its rule, its executed examples, its settings."""
    parts = []
    for name in TASKS:
        task = TASKS[name]
        if not task.__module__.startswith("latebloom."):
            continue
        module = importlib.import_module(task.__module__)
        summary = inspect.getdoc(module).split("\n\n")[0]
        parts.append("\n".join([f"## {name}", "", summary, "", "```text", examples(module), "```", "", settings(task)]))
    return "\n\n".join(parts)


def examples(module):
    """What the doctest of a module prints, executed now."""
    lines = []
    test = doctest.DocTestParser().get_doctest(module.__doc__, dict(vars(module)), module.__name__, None, None)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=lines.append, clear_globs=False)
    if runner.failures:
        raise ValueError(f"The examples of {module.__name__} are wrong:\n{''.join(lines)}")
    return "".join(example.want for example in test.examples).rstrip()


def settings(task):
    """The fields of a task as a table."""
    rows = [
        f"| `{name}` | `{field.default}` | {(field.description or '').replace('|', chr(92) + '|')} |"
        for name, field in task.model_fields.items()
        if name != "kind"
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def experiment_table():
    """Every experiment and its title."""
    studies.load()
    rows = [f"| `{name}` | {PRESETS[name].title} |" for name in PRESETS if name.split(".")[0] in studies.STUDIES]
    return "\n".join(["| experiment | what it is |", "|---|---|", *rows])


TABLES = {
    "<!-- instruments -->": instrument_table,
    "<!-- tasks -->": task_gallery,
    "<!-- experiments -->": experiment_table,
    "<!-- gallery of language -->": gallery,
}


def fill(app, docname, source):
    """Replaces markers while Sphinx reads a page."""
    for marker, table in TABLES.items():
        if marker in source[0]:
            source[0] = source[0].replace(marker, table())


def always_read(app, env, added, changed, removed):
    """These pages are written anew each time: the code they show may have changed."""
    return sorted({"instruments", "tasks", "experiments", "studies/structural_grokking/gallery"} & env.found_docs)


def setup(app):
    app.connect("source-read", fill)
    app.connect("env-get-outdated", always_read)
    return {"parallel_read_safe": True}
