"""Which columns mean accuracy in the domain and generalisation, by task, and their names in pictures."""

from dataclasses import dataclass

from latebloom.studies.drawing.logged import Logged
from latebloom.studies.drawing.style import CYCLE


@dataclass(frozen=True)
class Accuracies:
    """Columns of one task."""

    known: str
    held_out: str
    linear: str = ""  # share of the rule of word order
    chance: float | None = None
    guess: str = "chance"  # what scores `chance`


KINDS = {
    "question_formation": Accuracies(
        "val_first_word", "gen_first_word", "gen_first_auxiliary", 0.5, "one of two that agree"
    ),
    "tense_inflection": Accuracies("val_main_verb", "gen_main_verb", "gen_recent_noun"),
    "simple_agreement": Accuracies("val_all_verbs", "gen_all_verbs", "gen_recent_noun"),
    "dyck": Accuracies("val_closing_any", "gen_closing_any", chance=1 / 20),
}
KNOWN, HELD_OUT, LINEAR = CYCLE[0], CYCLE[1], CYCLE[3]
INSTRUMENTS = {
    "train_loss": "training loss (nats a token)",
    "weight_norm_per_root_layer": "weight norm / √layers",
    "sparsity": "attention sparsity (nats)",
    "t_score_released": "tree score",
    "t_parseval": "bracketing F1",
}


def accuracies(logged: Logged) -> Accuracies | None:
    """The columns of a run's task; None where they were not measured."""
    kind = next(iter(logged.specifications.values())).task.kind
    found = KINDS.get(kind)
    return found if found and found.held_out in logged.frame and found.known in logged.frame else None


def instruments(logged: Logged) -> dict[str, str]:
    """The instruments that were measured more than once."""
    return {
        name: label
        for name, label in INSTRUMENTS.items()
        if name in logged.frame and logged.frame.loc[logged.frame[name].notna(), "step"].nunique() > 1
    }
