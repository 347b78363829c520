"""Simple agreement: single sentences of few types, or of many."""

from typing import Any

from latebloom.studies.structural_grokking.experiments.recipe import (
    SEEDS,
    kept,
    network,
    now_and_then,
    recipe,
)
from latebloom.tasks import SimpleAgreement
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {"n_train": 240, "n_val": 40, "n_gen": 40, "n_eval": 20},
    "quick": {"n_eval": 200},
    "laptop": {"n_eval": 200},
    "paper": {"n_eval": 1000},
}
STEPS = {"smoke": 30, "quick": 2000, "laptop": 6000, "paper": 200_000}
TYPES = (12, 120)


@preset("structural_grokking.agreement")
def agreement(scale: str) -> Preset:
    """Simple agreement: sentences of 12 types, which leave the rule open, and of 120, which do not."""
    experiment = Experiment(
        name="structural_grokking.agreement",
        task=SimpleAgreement.parse({"bucketed": scale != "paper"} | SIZES[scale]),
        model=network(scale, 6 if scale == "paper" else 4),
        training=recipe(scale, STEPS[scale]),
        log=now_and_then(scale),
        snapshots=kept(scale),
        measure=(Measure(name="structural_grokking.agreement"), Measure(name="structural_grokking.train_loss")),
        population=5,
    )
    return Preset(experiment, {"task.n_types": TYPES, "seed": range(SEEDS[scale])})
