"""Can a myopic network solve the sine-sum task when it is led there? Lag first, then frequency, then depth.

There is a solution in which every feature pays for itself where it is computed: the first block makes sin(b x_{n-1}),
one term of the sum at n, and the second adds up what the first made at the places before. Training from random weights
does not find it. So the first block is trained alone on a window of one place, at a frequency that rises to b from 1,
where the sine is almost a line; then a second block joins, and the whole window is asked for. Every stage is myopic and
begins with the weights of the one before. `from_scratch` is the control: the last stage from random weights.

In a pilot, stages at p = 1 lost what they had when the frequency rose; at p = 0.3, as here, they did not. But a block
trained at p = 0.3 makes the sine only where it is asked for: at p = 0.3 the second block then finds it at few places.
At p = 1 it is there at all of them, which is the breadcrumb solution.
"""

from typing import Any

from latebloom.studies.future_tokens.experiments.sine import ARMS, sine
from latebloom.studies.future_tokens.experiments.sizes import (
    SEEDS,
    SINE,
    recipe,
    sine_network,
    sine_task,
    steps_of,
)
from latebloom.training.experiment import Experiment, Start
from latebloom.training.presets import PRESETS, Entry, Preset, preset

FREQUENCIES = (1.0, 2.0, 3.5, 5.0, 7.0, 10.0)  # of the stages, up to the task's own
ORDINAL = ("first", "second", "third", "fourth", "fifth", "sixth")


def frequencies(scale: str) -> tuple[float, ...]:
    """The frequencies a scale goes through; the last is its task's."""
    return tuple(b for b in FREQUENCIES if b <= SINE[scale]["b"])


def _stage(number: int, scale: str) -> Preset:
    """One stage of the first block; beyond the scale's frequency it stays at that."""
    rising = frequencies(scale)
    b = rising[min(number, len(rising)) - 1]
    steps = steps_of(scale, quick=200, laptop=250, paper=2000)
    experiment = sine(
        scale,
        f"curriculum_{number}",
        steps,
        task=sine_task(scale, window=1, b=b),
        model=sine_network(scale, n_layers=1, past="hidden"),
        training=recipe(scale, steps, loss="huber", lr=2e-3),
        start=Start(experiment=f"future_tokens.curriculum_{number - 1}") if number > 1 else None,
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


def _enter(number: int) -> None:
    title = f"The {ORDINAL[number - 1]} stage of the curriculum: one myopic block, one place back, a low frequency."

    def build(scale: str) -> Preset:
        return _stage(number, scale)

    PRESETS.register(f"future_tokens.curriculum_{number}")(Entry(f"future_tokens.curriculum_{number}", title, build))


for _number in range(1, len(FREQUENCIES) + 1):
    _enter(_number)


def _second(scale: str, name: str, **settings: Any) -> Experiment:
    """Two blocks, asked for the whole window always (p = 1)."""
    steps = steps_of(scale, quick=400, laptop=3000, paper=20_000)
    rows = {"batch_size": 64} if scale == "laptop" else {}  # and twice the steps: 0.38 and 0.26 instead of 0.47
    # At a rate of 1e-3 a pilot lost the first block's sine after step 100, with the loss half-way down.
    training = recipe(scale, steps, loss="huber", lr=3e-4, clip=1.0, decay_to=0.1)
    return sine(scale, name, steps, task=sine_task(scale, p=1.0, **rows), training=training, **settings)


@preset("future_tokens.grown")
def grown(scale: str) -> Preset:
    """A second block joins the one of the curriculum, and the whole window is asked for, always (p = 1)."""
    start = Start(experiment=f"future_tokens.curriculum_{len(frequencies(scale))}", grow=True)
    return Preset(_second(scale, "grown", start=start), {"model.past": ARMS, "seed": range(SEEDS[scale])})


@preset("future_tokens.from_scratch")
def from_scratch(scale: str) -> Preset:
    """The myopic network of `grown` under its recipe, from random weights."""
    model = sine_network(scale, past="hidden")
    return Preset(_second(scale, "from_scratch", model=model), {"seed": range(SEEDS[scale])})
