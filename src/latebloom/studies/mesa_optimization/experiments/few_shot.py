"""Long sequences of plain tokens: the networks that are asked afterwards to regress from examples in their context.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), section 5, figures 8 and 18: d = 10, 224 places, seven softmax
layers or a softmax and a mesa layer. At laptop d = 4, 60 places.
"""

from latebloom.studies.mesa_optimization.experiments.deep import SEEDS
from latebloom.studies.mesa_optimization.experiments.plain import network, trained
from latebloom.studies.mesa_optimization.experiments.sizes import Size
from latebloom.training.presets import Preset, preset

SIZES = {
    "smoke": Size(d=2, length=24, batch=16, n_test=64),
    "quick": Size(d=4, length=60, batch=32, n_test=256),
    "laptop": Size(d=4, length=60, batch=32, n_test=1024),
    "paper": Size(d=10, length=224, batch=128),
}
STEPS = {"smoke": 20, "quick": 200, "laptop": 1000, "paper": 15_000}
RATE = {"smoke": 4e-3, "quick": 4e-3, "laptop": 4e-3, "paper": 3e-4}


@preset("mesa_optimization.few_shot")
def few_shot(scale: str) -> Preset:
    """A softmax and a mesa layer, trained to continue long sequences."""
    size = SIZES[scale]
    model = network(size, ("softmax", "mesa"), resid_clip=1.0)
    experiment = trained("few_shot", size.task("plain"), model, STEPS[scale], RATE[scale])
    return Preset(experiment, {"seed": range(SEEDS[scale])})
