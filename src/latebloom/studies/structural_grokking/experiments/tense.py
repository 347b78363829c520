"""Tense Inflection as published: the main run, and its depths."""

from typing import Any

from latebloom.studies.structural_grokking.experiments.recipe import (
    DEPTHS_INIT,
    SEEDS,
    kept,
    network,
    now_and_then,
    recipe,
    rows,
    seldom,
)
from latebloom.tasks import TenseInflection
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset

DEPTHS = {"smoke": (1, 2), "quick": (2, 4), "laptop": (2, 4, 6), "paper": (2, 4, 6, 8, 10)}


def tense(name: str, scale: str, **parts: Any) -> Experiment:
    """The main experiment with parts changed."""
    whole: dict[str, Any] = {
        "task": TenseInflection.parse(rows(scale)),
        "model": network(scale, 4),
        "training": recipe(scale),
        "log": now_and_then(scale),
        "snapshots": kept(scale),
        "measure": (
            Measure(name="structural_grokking.main_verb"),
            Measure(name="structural_grokking.train_loss"),
            Measure(name="structural_grokking.weights"),
            Measure(name="structural_grokking.inflected", when=seldom(scale)),
            Measure(name="structural_grokking.attention", when=seldom(scale)),
            Measure(name="structural_grokking.trees", when=seldom(scale)),
        ),
        "population": 3,
    }
    return Experiment(name=name, **(whole | parts))


@preset("structural_grokking.tense")
def main(scale: str) -> Preset:
    """Tense Inflection, four layers: agreement with the nearest noun first; with the subject later?"""
    return Preset(tense("structural_grokking.tense", scale), {"seed": range(SEEDS[scale])})


@preset("structural_grokking.tense_depths")
def depths(scale: str) -> Preset:
    """Tense Inflection at several depths, with one budget for all."""
    model = network(scale, init=DEPTHS_INIT.get(scale, "xavier"))
    experiment = tense("structural_grokking.tense_depths", scale, model=model)
    return Preset(experiment, {"model.n_layers": DEPTHS[scale], "seed": range(SEEDS[scale])})
