"""How often each structure occurs: as observed in the released data, and as printed in the released grammar files.

The printed weights do not reproduce the released data, so both exist by name. Observed shares were counted in the
released dev and test files (11,000 items a task; McCoy, Frank & Linzen 2020). Rows of the tables are subjects (bare,
PP, relative clause), columns predicates (intransitive; bare, PP, relative-clause object).
"""

import numpy as np
from jaxtyping import Float

from latebloom.tasks.language.structure import CELLS, CLAUSES, PREDICATES, SUBJECTS

Table = Float[np.ndarray, "subject predicate"]
Shares = Float[np.ndarray, " cell"]

DECLARATIVES_OBSERVED: Table = np.array(
    [[0.005, 0.130, 0.137, 0.182], [0.057, 0.052, 0.057, 0.072], [0.066, 0.069, 0.074, 0.099]]
)
QUESTIONS_OBSERVED: Table = np.array([[0.007, 0.193, 0.206, 0.254], [0.078, 0.079, 0.079, 0.104], [0.0, 0.0, 0.0, 0.0]])
DECLARATIVE_SHARE = 6560 / 11000  # of in-distribution items; the rest are questions
GEN_QUOTAS = {"SRC-intransitive": 3204, "SRC-transitive": 3463, "ORC": 3333}  # of 10,000 withheld questions
# Predicates of withheld questions (intransitive, bare, PP). No count of them is published; the printed
# weights, objects with a clause left out, give the published mean length of these items (22.6 tokens), while the
# observed shares of declaratives would give 24.6.
GEN_PREDICATES = np.array([0.6, 0.2, 0.2])
PAST_SHARE = 0.5826  # of in-distribution items of Tense Inflection; the rest are PRESENT

# Subject and object clauses are not mixed alike in the released questions data.
SUBJECT_CLAUSES = np.array([0.25, 0.25, 0.25, 0.25])
OBJECT_CLAUSES = np.array([0.5, 0.25, 0.125, 0.125])
PRINTED_CLAUSES = np.array([2, 2, 1, 1]) / 6
TENSE_CLAUSES = np.array([2, 2, 1, 1]) / 6  # a third each kind; object clauses have either number
PRINTED: Table = np.outer(np.full(3, 1 / 3), [1 / 2, 1 / 6, 1 / 6, 1 / 6])
_TENSE_BARE = 0.041  # bare + intransitive, short of a twelfth because repeats were dropped
TENSE_OBSERVED: Table = np.full((3, 4), (1 - _TENSE_BARE) / 11)
TENSE_OBSERVED[0, 0] = _TENSE_BARE


def spread(table: Table, subject_clauses: np.ndarray, object_clauses: np.ndarray) -> Shares:
    """A 3 x 4 table as shares of all cells, its clauses divided among the four kinds."""
    rows = np.concatenate([table[:2], table[2:] * subject_clauses[:, None]])
    full = np.concatenate([rows[:, :3], rows[:, 3:] * object_clauses], axis=1)
    return full.ravel() / full.sum()


def fold(shares: Shares) -> Table:
    """Shares (or counts) of all cells as a 3 x 4 table; the inverse of `spread` for its clauses."""
    full = shares.reshape(len(SUBJECTS), len(PREDICATES))
    rows = np.concatenate([full[:2], full[2:].sum(0, keepdims=True)])
    return np.concatenate([rows[:, :3], rows[:, 3:].sum(1, keepdims=True)], axis=1)


def where(subjects: tuple[str, ...] = SUBJECTS, predicates: tuple[str, ...] = PREDICATES) -> Shares:
    """1 for cells with these subjects and predicates, 0 for the others."""
    return np.array([float(subject in subjects and predicate in predicates) for subject, predicate in CELLS])


def with_clause_share(shares: Shares, share: float) -> Shares:
    """The same mix within and without subject relative clauses, which together get `share`."""
    inside = shares * where(CLAUSES)
    outside = shares - inside
    return share * inside / inside.sum() + (1 - share) * outside / outside.sum()


def largest_remainder(weights: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to `weights` that add up to `total`.

    >>> largest_remainder(np.array([3204, 3463, 3333]), 100).tolist()
    [32, 35, 33]
    """
    exact = weights * total / weights.sum()
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts
