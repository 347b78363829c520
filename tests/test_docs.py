"""The documentation is true: its code runs, its pictures are current, its ledger says what the files say.

Every ```python block of a page is executed, in order and in one namespace a page. A block with prompts (`>>>`) is
a doctest. A block that cannot run here is preceded by the line `<!-- not executed: reason -->`.
"""

import doctest
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from latebloom import studies
from latebloom.claims import Entry, Ledger, Verdict, all_claims
from latebloom.claims.registry import CLAIMS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN = [path for path in DOCS.rglob("*.md") if DOCS / "reference" not in path.parents]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *WRITTEN] if "```python" in path.read_text())
BLOCK = re.compile(r"^(?P<note><!-- not executed: .+ -->\n+)?```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def load(path):
    """A script of the documentation as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_page(text, name):
    """Executes a page's blocks; each keeps its line number, so that a traceback points into the page."""
    namespace = {"__name__": f"page {name}"}
    for block in BLOCK.finditer(text):
        if block["note"]:
            continue
        line = text.count("\n", 0, block.start("code"))
        if block["code"].lstrip().startswith(">>>"):
            flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
            test = doctest.DocTestParser().get_doctest(block["code"], namespace, name, name, line)
            doctest.DebugRunner(optionflags=flags).run(test, clear_globs=False)
            namespace = test.globs
        else:
            exec(compile("\n" * line + block["code"], name, "exec"), namespace)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_on_the_page_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    studies.load()
    monkeypatch.setattr(CLAIMS, "_parts", dict(CLAIMS._parts))  # a page's own claims are gone after it
    run_page(path.read_text(), path.name)


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("```python\nassert 1 + 1 == 3\n```\n", AssertionError),
        ("```python\nx = 1\n```\ntext\n```python\n>>> x\n2\n```\n", doctest.DocTestFailure),
        ("```python\n>>> 1 / 0\n0\n```\n", doctest.UnexpectedException),
    ],
)
def test_wrong_code_on_a_page_is_noticed(page, error):
    with pytest.raises(error):
        run_page(page, "page.md")


def test_only_a_block_with_a_reason_is_left_out():
    run_page("<!-- not executed: needs a GPU -->\n```python\n1 / 0\n```\n", "page.md")
    with pytest.raises(ZeroDivisionError):
        run_page("<!-- not executed: -->\n```python\n1 / 0\n```\n", "page.md")


def test_pictures_show_the_contract_that_is_checked():
    drawn = load(DOCS / "draw_house.py").pictures()
    stale = [name for name, svg in drawn.items() if (DOCS / "_static" / name).read_text() != svg]
    assert stale == [], "Draw them again: python docs/draw_house.py"


@pytest.fixture
def ledger_page():
    return load(DOCS / "_ext" / "ledger_page.py")


ROW = {
    "id": "grokking.1",
    "study": "grokking",
    "statement": "A |b| rises_",
    "source": "sheet 1",
    "published": "0.5",
    "measured": "0.123",
    "interval": [0.1, 0.25],
    "verdict": "contradicted",
    "scale": "quick",
    "seeds": 3,
    "runs": ["abc"],
    "seconds": 3.0,
    "command": "latebloom reproduce grokking.1 --scale quick",
}


def test_ledger_table_says_what_the_file_says(ledger_page, tmp_path):
    second = ROW | {"id": "grokking.2", "interval": [None, 0.25], "verdict": "inconclusive", "seeds": 0}
    earlier = ROW | {"verdict": "reproduced", "scale": "quick"}
    document = {"format": 1, "study": "grokking", "entries": [earlier, ROW | {"scale": "laptop"}, second]}
    (tmp_path / "grokking.json").write_text(json.dumps(document))
    _, _, counts, _, _, _, first, second = ledger_page.tables(tmp_path).splitlines()
    assert counts == "2 claims: 1 contradicted, 1 inconclusive."
    assert [cell.strip() for cell in re.split(r"(?<!\\)\|", first)[1:-1]] == [
        "grokking.1",
        r"A \|b\| rises\_",
        "0.5",
        "0.123 (0.1 to 0.25)",
        "**contradicted**",
        "laptop",
        "3",
        "`latebloom reproduce grokking.1 --scale quick`",
    ]
    assert "0.123 (unbounded to 0.25) | **inconclusive** | quick |  |" in second


def test_an_interval_stands_beside_a_number_only_where_it_is_that_number_s(ledger_page):
    assert ledger_page.measured(ROW) == "0.123 (0.1 to 0.25)"
    assert ledger_page.measured(ROW | {"estimates": {"one": {}}}) == "0.123 (0.1 to 0.25)"
    assert ledger_page.measured(ROW | {"estimates": {"one": {}, "other": {}}}) == "0.123"
    assert ledger_page.measured(ROW | {"interval": [0.123, 0.123]}) == "0.123"


