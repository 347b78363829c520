"""All the statistics of the project: numbers in, small frozen records out.

Every interval is a 95 % interval. Nothing else in the project computes an interval or a p-value, so that two claims
that say "median over seeds" mean the same thing.
"""

from latebloom.claims.statistics.association import Gain, RankCorrelation, explained, rank_correlation, slope
from latebloom.claims.statistics.crossed import crossed_median, crossed_ratio
from latebloom.claims.statistics.estimate import Estimate, exactly, format_number
from latebloom.claims.statistics.one_sample import (
    UniformTest,
    largest,
    mean,
    median,
    share,
    share_of,
    smallest,
    uniform_counts,
)
from latebloom.claims.statistics.paired import PairedDifference, paired_difference, paired_ratio
from latebloom.claims.statistics.survival import survival_median
from latebloom.claims.statistics.tost import Equivalence, equivalence

__all__ = [
    "Equivalence",
    "Estimate",
    "Gain",
    "PairedDifference",
    "RankCorrelation",
    "UniformTest",
    "crossed_median",
    "crossed_ratio",
    "equivalence",
    "exactly",
    "explained",
    "format_number",
    "largest",
    "mean",
    "median",
    "paired_difference",
    "paired_ratio",
    "rank_correlation",
    "share",
    "share_of",
    "slope",
    "smallest",
    "survival_median",
    "uniform_counts",
]
