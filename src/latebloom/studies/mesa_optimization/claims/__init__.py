"""Claims of the study; importing a module registers what it holds."""

from latebloom.studies.mesa_optimization.claims import (
    deep,
    deep_probes,
    kernel,
    mesa,
    mesa_layer,
    one_layer,
    one_layer_data,
    plain,
    propositions,
    waiting,
)

__all__ = [
    "deep",
    "deep_probes",
    "kernel",
    "mesa",
    "mesa_layer",
    "one_layer",
    "one_layer_data",
    "plain",
    "propositions",
    "waiting",
]
