"""Tasks of symbols: multiplication with room for zeros, and majorities of what was seen.

Sources: Wu, Morris and Levine 2024, arXiv 2404.00859, appendix (multiplication); Rofin, Naghiyev and Hahn 2026, arXiv
2603.14087 (majorities).
"""

from latebloom.models import Decoder
from latebloom.studies.future_tokens.experiments.sizes import (
    SEEDS,
    majority_task,
    multiplication_task,
    recipe,
    steps_of,
    text_network,
)
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

ARMS = ("whole", "hidden")
WIDTH = {"smoke": 8, "quick": 32, "laptop": 64}
MAJORITY_WIDTH = {"smoke": 8, "quick": 32, "laptop": 32, "paper": 128}  # at paper network and rate are those for sines


def network(scale: str) -> Decoder:
    """Two GPT-2 blocks; GPT-2 small at paper, whose output matrix is its embedding."""
    if scale == "paper":
        return text_network(scale)
    return Decoder(n_layers=2, d_model=WIDTH[scale], n_heads=2 if scale == "smoke" else 4, act_fn="gelu_new")


@preset("future_tokens.multiplication")
def multiplication(scale: str) -> Preset:
    """Products digit by digit, factors filled with zeros to their own width or to twice as much, in both arms."""
    steps = steps_of(scale, quick=100, laptop=2500, paper=9766)
    task = multiplication_task(scale)
    experiment = Experiment(
        name="future_tokens.multiplication",
        task=task,
        model=network(scale),
        training=recipe(scale, steps, lr=6e-4 if scale == "paper" else 4e-3),
        log=Schedule(every=max(steps // 15, 1)),
        measure=(Measure(name="future_tokens.answers"),),
        population=5,
    )
    axes = {"model.past": ARMS, "task.width": (task.digits, 2 * task.digits), "seed": range(SEEDS[scale])}
    return Preset(experiment, axes)


@preset("future_tokens.majority")
def majority(scale: str) -> Preset:
    """Majorities of all symbols, and of those that follow symbol 0, in both arms."""
    steps = steps_of(scale, quick=400, laptop=1500, paper=3000)
    experiment = Experiment(
        name="future_tokens.majority",
        task=majority_task(scale),
        model=Decoder(n_layers=2, d_model=MAJORITY_WIDTH[scale], n_heads=2),
        training=recipe(scale, steps, lr=1e-3 if scale == "paper" else 2e-3),
        log=Schedule(every=max(steps // 15, 1)),
        measure=(Measure(name="future_tokens.excess"), Measure(name="future_tokens.places")),
        population=5,
    )
    axes = {"task.conditioned": (False, True), "model.past": ARMS, "seed": range(SEEDS[scale])}
    best = {"whole": 4e-3, "hidden": 1e-3}  # by pilots: see the notes
    tuned = [({"model.past": past}, {"training.lr": lr}) for past, lr in best.items()] if scale == "laptop" else ()
    return Preset(experiment, axes, tuned)
