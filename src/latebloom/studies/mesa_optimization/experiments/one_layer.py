"""One layer of linear attention on tokens [0, 0, s_t, s_{t-1}]: does it become one gradient step?

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figures 3B, 4A, 4C, 11 to 13. The recipe is that of its
interpolation experiment (rate 2e-4, decay 0.05), the only one that was trained again for each seed.
"""

from typing import Any

from latebloom.studies.mesa_optimization.experiments.sizes import LARGE, SMALL, TINY, Size, recipe, stack
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

SIZES: dict[str, Size] = {"smoke": TINY, "quick": SMALL, "laptop": LARGE, "paper": LARGE}
STEPS = {"smoke": 20, "quick": 1000, "laptop": 3500, "paper": 5000}
RATES = {"smoke": 1e-3, "quick": 1e-3, "laptop": 2e-4, "paper": 2e-4}
SEEDS = {"smoke": 2, "quick": 3, "laptop": 5, "paper": 20}


def one_layer(scale: str, name: str, init_std: float = 2e-4, **task: Any) -> Preset:
    """The one-layer network with a change of its data or of its first weights."""
    size, steps = SIZES[scale], STEPS[scale]
    experiment = Experiment(
        name=f"mesa_optimization.{name}",
        task=size.task("masked", **task),
        model=stack(size, layers=1, heads=2, d_head=2 * size.d, init_std=init_std),
        training=recipe(steps, lr=RATES[scale], weight_decay=0.05),
        # The plateau ends after 100 to 200 steps and claim 16 is about 25 of them: the first seventh is logged densely.
        log=Schedule(every=max(steps // 35, 1), window=(0, steps // 7, max(steps // 700, 1))),
        # Interpolation is looked at every 250 steps; a snapshot is 6,400 numbers.
        snapshots=Schedule(every=max(steps // 14, 1)),
        measure=(
            Measure(name="mesa_optimization.places", when=Schedule(every=max(steps // 7, 1))),
            Measure(name="mesa_optimization.first_layer", when=Schedule(every=max(steps // 35, 1))),
        ),
        population=5,
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("mesa_optimization.one_layer")
def orthogonal(scale: str) -> Preset:
    """One linear layer on fresh orthogonal systems."""
    return one_layer(scale, "one_layer")


@preset("mesa_optimization.one_layer_fixed")
def fixed(scale: str) -> Preset:
    """The same where one matrix moves every sequence, so that nothing must be learned from the context."""
    return one_layer(scale, "one_layer_fixed", dynamics="fixed")


@preset("mesa_optimization.one_layer_contracting")
def contracting(scale: str) -> Preset:
    """The same on systems whose states shrink (eigenvalues of 0.3 to 0.9)."""
    return one_layer(scale, "one_layer_contracting", dynamics="contracting")


@preset("mesa_optimization.one_layer_normal")
def normal(scale: str) -> Preset:
    """The same with normal first states, as the text says; the released code draws them uniformly."""
    return one_layer(scale, "one_layer_normal", start="normal")


@preset("mesa_optimization.one_layer_init")
def wide_init(scale: str) -> Preset:
    """The same with first weights of variance 2e-4, as the text says; the released code has deviation 2e-4."""
    return one_layer(scale, "one_layer_init", init_std=2e-4**0.5)
