"""Next characters of Shakespeare's plays: vanilla, hidden states cut, keys and values cut, and no past at all.

Source: Wu, Morris and Levine 2024, arXiv 2404.00859, section 5.1, whose runs are GPT-2 small on MS MARCO: scale
`paper`. The arms there differ in optimiser and batch size; here they differ in the cut alone.
"""

from typing import Any

from latebloom.studies.future_tokens.experiments.sizes import SEEDS, recipe, steps_of, text_network, text_task
from latebloom.training.experiment import Experiment, Measure, Start, Training
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

ARMS = ("whole", "hidden", "keys", "zeroed")
RATE = {"smoke": 2e-3, "quick": 2e-3, "laptop": 8e-3, "paper": 6e-4}  # at laptop the best of both arms: `text_rates`
TRIED = (0.5, 1.0, 2.0)  # times that rate, by `text_rates`, on seeds of its own
TUNING_SEEDS = (100, 101)


def length(scale: str) -> int:
    """Training steps."""
    return steps_of(scale, quick=100, laptop=1000, paper=9100)


def text(scale: str, name: str, steps: int | None = None, **settings: Any) -> Experiment:
    """An experiment on the text: losses by place at ten steps."""
    steps = length(scale) if steps is None else steps
    return Experiment(
        name=f"future_tokens.{name}",
        log=Schedule(every=max(steps // 10, 1)),
        **{
            "task": text_task(scale),
            "model": text_network(scale),
            "training": recipe(scale, steps, lr=RATE[scale]),
            "measure": (Measure(name="future_tokens.places"),),
            "population": 5,
            **settings,
        },
    )


@preset("future_tokens.text")
def arms(scale: str) -> Preset:
    """Shakespeare by characters: vanilla, hidden states cut, keys and values cut, and a bigram without past."""
    steps = length(scale)
    early = Schedule(per_decade=4, every=max(steps // 6, 1))
    measures = (
        Measure(name="future_tokens.places"),
        Measure(name="future_tokens.gradients", when=early),
        Measure(name="future_tokens.lens", when=Schedule()),
    )
    return Preset(text(scale, "text", measure=measures), {"model.past": ARMS, "seed": range(SEEDS[scale])})


@preset("future_tokens.text_rates")
def rates(scale: str) -> Preset:
    """Three learning rates for each arm, on two seeds that no claim is judged on."""
    axes = {"model.past": ARMS[:2], "training.lr": [RATE[scale] * share for share in TRIED], "seed": TUNING_SEEDS}
    return Preset(text(scale, "text_rates"), axes)


TRAINED = Start(experiment="future_tokens.text", overrides=("model.past=whole",))


def going_on(scale: str) -> Training:
    """The recipe of networks that are trained already: a quarter of the rate."""
    return recipe(scale, steps_of(scale, quick=40, laptop=400, paper=9100), lr=RATE[scale] / 4)


@preset("future_tokens.text_on")
def further(scale: str) -> Preset:
    """The vanilla arm trained on, all of it or its present alone, with the past of the vanilla network frozen."""
    training = going_on(scale)
    experiment = text(scale, "text_on", training.steps, start=TRAINED, training=training)
    return Preset(experiment, {"model.past": ("whole", "teacher_hidden"), "seed": range(SEEDS[scale])})
