"""The studies. Importing one registers its experiments, measures and claims."""

import importlib
from typing import Any

from latebloom.claims import all_claims
from latebloom.training.presets import PRESETS

STUDIES = ("grokking", "mesa_optimization", "structural_grokking", "model_selection", "future_tokens")


def load() -> None:
    """Registers everything that ships."""
    for name in STUDIES:
        importlib.import_module(f"latebloom.studies.{name}")


def study_names() -> list[str]:
    """The studies that ship, then those of experiments and claims of one's own: the word before the dot."""
    own = [name.partition(".")[0] for name in PRESETS if "." in name] + [claim.study for claim in all_claims()]
    return list(dict.fromkeys([*STUDIES, *own]))


def figures_of(name: str) -> Any:
    """The `figures` module of the study that a claim or experiment belongs to; None if it has none."""
    study = name.split(".")[0]
    if study not in STUDIES:
        return None
    return importlib.import_module(f"latebloom.studies.{study}.figures")
