"""Lines and sinusoids of one number: the mixture, one that has seen their combinations, and both specialists.

Source: Yadlowsky et al. 2023 (arXiv 2311.00871), figures 4 to 6, in setting and outcome only. Slopes, amplitudes and
frequencies (1 to 5 radians per unit) are ours: those of the source are not known to us. They are chosen so that one
grid over frequencies gives the exact optimum.
"""

from typing import Any

from latebloom.studies.model_selection.experiments.sizes import SEEDS, Size
from latebloom.training.presets import Preset, preset

LINE, SINUSOID, MIXTURE = "line", "sinusoid", "line+sinusoid"
COMBINED = "line+sinusoid+line~sinusoid:share=None"  # a third of the prompts are combinations of any share

SIZES = {
    "smoke": Size(d=1, nonzeros=1, points=5, layers=1, width=8, heads=2, batch=8, steps=8, lr=1e-3, n_test=16),
    "quick": Size(d=1, nonzeros=1, points=13, layers=2, width=32, heads=2, batch=64, steps=2000, lr=6e-3),
    "laptop": Size(d=1, nonzeros=1, points=17, layers=3, width=64, heads=4, batch=64, steps=5500, lr=6e-3),
    "paper": Size(d=1, nonzeros=1, points=41, layers=12, width=256, heads=8, batch=64, steps=500_000, lr=1e-4),
}


def testbed(scale: str, name: str, mixtures: tuple[str, ...], **axes: Any) -> Preset:
    """Networks trained on each of `mixtures`, all of them tested on lines and on sinusoids."""
    experiment = SIZES[scale].experiment(name, mixtures[0], MIXTURE, population=5)
    return Preset(experiment, {"task.mixture": mixtures, "seed": range(SEEDS[scale]), **axes})


@preset("model_selection.testbed")
def mixtures(scale: str) -> Preset:
    """Lines and sinusoids: half of each, and with combinations of both among them."""
    return testbed(scale, "testbed", (MIXTURE, COMBINED))


@preset("model_selection.testbed_specialists")
def each(scale: str) -> Preset:
    """Lines alone and sinusoids alone: what the mixture is drawn beside; no claim rests on them, so one seed."""
    return testbed(scale, "testbed_specialists", (LINE, SINUSOID), seed=range(2 if scale == "smoke" else 1))
