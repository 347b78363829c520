"""Dense linear functions of which there are finitely many: small pools and large ones.

Source: Raventos, Paul, Chen & Ganguli 2023 (arXiv 2306.15063), its smaller network at `paper`: 8 dimensions, 16 pairs,
noise of a 32nd of the labels' variance, 256 prompts a step, a rate that rises for half of the steps and falls. At the
other scales pools are part of the recipe of this study, which is not theirs: in fewer dimensions and with a hundredth
of the steps the transition is elsewhere.
"""

from typing import Any

from latebloom.studies.model_selection.experiments.linear import DENSE
from latebloom.studies.model_selection.experiments.sizes import SEEDS, Size
from latebloom.training.presets import Preset, preset

NOISE = 1 / 32  # of the labels' variance: 0.25 over 8
SIZES = {
    "smoke": Size(d=2, nonzeros=1, points=4, layers=1, width=8, heads=2, batch=8, steps=8, lr=1e-3, n_test=16),
    "quick": Size(d=3, nonzeros=1, points=6, layers=2, width=32, heads=2, batch=64, steps=1500, lr=6e-3),
    "laptop": Size(d=5, nonzeros=1, points=10, layers=3, width=32, heads=4, batch=64, steps=2500, lr=6e-3, n_test=256),
    "paper": Size(d=8, nonzeros=1, points=16, layers=4, width=64, heads=2, batch=256, steps=500_000, lr=1e-3),
}
# Binary logarithms of the numbers of functions.
POOLS = {"smoke": (1, 3), "quick": (2, 5, 9), "laptop": (2, 4, 6, 9, 12), "paper": (6, 8, 10, 11, 12, 14, 16)}
PUBLISHED: dict[str, Any] = {
    "task.layout": "raventos",
    "model.init": "gpt2",
    "training.optimiser": "adamw",
    "training.momentum": 0.0,
    "training.clip": None,
    "training.decay": "linear",
    "training.decay_to": 0.0,
}


def pool(exponent: int) -> str:
    """A pool of 2^exponent functions, as the task writes it.

    >>> pool(6)
    'pool:functions=64'
    """
    return f"pool:functions={2**exponent}"


@preset("model_selection.pool")
def pools(scale: str) -> Preset:
    """Pools of few and of many linear functions: what is memorised and what is regressed."""
    size, mixtures = SIZES[scale], tuple(pool(exponent) for exponent in POOLS[scale])
    experiment = size.experiment("pool", mixtures[0], DENSE, population=13, noise_variance=NOISE)
    if scale == "paper":
        experiment = experiment.replace(PUBLISHED | {"training.warmup": size.steps // 2})
    return Preset(experiment, {"task.mixture": mixtures, "seed": range(SEEDS[scale])})
