"""Nested brackets: a gap that closes slowly, under the published split and under one of equal lengths."""

from typing import Any

from latebloom.studies.structural_grokking.experiments.recipe import SEEDS, kept, network, now_and_then, recipe
from latebloom.tasks import Dyck
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset

# Capped, because the published strings have no longest length and mean 58 tokens; see docs.
SIZES: dict[str, dict[str, Any]] = {
    "smoke": {"n_train": 200, "n_val": 40, "n_gen": 40, "n_eval": 20, "max_length": 24},
    "quick": {"n_train": 50_000, "n_val": 2000, "n_gen": 2000, "n_eval": 100, "max_length": 64},
    "laptop": {"n_train": 200_000, "n_val": 2000, "n_gen": 2000, "n_eval": 120, "max_length": 64},
    "paper": {"max_length": 2048, "n_eval": 1000},
}
STEPS = {"smoke": 30, "quick": 2000, "laptop": 10_000, "paper": 400_000}
LAYERS = {"smoke": 1, "quick": 2, "laptop": 2, "paper": 6}


@preset("structural_grokking.dyck")
def dyck(scale: str) -> Preset:
    """Brackets of twenty types: held-out structures follow those of training slowly."""
    experiment = Experiment(
        name="structural_grokking.dyck",
        task=Dyck.parse({"bucketed": scale != "paper"} | SIZES[scale]),
        model=network(scale, LAYERS[scale]),
        training=recipe(scale, STEPS[scale]),
        log=now_and_then(scale),
        snapshots=kept(scale),
        measure=(
            Measure(name="structural_grokking.brackets"),
            Measure(name="structural_grokking.train_loss"),
            Measure(name="structural_grokking.weights"),
        ),
        population=5,
    )
    return Preset(experiment, {"task.split": ("component", "length_matched"), "seed": range(SEEDS[scale])})
