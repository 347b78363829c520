"""Claims judged side by side: the verdicts of one after another, kept as they come, whatever becomes of a worker."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from latebloom.claims import Ledger
from latebloom.studies.reproduce import judge_again, select

ROOT = Path(__file__).parents[2]

# Claims of a script's own: worker processes know them by running it again, up to the guard.
SCRIPT = """
    import os, time
    from latebloom.claims import Finding, Verdict, claim
    from latebloom.studies.reproduce import judge_again, select

    def mine(name, judge):
        words = dict.fromkeys(("statement", "source", "published", "measure", "rule"), "none")
        words |= dict(title=name, fixed="2026-01-31", tag="E", deterministic=True)
        claim(id=f"mine.{name}", **words)(judge)

    def fine(evidence):
        return Finding(measured=str(os.getppid()), verdict=Verdict.REPRODUCED, seeds=0)

    mine("a_fine", fine)
    mine("b_dies", lambda evidence: os._exit(3))
    mine("c_wrong", lambda evidence: 1 / 0)
    mine("d_slow", lambda evidence: time.sleep(600))
    mine("e_fine", fine)

    if __name__ == "__main__":
        told = []
        asked = [f"mine.{name}" for name in os.environ["CLAIMS"].split()]
        outcome = judge_again(select(asked), "quick", "home", "ledger", lambda *words: told.append(words), workers=2)
        print([words[1:] for words in told])
        print(*[f"{entry.id} {entry.measured == str(os.getpid())}" for entry in outcome.entries], sep=", ")
        print(*outcome.failures, sep="\\n")
"""


def start(tmp_path, names):
    """The script in a process group of its own, as a terminal starts one."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"CLAIMS": names},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_side_by_side_as_one_after_another(tmp_path):
    claims = select(["mesa_optimization.01", "mesa_optimization.04", "mesa_optimization.08", "mesa_optimization.12"])
    one = judge_again(claims, "quick", tmp_path, tmp_path / "one", workers=1)
    two = judge_again(claims, "quick", tmp_path, tmp_path / "two", workers=2)
    assert [entry.id for entry in one.entries] == [f"mesa_optimization.{number}" for number in ("01", "04", "08")]
    assert one.failures == two.failures == ()
    for own, other in zip(one.entries, two.entries, strict=True):
        assert own == replace(other, seconds=own.seconds, judged_at=own.judged_at)
    for outcome, folder in ((one, "one"), (two, "two")):
        assert Ledger.load(tmp_path / folder).entries == outcome.entries


def test_a_judge_that_fails_or_takes_its_worker_with_it_stops_no_other(tmp_path):
    out, err = start(tmp_path, "a_fine b_dies c_wrong e_fine").communicate(timeout=300)
    told, entries, *failures = out.splitlines()
    dies, wrong = sorted(failures)
    assert told == "[(1, 4), (2, 4), (3, 4), (4, 4)]", err
    assert entries == "mine.a_fine True, mine.e_fine True"  # judged by a child of the script's
    assert dies.startswith("Judging claim mine.b_dies: its worker process died (killed, or out of memory)")
    assert wrong.startswith("Judging claim mine.c_wrong (c_wrong) at scale quick failed: ZeroDivisionError")
    assert [entry.id for entry in Ledger.load(tmp_path / "ledger").entries] == ["mine.a_fine", "mine.e_fine"]


@pytest.mark.parametrize("group", [True, False])
def test_who_stops_half_way_keeps_the_verdicts_that_were_there(group, tmp_path):
    process = start(tmp_path, "d_slow a_fine e_fine")
    deadline = time.monotonic() + 300
    while len(Ledger.load(tmp_path / "ledger").entries) < 2:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.05)
    stop = os.killpg if group else os.kill  # Ctrl-C in a terminal, or a signal to the command alone
    stop(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)  # until all who could still print are gone; the slow judge has ten minutes
    assert "KeyboardInterrupt" in err
