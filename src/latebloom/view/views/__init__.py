"""The views. Each has a Python half, which reads a run, and a TypeScript half under the same name in web/src/views."""

from latebloom.view.views import curves, future_tokens, grokking, mesa_optimization
from latebloom.view.views.base import VIEWS, Maker, View, packs_of, views_of

__all__ = ["VIEWS", "Maker", "View", "curves", "future_tokens", "grokking", "mesa_optimization", "packs_of", "views_of"]
