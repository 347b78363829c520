"""What the claims about small networks share: outcomes of a run's members, shares."""

import math

import numpy as np
from jaxtyping import Bool

from latebloom.instruments.outcome import TimeOutcome, outcome_by_time
from latebloom.studies.curves import Curves

FIXED = "2026-11-22"
PEARCE = "Pearce et al. 2023, Do Machine Learning Models Memorize or Generalize?"
P = 67
UNIFORM = math.log(P)  # nats
Flags = Bool[np.ndarray, " member"]


def outcomes(table: Curves) -> TimeOutcome:
    """Times to memorise (train 0.99) and to generalise (test 0.95 for three logs); chance 1/67, any delay counts."""
    train, test = table.of("train_accuracy"), table.of("test_accuracy")
    return outcome_by_time(table.steps, train, test, chance=1 / P, min_delay=0)
