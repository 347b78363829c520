"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.structural_grokking.claims import (
    agreement,
    attention,
    brackets,
    depth,
    heuristics,
    question,
    restless,
    stopping,
    tense,
    trees,
    variants,
)

__all__ = [
    "agreement",
    "attention",
    "brackets",
    "depth",
    "heuristics",
    "question",
    "restless",
    "stopping",
    "tense",
    "trees",
    "variants",
]
