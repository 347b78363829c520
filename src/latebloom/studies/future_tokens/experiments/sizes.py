"""What the experiments share: seeds, the recipe, and the sizes of networks and tasks by scale.

`paper` is the published setting (Wu, Morris and Levine 2024, arXiv 2404.00859). Both arms of a pair always have one
optimiser, one batch size, the same first weights and the same rows in the same order; at laptop each has its own rate
where pilots found that it matters.
"""

from typing import Any

from latebloom.models import Decoder
from latebloom.tasks import HubText, Majority, Multiplication, Shakespeare, SineSum, SyntheticText, Task
from latebloom.training.experiment import Training

SEEDS = {"smoke": 2, "quick": 3, "laptop": 5, "paper": 5}
SMOKE_STEPS = 12


def steps_of(scale: str, quick: int, laptop: int, paper: int) -> int:
    """Steps by scale; smoke has a dozen."""
    return {"smoke": SMOKE_STEPS, "quick": quick, "laptop": laptop, "paper": paper}[scale]


def recipe(scale: str, steps: int, **changes: Any) -> Training:
    """AdamW, decay 0.01, rate 1e-3, linear warm-up over a fiftieth (published: a hundredth), cosine to zero."""
    share = 100 if scale == "paper" else 50
    settings: dict[str, Any] = {
        "steps": steps,
        "lr": 1e-3,
        "weight_decay": 0.01,
        "beta2": 0.999,
        "warmup": max(steps // share, 1),
        "decay": "cosine",
    }
    return Training.parse(settings | changes)


SINE: dict[str, dict[str, Any]] = {
    "smoke": {"places": 9, "window": 3, "b": 5.0, "batch_size": 8, "n_test": 64},
    "quick": {"places": 16, "window": 3, "b": 5.0, "batch_size": 64, "n_test": 512},
    "laptop": {"places": 32, "window": 6, "b": 5.0, "batch_size": 128, "n_test": 1024},
    "paper": {"places": 64, "window": 10, "b": 10.0, "batch_size": 512, "n_test": 5000},
}
SINE_WIDTH = {"smoke": 8, "quick": 48, "laptop": 64, "paper": 128}
SINE_HEADS = {"smoke": 1, "quick": 1, "laptop": 2, "paper": 2}  # layers x heads < window: no gathering of raw numbers


def sine_task(scale: str, **changes: Any) -> SineSum:
    """The sine-sum task with p = 0.3 unless told."""
    return SineSum.parse(SINE[scale] | changes)


def sine_network(scale: str, **changes: Any) -> Decoder:
    """GPT-2 blocks with ReLU, no dropout, an MLP four times as wide; two layers unless told."""
    settings: dict[str, Any] = {"n_layers": 2, "d_model": SINE_WIDTH[scale], "n_heads": SINE_HEADS[scale]}
    return Decoder.parse(settings | changes)


TEXT_PLACES = {"smoke": 16, "quick": 32, "laptop": 64, "paper": 63}
TEXT_BATCH = {"smoke": 4, "quick": 16, "laptop": 32, "paper": 512}
TEXT_TESTED = {"smoke": 16, "quick": 256, "laptop": 1024, "paper": 4096}
TEXT_WIDTH = {"smoke": 8, "quick": 32, "laptop": 64, "paper": 768}


def text_task(scale: str, **changes: Any) -> Task:
    """Characters of Shakespeare's plays; made-up sentences at smoke, MS MARCO passages in GPT-2's tokens at paper.

    Every member is tested on the same windows.
    """
    common = {"batch_size": TEXT_BATCH[scale], "n_test": TEXT_TESTED[scale], "test_seed": 0}
    if scale == "paper":
        return HubText.parse(common | changes)
    common["places"] = TEXT_PLACES[scale]
    if scale == "smoke":
        return SyntheticText.parse(common | {"length": 20_000} | changes)
    return Shakespeare.parse(common | changes)


def text_network(scale: str, **changes: Any) -> Decoder:
    """Three GPT-2 blocks without dropout; GPT-2 small at paper."""
    settings: dict[str, Any] = {
        "n_layers": 12 if scale == "paper" else 2 if scale == "smoke" else 3,
        "d_model": TEXT_WIDTH[scale],
        "n_heads": 12 if scale == "paper" else 2 if scale == "smoke" else 4,
        "act_fn": "gelu_new",
        "read_out": "tied" if scale == "paper" else "linear",
        "dropout": 0.1 if scale == "paper" else 0.0,
    }
    return Decoder.parse(settings | changes)


def multiplication_task(scale: str, **changes: Any) -> Multiplication:
    """Two digits, or five as published; `width` is the number of digits that factors are filled up to."""
    digits = 5 if scale == "paper" else 2
    sizes = {"smoke": (8, 32), "quick": (64, 256), "laptop": (128, 1024), "paper": (1024, 4096)}
    batch, tested = sizes[scale]
    return Multiplication.parse(
        {"digits": digits, "width": digits, "batch_size": batch, "n_test": tested, "test_seed": 0} | changes
    )


def majority_task(scale: str, **changes: Any) -> Majority:
    """Ten symbols out of three, then ten of the majority, at every scale but smoke."""
    sizes: dict[str, Any] = {
        "smoke": {"n_seen": 4, "n_said": 3, "batch_size": 8, "n_test": 32},
        "quick": {"batch_size": 64, "n_test": 512},
        "laptop": {"batch_size": 128, "n_test": 2048},
        "paper": {"batch_size": 256, "n_test": 4096},
    }
    return Majority.parse({"loss_on": "said", **sizes[scale], **changes})
