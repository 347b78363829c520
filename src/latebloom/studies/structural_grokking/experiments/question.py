"""Question Formation as published: the main run, its depths, and the shallow network for longer."""

from typing import Any

from latebloom.studies.structural_grokking.experiments.recipe import (
    DEPTHS_INIT,
    SEEDS,
    STEPS,
    kept,
    network,
    now_and_then,
    often,
    recipe,
    rows,
    seldom,
)
from latebloom.tasks import QuestionFormation
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset

DEPTHS = {"smoke": (1, 2), "quick": (2, 6), "laptop": (2, 4, 6, 8, 10), "paper": (2, 4, 6, 8, 10)}


def measured(scale: str) -> tuple[Measure, ...]:
    """What is looked at in every network that forms questions."""
    return (
        Measure(name="structural_grokking.first_word"),
        Measure(name="structural_grokking.train_loss", when=now_and_then(scale)),
        Measure(name="structural_grokking.weights"),
        Measure(name="structural_grokking.sentences", when=seldom(scale)),
        Measure(name="structural_grokking.attention", when=seldom(scale)),
        Measure(name="structural_grokking.trees", when=seldom(scale)),
    )


def question(name: str, scale: str, **parts: Any) -> Experiment:
    """The main experiment with parts changed."""
    whole: dict[str, Any] = {
        "task": QuestionFormation.parse(rows(scale)),
        "model": network(scale),
        "training": recipe(scale),
        "log": often(scale),
        "snapshots": kept(scale),
        "measure": measured(scale),
        "population": 2 if scale == "quick" else 3,  # three seeds, and five, on two cores
    }
    return Experiment(name=name, **(whole | parts))


@preset("structural_grokking.question")
def main(scale: str) -> Preset:
    """Question Formation, six layers: the linear rule first, the hierarchical one later."""
    return Preset(question("structural_grokking.question", scale), {"seed": range(SEEDS[scale])})


@preset("structural_grokking.question_depths")
def depths(scale: str) -> Preset:
    """Question Formation at depths 2 to 10, with one budget for all."""
    model = network(scale, init=DEPTHS_INIT.get(scale, "xavier"))
    experiment = question("structural_grokking.question_depths", scale, model=model)
    return Preset(experiment, {"model.n_layers": DEPTHS[scale], "seed": range(SEEDS[scale])})


@preset("structural_grokking.question_shallow")
def shallow(scale: str) -> Preset:
    """Question Formation with two layers and twice the steps."""
    training = recipe(scale, 2 * STEPS[scale])
    experiment = question(
        "structural_grokking.question_shallow", scale, model=network(scale, 2), training=training, population=5
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})
