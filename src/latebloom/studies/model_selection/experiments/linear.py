"""Dense and sparse linear functions: the mixture and both specialists, members of one population.

Source: Yadlowsky et al. 2023 (arXiv 2311.00871), figures 1 to 3, as far as they are known to us; classes scaled to
variance 1 as by Panwar, Ahuja & Goyal 2024 (arXiv 2306.04891), so that no label tells its class by its size.
"""

from typing import Any

from latebloom.studies.model_selection.experiments.sizes import SEEDS, Size
from latebloom.training.presets import Preset, preset

DENSE, SPARSE, MIXTURE = "dense", "sparse", "dense+sparse"

SIZES = {
    "smoke": Size(d=3, nonzeros=1, points=5, layers=1, width=8, heads=2, batch=8, steps=8, rung=2, lr=1e-3, n_test=16),
    "quick": Size(d=3, nonzeros=1, points=7, layers=2, width=32, heads=2, batch=64, steps=2000, rung=200, lr=6e-3),
    "laptop": Size(d=5, nonzeros=1, points=11, layers=3, width=64, heads=4, batch=64, steps=5000, rung=300, lr=6e-3),
    "paper": Size(
        d=20, nonzeros=2, points=41, layers=12, width=256, heads=8, batch=64, steps=500_000, rung=2000, lr=1e-4
    ),
}


def linear(scale: str, name: str, mixtures: tuple[str, ...], population: int = 5, **task: Any) -> Preset:
    """Networks trained on each of `mixtures`, every one of them tested on both classes."""
    experiment = SIZES[scale].experiment(name, mixtures[0], MIXTURE, population, **task)
    return Preset(experiment, {"task.mixture": mixtures, "seed": range(SEEDS[scale])})


@preset("model_selection.linear")
def both_and_each(scale: str) -> Preset:
    """Dense and sparse linear functions: half of each, and either alone."""
    return linear(scale, "linear", (MIXTURE, SPARSE, DENSE), population=8)


@preset("model_selection.weights")
def uneven(scale: str) -> Preset:
    """The mixture with a tenth, nine tenths and a hundredth of dense functions."""
    return linear(scale, "weights", tuple(weighted(share) for share in (0.1, 0.9, 0.01)))


@preset("model_selection.named")
def named(scale: str) -> Preset:
    """The even mixture where the first token names the class."""
    return linear(scale, "named", (MIXTURE,), population=2, name_class=True)


@preset("model_selection.published_scaling")
def unequal(scale: str) -> Preset:
    """The mixture and both specialists in the published scalings: a label's size tells the class."""
    return linear(scale, "published_scaling", (MIXTURE, SPARSE, DENSE), scaling="published")


def weighted(dense: float) -> str:
    """The mixture with a share of dense functions, as the task writes it.

    >>> weighted(0.1)
    '0.1*dense+0.9*sparse'
    """
    return f"{dense:g}*dense+{1 - dense:g}*sparse"
