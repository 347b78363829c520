"""The views. Each has a Python half, which reads a run, and a TypeScript half under the same name in web/src/views."""

from latebloom.view.views import (
    curves,
    future_tokens,
    grokking,
    mesa_optimization,
    model_selection,
    structural_grokking,
)
from latebloom.view.views.base import VIEWS, Maker, View, opened_members, packs_of, runs_beside, views_of

__all__ = [
    "VIEWS",
    "Maker",
    "View",
    "curves",
    "future_tokens",
    "grokking",
    "mesa_optimization",
    "model_selection",
    "opened_members",
    "packs_of",
    "runs_beside",
    "structural_grokking",
    "views_of",
]
