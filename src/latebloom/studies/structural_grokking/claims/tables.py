"""What the judges of this study share: sources, the usual levels, the runs they need, how numbers read."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from latebloom.claims import Needs, Readable, asks_for

FIXED = "2026-11-25"
MURTY = "Murty et al. 2023, arXiv:2305.18741"
LOGS = "per-seed logs released with arXiv:2305.18741, recomputed"
AHUJA = "Ahuja et al. 2024, arXiv:2404.16367"
QIN = "Qin et al. 2024, arXiv:2412.04619"
TRAINED = ("laptop", "paper")
SATURATED, SUCCESS = 0.99, 0.8  # accuracy in the domain; generalisation


def needs(*experiments: str) -> Needs:
    """The runs of experiments of this study, with their default members."""
    return asks_for(*(f"structural_grokking.{name}" for name in experiments))


def warm_up(run: Readable) -> int:
    """Steps of warm-up of a run's recipe."""
    specification: Mapping[str, Mapping[str, int]] = run.specification(0)  # type: ignore[attr-defined]
    return max(int(specification["training"]["warmup"]), 1)


def listed(values: Float[np.ndarray, " n"], digits: int = 2) -> str:
    """Numbers for reading, in the order of members."""
    return ", ".join(f"{value:.{digits}f}" for value in values)
