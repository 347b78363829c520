"""The studies. Importing one registers its experiments, measures and claims."""

import importlib
from typing import Any

STUDIES = ("grokking", "mesa_optimization", "structural_grokking", "model_selection", "future_tokens")


def load() -> None:
    """Registers everything that ships."""
    for name in STUDIES:
        importlib.import_module(f"latebloom.studies.{name}")


def figures_of(name: str) -> Any:
    """The `figures` module of the study that a claim or experiment belongs to; None if it has none."""
    study = name.split(".")[0]
    if study not in STUDIES:
        return None
    return importlib.import_module(f"latebloom.studies.{study}.figures")
