"""The text at other sizes, and with a share of the past's gradient kept."""

from latebloom.studies.future_tokens.experiments.sizes import SEEDS, text_network
from latebloom.studies.future_tokens.experiments.text import TRAINED, going_on, text
from latebloom.training.presets import Preset, preset

KEPT = (0.25, 0.5, 0.75)  # 0 and 1 are the arms `hidden` and `whole` of `future_tokens.text`
# Widths beside that of `future_tokens.text`, which belongs to the ladder.
WIDTHS = {"smoke": (4,), "quick": (16,), "laptop": (16, 32, 96), "paper": (192, 384, 1536)}
# Rates at laptop that are not those of width 64: the best of those tried, or as good within 0.01 nats; see the notes.
BEST = {(16, "whole"): 16e-3, (32, "whole"): 16e-3, (96, "whole"): 4e-3, (96, "hidden"): 4e-3}


@preset("future_tokens.text_softened")
def softened(scale: str) -> Preset:
    """The text where a quarter, a half and three quarters of the past's gradient are kept."""
    experiment = text(scale, "text_softened", model=text_network(scale, past="hidden"))
    return Preset(experiment, {"model.past_weight": KEPT, "seed": range(SEEDS[scale])})


@preset("future_tokens.text_ladder")
def ladder(scale: str) -> Preset:
    """The text at other widths, both arms; at laptop each has a rate of its own."""
    experiment = text(scale, "text_ladder")
    axes = {"model.d_model": WIDTHS[scale], "model.past": ("whole", "hidden"), "seed": range(SEEDS[scale])}
    if scale != "laptop":
        return Preset(experiment, axes)
    tuned = [({"model.d_model": width, "model.past": past}, {"training.lr": lr}) for (width, past), lr in BEST.items()]
    return Preset(experiment, axes, tuned)


@preset("future_tokens.text_finetuned")
def finetuned(scale: str) -> Preset:
    """A network trained as usual goes on as usual or with its states cut; at paper it is the published GPT-2.

    As the published ladder does, so that the gap holds what it costs to unlearn what was prepared.
    """
    training = going_on(scale)
    published = {"model": text_network(scale, weights="openai-community/gpt2")}
    first = published if scale == "paper" else {"start": TRAINED}
    experiment = text(scale, "text_finetuned", training.steps, training=training, **first)
    return Preset(experiment, {"model.past": ("whole", "hidden"), "seed": range(SEEDS[scale])})
