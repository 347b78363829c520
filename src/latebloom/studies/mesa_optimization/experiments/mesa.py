"""One mesa layer on tokens [0, s_t, s_t, s_{t-1}]: a layer that can solve the problem at once.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figures 4A and 4B: four heads, rate 4e-4, decay 0.1, 5,000 steps
at d = 10 and 50 places. Two experiments: the data and batches of the deep stacks, to compare with them, and the
published batches and rate for as many steps as the published early marks need.
"""

from latebloom.studies.mesa_optimization.experiments.deep import SEEDS, SIZES
from latebloom.studies.mesa_optimization.experiments.sizes import LARGE, SMALL, TINY, Size, recipe, stack
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule


def mesa(scale: str, name: str, size: Size, steps: int, lr: float) -> Preset:
    """One mesa layer of four heads."""
    experiment = Experiment(
        name=f"mesa_optimization.{name}",
        task=size.task("constructed"),
        model=stack(size, layers=1, heads=4, d_head=2 * size.d, attention=("mesa",)),
        training=recipe(steps, lr=lr, weight_decay=0.1),
        log=Schedule(every=max(steps // 20, 1), at=(100, 200, 500)),
        snapshots=Schedule(every=max(steps // 5, 1)),
        measure=(Measure(name="mesa_optimization.places", when=Schedule(every=max(steps // 5, 1))),),
        population=5,
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("mesa_optimization.mesa")
def one_mesa_layer(scale: str) -> Preset:
    """One mesa layer where the deep stacks were trained."""
    steps = {"smoke": 20, "quick": 200, "laptop": 2000, "paper": 5000}[scale]
    return mesa(scale, "mesa", SIZES[scale], steps, {"paper": 4e-4}.get(scale, 1e-3))


@preset("mesa_optimization.mesa_early")
def published_size(scale: str) -> Preset:
    """One mesa layer at the published size and rate, as far as the published early marks."""
    size = {"smoke": TINY, "quick": SMALL}.get(scale, LARGE)
    return mesa(scale, "mesa_early", size, {"smoke": 20, "quick": 100}.get(scale, 500), 4e-4)
