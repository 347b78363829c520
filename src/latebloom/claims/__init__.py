"""What we believe: claims of sources, the rules they are held to, and the ledger of verdicts.

A claim names the runs it needs and a function that judges them; whoever calls finds or trains those runs. So a claim
can be judged again without training, and nothing here knows a study or a training loop.
"""

from latebloom.claims.claim import Change, Claim, Evidence, Needs, Readable, Request, asks_for
from latebloom.claims.judging import blank, fingerprint, judge
from latebloom.claims.ledger import Entry, Ledger
from latebloom.claims.registry import all_claims, claim, get, not_run, of_study
from latebloom.claims.rendering import summary, terminal_table
from latebloom.claims.standing import Standing, is_current, standings
from latebloom.claims.verdict import (
    Finding,
    NothingToJudge,
    Region,
    Verdict,
    all_of,
    at_least,
    at_most,
    between,
    decide,
    settle,
    settle_number,
    undecided,
    verdict_of,
    with_control,
)
from latebloom.training.experiment import SCALES
from latebloom.wording import counted

__all__ = [
    "SCALES",
    "Change",
    "Claim",
    "Entry",
    "Evidence",
    "Finding",
    "Ledger",
    "Needs",
    "NothingToJudge",
    "Readable",
    "Region",
    "Request",
    "Standing",
    "Verdict",
    "all_claims",
    "all_of",
    "asks_for",
    "at_least",
    "at_most",
    "between",
    "blank",
    "claim",
    "counted",
    "decide",
    "fingerprint",
    "get",
    "is_current",
    "judge",
    "not_run",
    "of_study",
    "settle",
    "settle_number",
    "standings",
    "summary",
    "terminal_table",
    "undecided",
    "verdict_of",
    "with_control",
]
