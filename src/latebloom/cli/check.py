"""`latebloom check`: a user's own file of sentences, read line by line, beside what the generator makes."""

from pathlib import Path

from latebloom.errors import LatebloomError, unknown_name
from latebloom.tasks import QuestionFormation, TenseInflection
from latebloom.tasks.language.files import read_items, report, text_lines
from latebloom.tasks.language.pair_task import PairTask

TASKS: dict[str, type[QuestionFormation] | type[TenseInflection]] = {
    "question_formation": QuestionFormation,
    "tense_inflection": TenseInflection,
}
TOKENS = ", ".join(token for kind in TASKS.values() for token in kind.tasks)
FORMAT = f"A line reads `<sentence> . <task> TAB <target>` with one of the tasks {TOKENS}."


def check(path: Path, name: str | None) -> str:
    """How a tab-separated file (``<sentence> . <task> TAB <target>`` a line) differs from the generator, in words.

    Without a name the task is that of the first line that says one (there may be a header). Raises `LatebloomError`
    where the file cannot be read at all.
    """
    task = _task(path, name)
    items, faults = read_items(path, task)
    return f"{path}: read as {task.kind}.\n{report(items, task, faults).text()}"


def _task(path: Path, name: str | None) -> PairTask:
    if name is not None:
        if name not in TASKS:
            raise unknown_name("task of source and target", name, TASKS)
        return TASKS[name]()
    lines = [line for line in text_lines(path) if line.strip()]
    if not lines:
        raise LatebloomError(f"{str(path)!r} is empty. {FORMAT}")
    for line in lines:
        source = line.partition("\t")[0].split()
        for kind in TASKS.values():
            if source and source[-1] in kind.tasks:
                return kind()
    lacks = "no tab" if "\t" not in lines[0] else "no task in front of its tab"
    raise LatebloomError(
        f"No line of {str(path)!r} says its task; the first, {lines[0].strip()[:80]!r}, has {lacks}. {FORMAT} Or name "
        f"the task: --task {' or '.join(TASKS)}."
    )
