"""Plain tokens s_t: layers must first bind a state to the one before; softmax stacks, and a hybrid with a mesa layer.

Source: von Oswald et al. 2023 (arXiv 2309.05858 v2), figures 2, 3A, 6C and 7, as its released code has it: attention
only (the text has norms and MLPs), positions beside the first layer's queries and keys, no biases. At laptop fewer
steps of smaller batches at a higher rate; see the notes of the study.
"""

from typing import Any

from latebloom.models import Decoder
from latebloom.studies.mesa_optimization.experiments.deep import SEEDS, SIZES
from latebloom.studies.mesa_optimization.experiments.sizes import Attention, Size, recipe
from latebloom.tasks import Task
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset
from latebloom.training.schedule import Schedule

HYBRID_STEPS = {"smoke": 20, "quick": 300, "laptop": 2000, "paper": 20_000}
SOFTMAX_STEPS = {**HYBRID_STEPS, "paper": 10_000}
SOFTMAX_SCHEDULE = {"warmup": 1000, "decay_steps": 30_000, "decay_to": 1e-5 / 8e-4}  # at paper, where it is told
DEPTHS = {"smoke": (2,), "quick": (2, 7), "laptop": (2, 7), "paper": (2, 3, 7, 12)}


def network(size: Size, attention: tuple[Attention, ...], **changes: Any) -> Decoder:
    """Embedding to 4 d, attention layers of four heads of 2 d, read-out; weights begin with a deviation of 0.05."""
    settings: dict[str, Any] = {
        "n_layers": len(attention),
        "d_model": 4 * size.d,
        "n_heads": 4,
        "d_head": 2 * size.d,
        "d_mlp": 0,
        "attention": attention,
        "norm": "none",
        "positions": "first_keys",
        "bias": "none",
        "init": "normal",
        "init_std": 0.05,
    }
    return Decoder.parse(settings | changes)


def trained(name: str, task: Task, model: Decoder, steps: int, lr: float, **schedule: Any) -> Experiment:
    """A network on a task; the rate warms up over a tenth of the training and falls by a cosine, or by `schedule`."""
    falling = {"warmup": steps // 10, "decay": "cosine", "decay_to": 0.05} | schedule
    return Experiment(
        name=f"mesa_optimization.{name}",
        task=task,
        model=model,
        training=recipe(steps, lr, 0.05, **falling),
        log=Schedule(every=max(steps // 20, 1)),
        snapshots=Schedule(every=max(steps // 4, 1)),
        measure=(Measure(name="mesa_optimization.places", when=Schedule(every=max(steps // 5, 1))),),
        population=5,
    )


def plain(scale: str, name: str, model: Decoder, lr: float, steps: int, **schedule: Any) -> Experiment:
    """A network on plain tokens of fully seen systems."""
    return trained(name, SIZES[scale].task("plain"), model, steps, lr, **schedule)


@preset("mesa_optimization.softmax")
def softmax(scale: str) -> Preset:
    """Softmax layers on plain tokens, by depth."""
    model = network(SIZES[scale], ("softmax",))
    schedule = SOFTMAX_SCHEDULE if scale == "paper" else {}
    experiment = plain(scale, "softmax", model, SOFTMAX_RATE[scale], SOFTMAX_STEPS[scale], **schedule)
    return Preset(experiment, {"model.n_layers": DEPTHS[scale], "seed": range(SEEDS[scale])})


@preset("mesa_optimization.hybrid")
def hybrid(scale: str) -> Preset:
    """A softmax layer, which binds, and a mesa layer, which solves."""
    model = network(SIZES[scale], ("softmax", "mesa"), resid_clip=1.0)
    return Preset(plain(scale, "hybrid", model, HYBRID_RATE[scale], HYBRID_STEPS[scale]), {"seed": range(SEEDS[scale])})


SOFTMAX_RATE = {"smoke": 3e-3, "quick": 3e-3, "laptop": 6e-3, "paper": 8e-4}
HYBRID_RATE = {"smoke": 2e-3, "quick": 2e-3, "laptop": 2e-3, "paper": 3e-4}
