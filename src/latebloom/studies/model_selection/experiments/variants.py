"""Variants beside the two main experiments: sizes of the network, two levels of noise, no curriculum."""

from dataclasses import replace

from latebloom.studies.model_selection.experiments import linear, testbed
from latebloom.studies.model_selection.experiments.sizes import SEEDS
from latebloom.training.presets import Preset, preset

WIDTHS = {"smoke": (8, 16), "quick": (16, 32), "laptop": (16, 32, 64), "paper": (64, 128, 256)}
# Bai et al. 2023 (arXiv 2306.04637): labels with noise of deviation 0.1 and 0.5.
QUIET, LOUD = "dense:noise_variance=0.01", "dense:noise_variance=0.25"
NOISES = f"{QUIET}+{LOUD}"
SLOW = linear.weighted(0.5)  # the even mixture in other words, so that a rate can go with it


@preset("model_selection.widths")
def widths(scale: str) -> Preset:
    """Lines and sinusoids at several widths of the network; the widest is that of the main experiment."""
    return testbed.testbed(scale, "widths", (testbed.MIXTURE,), **{"model.d_model": WIDTHS[scale]})


@preset("model_selection.noise")
def noise(scale: str) -> Preset:
    """Dense functions with little or much noise: half of each, and either alone."""
    size = linear.SIZES[scale]
    if scale == "laptop":  # without a sparse class there is less to learn
        size = replace(size, steps=1800, rung=0)
    if scale == "paper":  # no curriculum of Bai et al. is known to us
        size = replace(size, rung=0)
    experiment = size.experiment("noise", NOISES, NOISES, population=5)
    return Preset(experiment, {"task.mixture": (NOISES, QUIET, LOUD), "seed": range(SEEDS[scale])})


@preset("model_selection.plateau")
def plateau(scale: str) -> Preset:
    """Dense and sparse functions with nothing that sets the time: mixture, sparse specialist, mixture at a low rate."""
    size = replace(linear.SIZES[scale], rung=0)
    if scale == "laptop":  # half the rate: what is timed then lies well behind the warm-up
        size = replace(size, steps=800, lr=3e-3, n_test=256)
    experiment = size.experiment("plateau", linear.MIXTURE, linear.MIXTURE, population=14)
    if size.published:
        changes: dict[str, object] = {"log.every": 1000}
    else:  # the rate rises for a fortieth of the steps and stays
        changes = {"training.warmup": size.steps // 40, "training.decay": "none", "training.decay_to": 0.0}
    experiment = experiment.replace(changes)
    recipe = experiment.training
    slowly = {"training.lr": recipe.lr / 3, "training.lr_rest": recipe.lr_rest / 3}
    mixtures, seeds = (linear.MIXTURE, linear.SPARSE, SLOW), range(9 if scale == "laptop" else SEEDS[scale])
    return Preset(experiment, {"task.mixture": mixtures, "seed": seeds}, tuned=[({"task.mixture": SLOW}, slowly)])
