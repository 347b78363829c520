"""Question Formation with other data, another objective, or another network: what the follow-ups found."""

from typing import Any

from latebloom.models import GRU
from latebloom.studies.structural_grokking.experiments.question import question
from latebloom.studies.structural_grokking.experiments.recipe import HEADS, SEEDS, now_and_then, recipe, rows
from latebloom.studies.structural_grokking.experiments.tense import tense
from latebloom.tasks import QuestionFormation, TenseInflection
from latebloom.training.experiment import Experiment, Measure
from latebloom.training.presets import Preset, preset

# Accuracies and losses only are measured: trees and patterns would not say more about whether an arm generalises.
ADDED_STEPS = {"smoke": 30, "quick": 2000, "laptop": 6000, "paper": 50_000}
EMBEDDED_STEPS = {"smoke": 30, "quick": 2000, "laptop": 8000, "paper": 300_000}
BOTH_WAYS_STEPS = {"smoke": 30, "quick": 2000, "laptop": 6000, "paper": 300_000}  # told beside a claim, not judged
GRU_STEPS = {"smoke": 30, "quick": 1000, "laptop": 8000, "paper": 300_000}


def loss(scale: str) -> Measure:
    """The training loss."""
    return Measure(name="structural_grokking.train_loss", when=now_and_then(scale))


def _variant(name: str, scale: str, steps: int | None = None, task: dict[str, Any] | None = None) -> Experiment:
    changed = QuestionFormation.parse(rows(scale, **(task or {})))
    return question(
        f"structural_grokking.{name}",
        scale,
        task=changed,
        training=recipe(scale, steps),
        measure=(Measure(name="structural_grokking.first_word"), loss(scale)),
        population=5,
    )


@preset("structural_grokking.question_embedded")
def embedded(scale: str) -> Preset:
    """Question Formation where no copied sentence, or every one, has a clause on its subject."""
    experiment = _variant("question_embedded", scale, EMBEDDED_STEPS[scale])
    return Preset(experiment, {"task.centre_embedded": (0.0, 1.0), "seed": range(SEEDS[scale])})


@preset("structural_grokking.question_added")
def added(scale: str) -> Preset:
    """Question Formation with withheld questions, rightly answered, added to training."""
    count = {"smoke": 30}.get(scale, 10_000)
    experiment = _variant("question_added", scale, ADDED_STEPS[scale], {"disambiguating": count})
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("structural_grokking.question_prefix")
def prefix(scale: str) -> Preset:
    """Question Formation with the loss on the answer only."""
    return Preset(_variant("question_prefix", scale, task={"objective": "prefix"}), {"seed": range(SEEDS[scale])})


@preset("structural_grokking.question_as_printed")
def as_printed(scale: str) -> Preset:
    """Question Formation by the network of the paper's appendix: four heads, tied output matrix, clipped at norm 10."""
    experiment = _variant("question_as_printed", scale)
    changed = {
        "model": experiment.model.replace({"n_heads": min(4, HEADS[scale]), "read_out": "tied"}),
        "training": recipe(scale, clip=10.0),
    }
    return Preset(experiment.model_copy(update=changed), {"seed": range(SEEDS[scale])})


@preset("structural_grokking.question_norm_first")
def norm_first(scale: str) -> Preset:
    """Question Formation with LayerNorm before each part and not after each sum."""
    experiment = _variant("question_norm_first", scale)
    model = experiment.model.replace({"norm": "pre"})
    return Preset(experiment.model_copy(update={"model": model}), {"seed": range(SEEDS[scale])})


@preset("structural_grokking.question_source_both_ways")
def both_ways(scale: str) -> Preset:
    """Question Formation as from source to target: the source read in both directions, the loss on the answer."""
    experiment = _variant("question_source_both_ways", scale, BOTH_WAYS_STEPS[scale], task={"objective": "prefix"})
    task = QuestionFormation()
    model = experiment.model.replace({"source_ends": task.task_numbers})
    return Preset(experiment.model_copy(update={"model": model}), {"seed": range(min(SEEDS[scale], 3))})


@preset("structural_grokking.question_no_copies")
def no_copies(scale: str) -> Preset:
    """Question Formation without copies, in training."""
    return Preset(_variant("question_no_copies", scale, task={"declaratives": 0.0}), {"seed": range(SEEDS[scale])})


@preset("structural_grokking.tense_no_copies")
def tense_no_copies(scale: str) -> Preset:
    """Tense Inflection without copies, in training."""
    experiment = tense(
        "structural_grokking.tense_no_copies",
        scale,
        task=TenseInflection.parse(rows(scale, past=0.0)),
        measure=(Measure(name="structural_grokking.main_verb"), loss(scale)),
        population=5,
    )
    return Preset(experiment, {"seed": range(SEEDS[scale])})


@preset("structural_grokking.question_gru")
def gru(scale: str) -> Preset:
    """Question Formation by a recurrent network, with the loss on all words or on the answer."""
    width = {"smoke": 16, "quick": 128, "laptop": 256, "paper": 512}[scale]
    experiment = _variant("question_gru", scale).model_copy(
        update={
            "model": GRU(n_layers=2, d_model=width, dropout=0.1),
            "training": recipe(scale, GRU_STEPS[scale], lr=1e-3),
        }
    )
    return Preset(experiment, {"task.objective": ("full", "prefix"), "seed": range(SEEDS[scale])})
