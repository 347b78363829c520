"""What claims of this study share: sources, the day the rules were fixed, scales, the runs they need."""

from latebloom.claims import Change, Finding, Needs, asks_for, settle
from latebloom.claims.statistics import share

MAIN = "Yadlowsky, Doshi & Tripuraneni 2023, arXiv:2311.00871"
COMPANION = "Tripuraneni, Doshi & Yadlowsky, Can Transformers In-Context Learn Task Mixtures?, NeurIPS 2023 workshop"
GARG = "Garg, Tsipras, Liang & Valiant 2022, arXiv:2208.01066"
PANWAR = "stored results of the public code of Panwar, Ahuja & Goyal 2024, arXiv:2306.04891"
FIXED = "2026-11-29"
SCALES = ("laptop", "paper")
FLOOR = 1e-4  # errors are raised to it before they are divided: a ratio of two zeros says nothing

# The main paper prints curves; beyond its abstract they are recalled, so no number of it is shown as published.
SHAPE = "no number: curves only, recalled and not read again"
SEEDS_AND_PROMPTS = "medians over seeds, with intervals over seeds and prompts"
OVER_PROMPTS = Change(
    "2026-11-29",
    "After a verdict on 2,000 prompts with intervals over seeds alone: a hundredth of the prompts holds up to half of "
    "the error, and for claim 13 other prompts gave 0.21 where the interval was 0.16 to 0.18. Marks are as they were; "
    "now 8,000 prompts of functions of one number, and intervals cover the draw of prompts too.",
)
linear = asks_for("model_selection.linear")  # dense and sparse functions
testbed = asks_for("model_selection.testbed")  # lines and sinusoids


def with_linear(name: str) -> Needs:
    """The main experiment beside one of its variants."""
    return asks_for(f"model_selection.{name}", "model_selection.linear")


def most_seeds(held: list[bool], told: str) -> Finding:
    """A rule of orderings, "in at least two thirds of the seeds": true or false, with Wilson's interval beside it."""
    count = sum(held)
    return settle(
        3 * count >= 2 * len(held),
        f"{told} in {count} of {len(held)} seeds",
        seeds=len(held),
        estimate=share(count, len(held)),
    )
