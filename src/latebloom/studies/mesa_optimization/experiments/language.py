"""Characters of one text: a softmax layer, then a layer of softmax, linear or mesa attention.

A proxy. Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), appendix G, trains on 300 billion tokens of the Pile;
here are a megabyte of Shakespeare (or the user's file), 65 characters, and two layers without MLP. As there, the first
layer is softmax and the queries and keys of linear and mesa layers have length 1; DPFP features are left out.
"""

from typing import Any

from latebloom.models import Decoder
from latebloom.studies.mesa_optimization.experiments import deep
from latebloom.studies.mesa_optimization.experiments.sizes import Attention
from latebloom.tasks import Shakespeare
from latebloom.training.experiment import Experiment, Measure, Training
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

SIZES: dict[str, dict[str, Any]] = {
    "smoke": {"places": 12, "batch_size": 4, "n_test": 8},
    "quick": {"places": 64, "batch_size": 16, "n_test": 128},
    "laptop": {"places": 96, "batch_size": 16, "n_test": 512},
    "paper": {"places": 256, "batch_size": 64, "n_test": 2048},
}
WIDTH = {"smoke": 16, "quick": 64, "laptop": 64, "paper": 384}
STEPS = {"smoke": 10, "quick": 200, "laptop": 900, "paper": 20_000}
RATE = {"smoke": 3e-3, "quick": 3e-3, "laptop": 6e-3, "paper": 3e-4}
SEEDS = {**deep.SEEDS, "laptop": 9}  # five did not tell softmax from mesa


def language(scale: str, second: Attention) -> Preset:
    """Two layers, the second of a kind."""
    steps, width = STEPS[scale], WIDTH[scale]
    model = Decoder(
        n_layers=2,
        d_model=width,
        n_heads=width // 16 if width < 128 else width // 64,
        d_mlp=0,
        attention=("softmax", second),
        positions="sinusoidal",
        bias="none",
        qk_norm="none" if second == "softmax" else "later",
    )
    settings: dict[str, Any] = {"steps": steps, "lr": RATE[scale], "weight_decay": 0.1, "beta2": 0.95, "clip": 1.0}
    settings |= {"warmup": steps // 10, "decay": "cosine", "decay_to": 0.1}
    experiment = Experiment(
        name=f"mesa_optimization.language_{second}",
        task=Shakespeare.parse(SIZES[scale]),
        model=model,
        training=Training.parse(settings),
        log=Schedule(every=max(steps // 12, 1)),
        measure=(Measure(name="mesa_optimization.text_places", when=Schedule(every=max(steps // 4, 1))),),
        population=5,
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("mesa_optimization.language_softmax")
def softmax(scale: str) -> Preset:
    """Characters of a text, a second layer of softmax attention."""
    return language(scale, "softmax")


@preset("mesa_optimization.language_linear")
def linear(scale: str) -> Preset:
    """Characters of a text, a second layer of linear attention."""
    return language(scale, "linear")


@preset("mesa_optimization.language_mesa")
def mesa(scale: str) -> Preset:
    """Characters of a text, a second mesa layer."""
    return language(scale, "mesa")
