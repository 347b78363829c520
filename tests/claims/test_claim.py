import pytest

from latebloom.claims import (
    Change,
    Claim,
    Evidence,
    Request,
    Verdict,
    all_claims,
    blank,
    claim,
    get,
    not_run,
    of_study,
    settle,
)
from latebloom.errors import LatebloomError
from latebloom.registry import Registry
from tests.claims.build import FakeRun, make_claim, words


@pytest.fixture
def table():
    """A table of its own, so that tests do not meet the studies' claims."""
    return Registry("claim")


def judge_yes(evidence):
    return settle(True, "yes")


def test_a_decorated_judge_is_a_claim_in_the_table(table):
    assert claim(**words(cost={"quick": "10 s"}), table=table)(judge_yes) is judge_yes
    entered = table["grokking.01"]
    assert (entered.study, entered.judge, entered.cost) == ("grokking", judge_yes, {"quick": "10 s"})
    assert entered.command("laptop") == "latebloom reproduce grokking.01 --scale laptop"
    assert entered.needs("quick") == ()


def test_an_id_is_taken_once(table):
    claim(**words(), table=table)(judge_yes)
    with pytest.raises(LatebloomError, match=r"'grokking.01' is taken by 'Memorises early, generalises late'; 'Other'"):
        claim(**words(title="Other"), table=table)(judge_yes)


def test_the_public_table_finds_by_id_and_by_study(monkeypatch, table):
    monkeypatch.setattr("latebloom.claims.registry.CLAIMS", table)
    for id in ("grokking.02", "grokking.01", "mesa.01"):
        claim(**words(id), table=table)(judge_yes)
    assert [entry.id for entry in all_claims()] == ["grokking.01", "grokking.02", "mesa.01"]
    assert [entry.id for entry in of_study("grokking")] == ["grokking.01", "grokking.02"]
    assert get("mesa.01").study == "mesa"
    with pytest.raises(LatebloomError, match=r"Unknown claim 'grokking.03'. Did you mean 'grokking.0"):
        get("grokking.03")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rule": " "}, "empty rule"),
        ({"fixed": ""}, "should read like \"2026-01-31\"; got ''"),
        ({"fixed": "20250131"}, "got '20250131'"),
        ({"fixed": "2025-02-30"}, "got '2025-02-30'"),
        ({"changes": (Change("yesterday", "typo"),)}, "got 'yesterday'"),
        ({"title": "x" * 61}, "at most 60 characters; this one has 61"),
        ({"tag": "X"}, "got 'X'"),
        ({"tag": ""}, "one or more of P, D, C, N, R, E"),
        ({"id": "01"}, "got '01'"),
        ({"scales": ("laptpo",)}, "Unknown scale of claim grokking.01 'laptpo'. Did you mean 'laptop'"),
        ({"cost": {"huge": "1 h"}}, "'huge'"),
        ({"scales": ("smoke",)}, "got smoke"),
        ({"scales": ()}, "got none"),
        ({"judge": None}, "no judge; `why`"),
    ],
)
def test_a_claim_is_complete_or_refused(change, text):
    with pytest.raises(LatebloomError, match=text.replace(".", r"\.")):
        Claim(**words(**{"judge": judge_yes, **change}))


def test_a_claim_that_cannot_be_judged_here_says_what_it_takes(table):
    plain = {name: value for name, value in words().items() if name != "scales"}
    entered = not_run(
        **plain, scale="paper", cost="30 GPU hours", why="A two-core machine would need a month.", table=table
    )
    assert table["grokking.01"] is entered
    entry = blank(entered)
    assert (entry.verdict, entry.scale) == (Verdict.NOT_RUN, "paper")
    assert entry.note == "Needs scale paper (30 GPU hours). A two-core machine would need a month."
    with pytest.raises(LatebloomError, match="Unknown scale"):
        not_run(**{**plain, "id": "grokking.02"}, scale="papr", cost="", why="x", table=table)


def test_a_request_is_hashable_and_prints_its_command():
    request = Request("grokking.parity_sweep", "quick", ("hidden=16,32", "label=a b"))
    assert len({request, Request("grokking.parity_sweep", "quick", ("hidden=16,32", "label=a b"))}) == 1
    assert request.command == "latebloom run grokking.parity_sweep --scale quick hidden=16,32 'label=a b'"


def test_a_text_where_several_words_are_meant_is_refused():
    with pytest.raises(LatebloomError, match=r"Write \('seed=0:9', 'lr=1e-3'\)"):
        Request("grokking.parity", "quick", "seed=0:9 lr=1e-3")
    with pytest.raises(LatebloomError, match="`scales` is a tuple of names; got the text 'quick'"):
        Claim(**words(scales="quick"), why="x")


def test_evidence_gives_the_only_run():
    run = FakeRun()
    assert Evidence("quick", (run,)).run is run
    with pytest.raises(LatebloomError, match="this one has 2"):
        _ = Evidence("quick", (run, run)).run


def test_claims_are_compared_by_identity_so_that_they_can_be_keys():
    assert len({make_claim(), make_claim()}) == 2