def test_ledger_page_reads_what_the_ledger_writes(ledger_page, tmp_path):
    entry = Entry(
        **{key: value for key, value in ROW.items() if key not in ("verdict", "interval", "runs")},
        **dict.fromkeys(("title", "tag", "rule", "control", "note", "judged_at", "fingerprint"), "text"),
        verdict=Verdict.REPRODUCED,
        interval=(0.1, None),
        runs=("abc",),
        fixed="2026-01-31",
        changes=(),
    )
    Ledger((entry,)).save(tmp_path)
    assert "0.123 (0.1 to unbounded) | **reproduced** |" in ledger_page.tables(tmp_path)


def test_an_empty_ledger_is_said_to_be_empty(ledger_page, tmp_path):
    assert ledger_page.tables(tmp_path) == "The ledger holds no verdicts yet."


def test_docstrings_are_text_except_for_code():
    escaped = load(DOCS / "_ext" / "plain_docstrings.py").escape_docstring(
        ["|x| * w_ and `|y|`", ">>> a * b", "|1|", "", "Shape::", "", "    |z|", "", "|u|"]
    )
    assert escaped == [
        r"\|x\| \* w\_ and `|y|`",
        ">>> a * b",
        "|1|",
        "",
        "Shape::",
        "",
        "    |z|",
        "",
        r"\|u\|",
    ]


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(path, tmp_path):
    # In a process of its own, as a reader would call it.
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def study_notes(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    return load(DOCS / "_ext" / "study_notes.py")


NOTES = sorted((DOCS / "studies").rglob("*.md"))


def test_every_claim_stands_in_the_notes_of_its_study_once(study_notes):
    studies.load()
    told = [
        name
        for path in NOTES
        for kind, names in study_notes.MARKER.findall(path.read_text())
        if kind == "results"
        for name in names.split()
    ]
    assert sorted(told) == sorted(claim.id for claim in all_claims())


def test_notes_take_verdicts_from_the_ledger_and_say_where_there_is_none(study_notes, tmp_path):
    studies.load()
    quick = ROW | {"id": "grokking.03", "note": "a*b", "verdict": "inconclusive"}
    document = {"format": 1, "study": "grokking", "entries": [quick | {"scale": "laptop"}, quick]}
    (tmp_path / "grokking.json").write_text(json.dumps(document))
    text = study_notes.results(["grokking.03", "grokking.05"], tmp_path)
    first, second = text.split("### grokking.05")
    assert [line for line in first.splitlines() if "**" in line] == [
        r"| quick | **inconclusive** | 0.123 (0.1 to 0.25) | 3 | a\*b |",
        r"| laptop | **inconclusive** | 0.123 (0.1 to 0.25) | 3 | a\*b |",
    ]
    assert "The ledger holds no verdict on it yet" in second
    assert "`latebloom reproduce grokking.05 --scale laptop`" in second


def test_notes_tell_settings_as_the_code_has_them(study_notes):
    studies.load()
    row = study_notes.settings(["grokking.modular_addition"]).splitlines()[-1]
    assert "optimiser adamw, loss cross\\_entropy\\_per\\_class, lr 0.001, weight\\_decay 1.0" in row
    assert "| 50,000 | 60: seed 0 to 59 (60 values) |" in row


def test_a_stale_verdict_is_never_shown_as_current(ledger_page, tmp_path):
    document = {"format": 1, "study": "grokking", "entries": [ROW]}
    (tmp_path / "grokking.json").write_text(json.dumps(document))
    text = ledger_page.tables(tmp_path, frozenset({("grokking.1", "quick")}))
    assert "1 claims: 1 stale." in text
    assert "**stale (was contradicted)**" in text


def test_an_entry_of_another_rule_is_stale(ledger_page, tmp_path):
    values = {key: value for key, value in ROW.items() if key not in ("id", "verdict", "interval", "runs")}
    words = dict.fromkeys(("title", "tag", "rule", "control", "note", "judged_at", "fingerprint"), "text")
    entry = Entry(
        **values,
        **words,
        id="grokking.14",
        verdict=Verdict.REPRODUCED,
        interval=None,
        runs=(),
        fixed="2026-01-31",
        changes=(),
    )
    Ledger((entry,)).save(tmp_path)
    assert ledger_page.stale_entries(tmp_path) == {("grokking.14", "quick")}


def test_no_verdict_is_typed_into_the_notes():
    typed = [
        path.name for path in NOTES if re.search(r"\*\*(reproduced|contradicted|inconclusive)\*\*", path.read_text())
    ]
    assert typed == []
