"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.future_tokens.claims import (
    counting,
    curriculum,
    cut,
    cuts,
    descent,
    gradients,
    ladder,
    lens,
    sine,
    text,
)

__all__ = ["counting", "curriculum", "cut", "cuts", "descent", "gradients", "ladder", "lens", "sine", "text"]
