"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.claims import (
    deep,
    deep_probes,
    few_shot,
    kernel,
    language,
    linearised,
    mesa,
    mesa_layer,
    one_layer,
    one_layer_data,
    partial,
    plain,
    propositions,
)

__all__ = [
    "deep",
    "deep_probes",
    "few_shot",
    "kernel",
    "language",
    "linearised",
    "mesa",
    "mesa_layer",
    "one_layer",
    "one_layer_data",
    "partial",
    "plain",
    "propositions",
]
