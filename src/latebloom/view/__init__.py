"""What people look at: the lab in the browser, a site as a folder, and the same views in a notebook.

Needs the extra `view` (`pip install 'latebloom[view]'`). Heavy imports wait until a name is asked for:

    from latebloom.view import GrokkingView
    GrokkingView(run)
"""

from typing import Any

__all__ = [
    "ConstructedView",
    "CurvesView",
    "FutureTokensView",
    "GrokkingView",
    "MesaView",
    "ModelSelectionView",
    "StructuralGrokkingView",
    "TrainView",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from latebloom.view import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
