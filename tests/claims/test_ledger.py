import json
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latebloom.claims import SCALES, Entry, Ledger, Request, Verdict, is_current, settle, standings
from latebloom.claims.claim import Change
from latebloom.errors import StoreError
from tests.claims.build import DAY, FakeRun, make_claim, make_entry

LATER = DAY + timedelta(days=1)


def test_an_entry_survives_json():
    entry = make_entry(make_claim(changes=(Change("2025-02-01", "the source corrects its figure"),)))
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry
    asked = "id study statement source published measured interval verdict scale seeds runs seconds command"
    assert set(asked.split()) <= set(entry.to_json())


def test_a_ledger_survives_its_folder(tmp_path):
    entries = [make_entry(make_claim(id=id)) for id in ("grokking.02", "grokking.01", "mesa.01")]
    ledger = Ledger().merge([*entries, make_entry(scale="laptop")])
    ledger.save(tmp_path / "ledger")
    assert sorted(path.name for path in (tmp_path / "ledger").iterdir()) == ["grokking.json", "mesa.json"]
    assert Ledger.load(tmp_path / "ledger") == ledger
    assert [(entry.id, entry.scale) for entry in ledger.entries] == [
        ("grokking.01", "quick"),
        ("grokking.01", "laptop"),
        ("grokking.02", "quick"),
        ("mesa.01", "quick"),
    ]


def test_the_same_ledger_is_the_same_bytes_and_one_entry_changes_few_lines(tmp_path):
    entries = [make_entry(make_claim(id=f"grokking.{i:02}")) for i in range(3)]
    entries = [replace(entry, seconds=1.0) for entry in entries]
    Ledger().merge(entries).save(tmp_path / "a")
    Ledger().merge(entries[::-1]).save(tmp_path / "b")
    first, second = ((tmp_path / name / "grokking.json").read_text() for name in "ab")
    assert first == second
    Ledger().merge([*entries, replace(entries[1], measured="other")]).save(tmp_path / "b")
    third = (tmp_path / "b" / "grokking.json").read_text()
    assert sum(a != b for a, b in zip(first.splitlines(), third.splitlines(), strict=True)) == 1


@given(st.lists(st.tuples(st.sampled_from(["grokking.01", "grokking.02"]), st.sampled_from(SCALES), st.integers(0, 9))))
def test_merging_keeps_the_latest_of_each_claim_and_scale(made):
    base = make_entry()
    new = [replace(base, id=id, scale=scale, judged_at=f"2025-01-0{day + 1}") for id, scale, day in made]
    kept = {(entry.id, entry.scale): entry.judged_at for entry in Ledger().merge(new).entries}
    wanted = {}
    for entry in new:
        if entry.scale != "smoke":
            key = (entry.id, entry.scale)
            wanted[key] = max(entry.judged_at, wanted.get(key, ""))
    assert kept == wanted


def test_an_older_judgement_does_not_replace_a_newer_one():
    newer = make_entry(make_claim(settle(False, "later", seeds=9)), now=LATER)
    assert Ledger().merge([newer]).merge([make_entry()]).entries == (newer,)


def test_no_folder_is_an_empty_ledger(tmp_path):
    assert Ledger.load(tmp_path / "none") == Ledger()


def ledger_text(**changes):
    """A ledger file whose only entry has other values."""
    return json.dumps({"format": 1, "entries": [make_entry().to_json() | changes]})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "format 'list'"),
        ('{"format": 2, "entries": []}', "format 2; this version of Latebloom reads format 1"),
        ('{"format": 1, "entries": [{"id": "grokking.01"}]}', "'grokking.01' does not fit: missing"),
        ('{"format": 1, "entries": [7]}', "has no list of entries"),
        ('{"format": 1}', "has no list of entries"),
        (ledger_text(interval=5), "has an entry that does not fit"),
        (ledger_text(runs=None), "has an entry that does not fit"),
        (ledger_text(changes=[["2026-01-01"]]), "has an entry that does not fit"),
        (ledger_text(verdict=[]), "the verdict"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_by_name(tmp_path, text, told):
    (tmp_path / "grokking.json").write_text(text)
    with pytest.raises(StoreError, match=told) as caught:
        Ledger.load(tmp_path)
    assert "grokking.json" in str(caught.value)


def test_an_impossible_verdict_is_refused():
    data = make_entry().to_json()
    with pytest.raises(StoreError, match="the verdict 'proven' at the scale 'quick'"):
        Entry.from_json({**data, "verdict": "proven"})


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    Ledger().merge([make_entry()]).save(tmp_path)
    before = (tmp_path / "grokking.json").read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"grokking\.json cannot be written: No space left on device"):
        Ledger().merge([make_entry(scale="laptop")]).save(tmp_path)
    assert (tmp_path / "grokking.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["grokking.json"]


# --- what is current -------------------------------------------------------------------------------------------------


def resolve(request: Request) -> str:
    return "aa11"


def test_an_entry_is_current_until_rule_needs_version_scale_or_runs_change():
    claim = make_claim()
    entry = make_entry(claim, runs=[FakeRun("aa11")])
    assert is_current(claim, entry)
    assert is_current(claim, entry, resolve)
    assert not is_current(claim, entry, lambda request: "bb22")
    assert not is_current(make_claim(rule="another rule"), entry)
    assert not is_current(make_claim(version=2), entry)
    assert not is_current(make_claim(scales=("laptop",)), entry)
    assert not is_current(make_claim(judge=None, why="withdrawn"), entry)


def test_the_largest_current_scale_is_shown():
    claim = make_claim()
    ledger = Ledger().merge([make_entry(claim, "laptop"), make_entry(claim, "quick", LATER)])
    (row,) = standings([claim], ledger)
    assert (row.entry.scale, row.word, row.stale) == ("laptop", "reproduced", False)


def test_a_current_small_scale_goes_before_a_stale_large_one():
    old, new = make_claim(rule="old rule"), make_claim()
    ledger = Ledger().merge([make_entry(old, "laptop"), make_entry(new, "quick")])
    (row,) = standings([new], ledger)
    assert (row.entry.scale, row.stale) == ("quick", False)


def test_a_stale_verdict_is_never_shown_as_one():
    (row,) = standings([make_claim(rule="another rule")], Ledger().merge([make_entry()]))
    assert row.word == "stale (was reproduced)"
    data = row.to_json()
    assert (data["verdict"], data["stale"]) == ("not run", True)
    assert "judged reproduced on 2025-03-04" in data["note"]


def test_a_claim_without_entry_is_not_run_at_its_smallest_scale():
    (row,) = standings([make_claim(scales=("laptop", "paper"), cost={"laptop": "1 h"})], Ledger())
    assert (row.entry.verdict, row.entry.scale) == (Verdict.NOT_RUN, "laptop")
    assert row.entry.note == "Needs scale laptop (1 h)."
    assert row.entry.command == "latebloom reproduce grokking.01 --scale laptop"
    assert row.to_json()["stale"] is False


def test_entries_added_at_the_same_time_are_all_kept(tmp_path, monkeypatch):
    load = Ledger.load

    def slowly(folder):
        found = load(folder)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(Ledger, "load", slowly)
    entries = [make_entry(make_claim(id=f"grokking.0{number}")) for number in range(4)]
    writers = [threading.Thread(target=Ledger.add, args=(tmp_path, [entry])) for entry in entries]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert load(tmp_path).entries == tuple(entries)


def test_a_ledger_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="must be a folder"):
        Ledger.add(tmp_path / "file", [make_entry()])
