"""What the claims on the main run share: the run they ask for, times of events, and rows of list columns."""

import numpy as np
from jaxtyping import Float

from latebloom.claims import Change, Finding, Readable, asks_for, counted, undecided
from latebloom.instruments.outcome import TimeOutcome, outcome_by_time
from latebloom.studies.curves import Curves, curves

P = 67
CHANCE = 1 / P
NATS = float(P)  # the page's loss is divided by the number of classes; times this it is nats per example
PAGE = "Pearce et al. 2023, Do Machine Learning Models Memorize or Generalize?"
MEMORISING_UNTIL = 2000  # steps; the earliest of 450 published runs generalises at about 12,000
MORE_SEEDS = Change(
    "2026-11-22",
    "Sixty seeds at laptop instead of forty: of the first forty only 18 had settled, too few for the claims on "
    "frequencies. The rule is as it was.",
)
SETTLING = 5000  # steps between generalising and the end without which a network is not counted as settled
main_run = asks_for("grokking.modular_addition")  # the main run with its default seeds


def outcome(table: Curves, level: float = 0.95) -> TimeOutcome:
    """When each member memorised (train accuracy 99 %) and generalised (test accuracy stays at `level`)."""
    return outcome_by_time(
        table.steps, table.of("train_accuracy"), table.of("test_accuracy"), chance=CHANCE, level=level
    )


def settled(run: Readable) -> Curves:
    """The members that had generalised 5,000 steps before their end."""
    table = curves(run)
    out = outcome(table)
    return table.where(np.asarray(out.t_gen + SETTLING <= out.last_step))


def few(table: Curves) -> Finding:
    """The finding where too few members had settled."""
    n = len(table.members)
    return undecided(
        f"{counted(n, 'seed')} settled", "Fewer than five seeds had generalised 5,000 steps before the end.", seeds=n
    )


def vectors(
    table: Curves, column: str, at: Float[np.ndarray, " member"] | None = None
) -> Float[np.ndarray, "member k"]:
    """A list column, one row a member: the first row at or after a step of its own, or the last row there is."""
    rows = []
    listed = table.frame[table.frame[column].notna()].sort_values("step")
    for place, member in enumerate(table.members.index):
        own = listed[listed["member"] == member]
        late = own if at is None else own[own["step"] >= at[place]]
        rows.append(np.asarray((own if late.empty else late).iloc[-1 if at is None or late.empty else 0][column]))
    return np.asarray(rows, dtype=np.float64)


def from_step(
    table: Curves, values: Float[np.ndarray, "member step"], first: Float[np.ndarray, " member"]
) -> np.ndarray:
    """Curves with everything before each member's own step blanked out."""
    return np.where(table.steps >= first[:, None], values, np.nan)
