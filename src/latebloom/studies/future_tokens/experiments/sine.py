"""The sine-sum task, with and without the past cut.

Source: Wu, Morris and Levine 2024, arXiv 2404.00859, section 4. At laptop d = 64, 32 places, a window of 6 and b = 5
stand for d = 128, 64 places, a window of 10 and b = 10.
"""

from typing import Any

from latebloom.studies.future_tokens.experiments.sizes import SEEDS, recipe, sine_network, sine_task, steps_of
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

ARMS = ("whole", "hidden")


def sine(scale: str, name: str, steps: int, **settings: Any) -> Experiment:
    """An experiment on the task: losses at twenty steps, probes at five, pushes at the end."""
    seldom = Schedule(every=max(steps // 4, 1))
    return Experiment(
        name=f"future_tokens.{name}",
        log=Schedule(every=max(steps // 20, 1)),
        snapshots=Schedule(every=max(steps // 2, 1)),
        measure=(
            Measure(name="future_tokens.huber"),
            Measure(name="future_tokens.lags", when=seldom),
            Measure(name="future_tokens.push", when=Schedule()),
        ),
        population=5,
        **{
            "task": sine_task(scale),
            "model": sine_network(scale),
            "training": recipe(scale, steps, loss="huber"),
            **settings,
        },
    )


@preset("future_tokens.sine")
def both_arms(scale: str) -> Preset:
    """Sums of sines at p = 0.3: vanilla, and with hidden states cut."""
    steps = steps_of(scale, quick=600, laptop=6000, paper=58_594)
    # Of the rates tried the lowest, 1e-3, was vanilla's best, and 2e-3 the myopic network's: see the notes.
    tuned = [({"model.past": "hidden"}, {"training.lr": 2e-3})] if scale == "laptop" else ()
    return Preset(sine(scale, "sine", steps), {"model.past": ARMS, "seed": range(SEEDS[scale])}, tuned)


RARE = {"smoke": (1.0,), "quick": (1.0,), "laptop": (0.1, 1.0), "paper": (0.001, 0.01, 0.1, 1.0)}


@preset("future_tokens.sine_p")
def by_share(scale: str) -> Preset:
    """The same where the sum is asked for more or less often."""
    steps = steps_of(scale, quick=300, laptop=3000, paper=58_594)
    axes = {"model.past": ARMS, "task.p": RARE[scale], "seed": range(SEEDS[scale])}
    # At 1e-3 some vanilla networks stay at saying 0 for thousands of steps; at 5e-4 none did: see the notes.
    own = {"task": sine_task(scale, batch_size=64), "training": recipe(scale, steps, loss="huber", lr=5e-4)}
    return Preset(sine(scale, "sine_p", steps, **(own if scale == "laptop" else {})), axes)
