"""Softmax stacks by the dimension of the system: are layers after the first linear where systems are wide?

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figure 5A: seven layers of width 4 d with heads of 2 d, 4 d
places, batches of 64, d = 4 to 60, rates of 3e-3 to 9e-3 set by hand. At laptop three layers, d = 4, 6, 10.
"""

from latebloom.studies.mesa_optimization.experiments.deep import SEEDS
from latebloom.studies.mesa_optimization.experiments.plain import network, trained
from latebloom.studies.mesa_optimization.experiments.sizes import SOFTMAX, Size
from latebloom.training.presets import Preset, preset

DIMENSIONS = {"smoke": (4, 6), "quick": (4, 6), "laptop": (4, 6, 10), "paper": (4, 6, 10, 20, 40, 60)}
LAYERS = {"smoke": 3, "quick": 3, "laptop": 3, "paper": 7}
BATCH = {"smoke": 8, "quick": 64, "laptop": 64, "paper": 64}
STEPS = {"smoke": 10, "quick": 200, "laptop": 800, "paper": 8000}
RATE = {"smoke": 6e-3, "quick": 6e-3, "laptop": 6e-3, "paper": 3e-3}


def by_dimension(scale: str, d: int) -> Preset:
    """Softmax layers on systems of `d` numbers, 4 d places."""
    size = Size(d=d, length=4 * d, batch=BATCH[scale], n_test=32 if scale == "smoke" else 1024)
    model = network(size, (SOFTMAX,) * LAYERS[scale])
    experiment = trained(f"linearised_{d}", size.task("plain"), model, STEPS[scale], RATE[scale])
    return Preset(experiment, {"seed": range(SEEDS[scale])})


def _enter(d: int) -> None:
    def build(scale: str) -> Preset:
        return by_dimension(scale, d)

    build.__doc__ = f"Softmax layers on systems of {d} numbers, to be replaced by linear ones."
    preset(f"mesa_optimization.linearised_{d}")(build)


for _d in DIMENSIONS["paper"]:
    _enter(_d)
