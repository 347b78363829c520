"""`latebloom check`: a user's own file of sentences, read line by line, beside what the generator makes."""

from pathlib import Path

from latebloom.errors import LatebloomError, unknown_name
from latebloom.tasks import QuestionFormation, TenseInflection
from latebloom.tasks.language.files import read_items, report
from latebloom.tasks.language.pair_task import PairTask

TASKS: dict[str, type[QuestionFormation] | type[TenseInflection]] = {
    "question_formation": QuestionFormation,
    "tense_inflection": TenseInflection,
}


def check(path: Path, name: str | None) -> str:
    """How a tab-separated file (``<sentence> . <task> TAB <target>`` a line) differs from the generator, in words.

    Without a name the task is the one whose tokens stand in the first line. Raises `LatebloomError` where the file
    cannot be read at all.
    """
    task = _task(path, name)
    items, faults = read_items(path, task)
    return f"{path}: read as {task.kind}.\n{report(items, task, faults).text()}"


def _task(path: Path, name: str | None) -> PairTask:
    if name is not None:
        if name not in TASKS:
            raise unknown_name("task of source and target", name, TASKS)
        return TASKS[name]()
    if not path.is_file():
        raise LatebloomError(f"There is no file {str(path)!r}.")
    with path.open(encoding="utf-8", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
    source = first.partition("\t")[0].split()
    for kind in TASKS.values():
        if source and source[-1] in kind.tasks:
            return kind()
    tokens = ", ".join(token for kind in TASKS.values() for token in kind.tasks)
    raise LatebloomError(
        f"The first line of {str(path)!r}, {first.strip()[:80]!r}, does not say its task. A line reads "
        f"`<sentence> . <task> TAB <target>` with one of the tasks {tokens}. Or name it: --task {' or '.join(TASKS)}."
    )
