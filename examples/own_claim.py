"""A claim of one's own: a rule written down first, judged on runs with an interval and a control, kept in a ledger.

Called without words this trains what the claim needs, judges it and prints its line of the ledger. Called with words it
is the command line, which then knows the claims (and tasks, measures, experiments) of this file:

    python own_claim.py show own.01 --ledger runs/ledger          # statement, rule, value, interval, runs
    python own_claim.py reproduce own --ledger runs/ledger        # train what is missing, judge, print the ledger
    python own_claim.py claims own grokking --ledger runs/ledger  # beside the claims of a study

Without --ledger that is the folder ./ledger, which in a clone of Latebloom holds the verdicts that ship.
"""

import sys

import numpy as np
from rich.console import Console

from latebloom import cli
from latebloom.claims import (
    Evidence,
    Finding,
    Ledger,
    Request,
    Verdict,
    at_least,
    claim,
    decide,
    terminal_table,
    undecided,
    with_control,
)
from latebloom.claims.statistics import paired_ratio
from latebloom.runs.home import home
from latebloom.studies.curves import curves
from latebloom.studies.reproduce import reproduce, select, standing

SLOW, FAST = 1e-3, 1e-2


def needs(scale: str) -> tuple[Request, ...]:
    """The runs, as one would type them behind `latebloom run`: here an experiment that ships, at a size of our own."""
    steps = 20 if scale == "smoke" else 400
    words = f"task.p=31 training.lr={SLOW},{FAST} training.steps={steps} seed=0:8 log.every=5 measure=None"
    return (Request("grokking.modular_addition", scale, tuple(words.split())),)


@claim(
    id="own.01",
    title="Ten times the learning rate memorises twice as fast",
    statement="A network with 24 neurons memorises addition mod 31 in half the steps or fewer if its learning rate is "
    "0.01 instead of 0.001.",
    source="a hunch",
    published="a factor of 2 or more",
    measure="first of three consecutive logs, five steps apart, with train accuracy >= 99 %; slow over fast, by seed",
    rule="the interval of the median ratio over eight seeds lies at 2 or above; contradicted if it lies below",
    control="the slow arm over itself, each seed over the next: the same rule must fail",
    fixed="2026-11-30",  # the day the rule was fixed, before the result was seen
    tag="E",
    scales=("quick",),
    needs=needs,
)
def faster(evidence: Evidence) -> Finding:
    """From runs to a finding: read curves, take one number a seed, compare its interval with the rule."""
    arms = curves(evidence.run).arms("lr")
    slow, fast = (arms[rate].reached("train_accuracy", 0.99) for rate in (SLOW, FAST))  # steps; inf: never
    both = np.isfinite(slow) & np.isfinite(fast)
    if not both.all():
        return undecided(f"{both.sum()} of {len(both)} memorised", "Not all seeds memorised in time.", seeds=len(both))
    control = decide(paired_ratio(slow, np.roll(slow, 1)), at_least(2))
    return with_control(decide(paired_ratio(slow, fast), at_least(2)), control)


def main() -> None:
    # What `python own_claim.py reproduce own --ledger runs/ledger` does, from Python.
    ledger = home() / "ledger"
    claims = select(["own"])
    outcome = reproduce(claims, "quick", home(), ledger)
    assert outcome.failures == () and not outcome.interrupted

    Console(highlight=False, markup=False).print(terminal_table(standing(claims, ledger), width=80))
    (entry,) = Ledger.load(ledger).of("own.01")
    print(f"{entry.verdict}: {entry.measured}, from {entry.seeds} seeds. {entry.note}")
    assert entry.verdict is Verdict.REPRODUCED and entry.seeds == 8
    assert entry.interval[0] >= 2


if __name__ == "__main__":  # runs of several populations train in worker processes, which read this file again
    if sys.argv[1:]:
        sys.exit(cli.main())
    main()
